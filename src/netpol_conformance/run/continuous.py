"""Probing during a change: continuous probes, and connections held open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.probe.prober import TIMEOUT
from netpol_conformance.probe.verdict import Observation, Probe, Series, Verdict
from netpol_conformance.run.addressing import Addressing
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import CellKey, Destination, Step


@dataclass(frozen=True)
class HeldSeen:
    """One held connection: used before the change and after it, and the server's own word then."""

    before: Observation
    after: Observation
    witness: Observation | None


@dataclass(frozen=True)
class ContinuousSeen:
    """All that was seen through one change."""

    series: Mapping[CellKey, Series] = field(default_factory=dict)
    witnesses: Mapping[Destination, tuple[Series, ...]] = field(default_factory=dict)
    held: Mapping[CellKey, HeldSeen] = field(default_factory=dict)


class ContinuousProbing:
    """Asks the cells of ``step`` that last, from ``begin`` to ``end``, of one cluster."""

    def __init__(
        self, cluster: Cluster, addressing: Addressing, step: Step, timeouts: Timeouts
    ) -> None:
        self._cluster = cluster
        self._addressing = addressing
        self._cells = tuple(cell for cell, _ in step.meanwhile)
        self._held = step.held
        self._patience = timeouts.confirm
        self._opened: tuple[Observation, ...] = ()

    def begin(self) -> None:
        """Open the connections to be held, and begin to ask."""
        if self._held:
            probes = [
                replace(self._addressing.probe(cell), timeout=self._patience) for cell in self._held
            ]
            self._opened = self._cluster.lifecycle().hold(probes)
        if self._cells:
            asked = [replace(self._addressing.probe(cell), timeout=TIMEOUT) for cell in self._cells]
            own = [probe for at in self._servers() for probe in self._own(at)]
            self._cluster.lifecycle().begin_series(asked, own)

    def end(self) -> ContinuousSeen:
        """Ask no more, and use the held connections again."""
        seen = self._cluster.lifecycle().end_series() if self._cells else ()
        count = len(self._cells)
        own = iter(seen[count:])
        witnesses = {at: tuple(next(own) for _ in self._own(at)) for at in self._servers()}
        series = dict(zip(self._cells, seen[:count], strict=True))
        return ContinuousSeen(series, witnesses, self._used_again())

    def _used_again(self) -> dict[CellKey, HeldSeen]:
        if not self._held:
            return {}
        after = self._cluster.lifecycle().ask_held(self._patience)
        places = list(dict.fromkeys(cell.destination for cell in self._held))
        witnesses = {at: self._witness(at) for at in places}
        return {
            cell: HeldSeen(opened, used, witnesses[cell.destination])
            for cell, opened, used in zip(self._held, self._opened, after, strict=True)
        }

    def _witness(self, destination: Destination) -> Observation | None:
        """The server's answer to its own pod; of several, one that did not come."""
        answers = self._cluster.probe(self._addressing.witnesses(destination, self._patience))
        silent = [seen for seen in answers if seen.verdict is not Verdict.CONNECTED]
        return next(iter((*silent, *answers)), None)

    def _servers(self) -> tuple[Destination, ...]:
        return tuple(dict.fromkeys(cell.destination for cell in self._cells))

    def _own(self, destination: Destination) -> tuple[Probe, ...]:
        return self._addressing.witnesses(destination, TIMEOUT)
