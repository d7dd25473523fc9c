"""What continuous probes saw: a Series of Sightings for each. Values only; ``prober`` asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from netpol_conformance.probe.verdict import Observation, Probe, Verdict


class Sighting(NamedTuple):
    """One probe of a series: when it was sent (seconds since the epoch), and what it saw."""

    at: float
    verdict: Verdict
    duration: float
    identity: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """All sightings of one probe, in the order in which they were sent.

    ``presence`` are the times (from, to) during which the source was there and should have asked.
    ``fault`` says why the asking ended before its time, if it did.
    """

    probe: Probe
    sightings: tuple[Sighting, ...]
    presence: tuple[tuple[float, float], ...]
    fault: str = ""

    def observation(self, sighting: Sighting, command: str) -> Observation:
        """One sighting as an observation; ``command`` asks the same."""
        seen = sighting.remark or f"answered by {sighting.identity}"
        return Observation(
            self.probe,
            sighting.verdict,
            command,
            seen,
            sighting.at,
            sighting.duration,
            identity=sighting.identity,
        )
