"""Runs scenarios against broken enforcers, many at once, each to the first step that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Observation, Probe, Tool
from netpol_conformance.run.events import Event, ScenarioFinished, StepFinished
from netpol_conformance.run.network import OWN_NETWORK
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Scenario

from .matrix import NOBODY

FOLDER = Path(__file__).parent.with_name("mutants")


class AskedBySockets(EmbeddedCluster):
    """Asks by sockets what wget would be asked for: enforcers cannot tell, and a process for each
    probe is two thirds of what asking costs.
    """

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """One observation a probe, in order."""
        return super().probe([replace(probe, tool=Tool.SOCKET) for probe in probes])


class Pass(NamedTuple):
    """How runs are made: with what patience, how many at once, and on which cluster."""

    timeouts: Timeouts
    at_once: int
    cluster: Callable[[str], EmbeddedCluster] = EmbeddedCluster


PASSES = (
    Pass(Timeouts(enforce=0.5), 32, AskedBySockets),
    Pass(Timeouts(), 6),
    Pass(Timeouts(), 1),
)
"""What is inconclusive in one pass is run again in the next.

The embedded cluster returns from a change once it is in force: what is wrong then stays wrong, and
a short patience is enough. A run mostly waits for what must stay silent, so that many go at once;
but a busy machine may leave open what there was to see.
"""
_WAVERED = "It did not hold"
"""How the reason of an end goes on that saw a cell change by itself: no failure, and not likely to
become one.
"""


class Pair(NamedTuple):
    """A scenario, and who enforces: a mutant by its name, ``reference``, or NOBODY.

    ``decisive`` if the end matters to more than the pair: it is sought in every pass.
    """

    scenario: Scenario
    enforcer: str
    decisive: bool = True

    @property
    def name(self) -> tuple[str, str]:
        """The scenario's path, and the enforcer."""
        return self.scenario.path, self.enforcer

    @property
    def implementation(self) -> str:
        """The enforcer as the command line takes it."""
        known = self.enforcer in {"reference", NOBODY}
        return self.enforcer if known else f"{FOLDER}:{self.enforcer}"


class End(NamedTuple):
    """How a run ended, and why."""

    outcome: Outcome
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the run said nothing."""
        return self.outcome is Outcome.INCONCLUSIVE


class _FailedError(Exception):
    """A step failed: the rest of the scenario cannot change that."""


def ends(
    pairs: Iterable[Pair], on_progress: Callable[[Pair, End], object] = lambda _pair, _end: None
) -> dict[tuple[str, str], End]:
    """Run all of them; ``on_progress`` hears of each end as it comes, from whichever thread."""
    found: dict[tuple[str, str], End] = {}
    left = list(pairs)
    for number, way in enumerate(PASSES, 1):
        again = []
        with ThreadPoolExecutor(way.at_once) as pool:
            futures = {pool.submit(_run, pair, way): pair for pair in left}
            try:
                for future in as_completed(futures):
                    pair, end = futures[future], future.result()
                    found[pair.name] = end
                    if end.is_open and _repeats(pair, end, number):
                        again.append(pair)
                    else:
                        on_progress(pair, end)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        left = again
    return found


def _repeats(pair: Pair, end: End, number: int) -> bool:
    """Whether an open end of the pass ``number`` is worth another run."""
    if pair.decisive:
        return number < len(PASSES)
    return number == 1 and _WAVERED not in end.reason


def _run(pair: Pair, way: Pass) -> End:
    """One run, to its end or to the first step that fails."""
    events: list[Event] = []

    def consume(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepFinished) and event.step.outcome is Outcome.FAIL:
            raise _FailedError(event.step.title)

    with closing(way.cluster(pair.implementation)) as cluster:
        try:
            outcome = ScenarioRun(
                pair.scenario, cluster, way.timeouts, consume, network=lambda: OWN_NETWORK
            ).run()
        except _FailedError as failed:
            return End(Outcome.FAIL, str(failed))
    reasons = [event.reason for event in events if isinstance(event, ScenarioFinished)]
    return End(outcome, *reasons)
