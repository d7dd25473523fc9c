"""A case on a cluster: after each change everyone is asked everything, and so is the oracle.

What is not as expected is asked again, with patience: a busy machine makes a connection late, and
a UDP socket may get the port of an earlier one, whose flow the kernel remembers and lets pass (S8).
Neither happens twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.base import (
    Cluster,
    ClusterError,
    ClusterSpec,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.expectation.matrix import connections, expect
from netpol_conformance.fuzz.cases import Shape
from netpol_conformance.model.objects import ClusterState, Pod
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.explain import explain
from netpol_conformance.probe.verdict import Observation, Probe, Verdict
from netpol_conformance.run.addressing import Addressing
from netpol_conformance.run.change import Changes
from netpol_conformance.run.preparing import manifest_list, outside_hosts
from netpol_conformance.run.selftest import faults, self_test
from netpol_conformance.run.timeouts import DEFAULT_TIMEOUTS
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import Path, PathError, path
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario, Step, Via

_SEEN_AS = {
    Expectation.CONNECTED: (Verdict.CONNECTED,),
    Expectation.BLOCKED: (Verdict.TIMED_OUT, Verdict.REFUSED),
    Expectation.UNRESOLVED: (Verdict.NAME_NOT_RESOLVED,),
}
_CONTRADICTED_BY = {
    Expectation.CONNECTED: (Verdict.TIMED_OUT, Verdict.REFUSED, Verdict.NAME_NOT_RESOLVED),
    Expectation.BLOCKED: (Verdict.CONNECTED,),
    Expectation.UNRESOLVED: (Verdict.CONNECTED, Verdict.TIMED_OUT, Verdict.REFUSED),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. ``brief`` is a first look's silence, ``long`` a second's; ``enforce`` is how long
    after a change a plugin may still be at it, 0 where a change is in force when it returns.
    """

    brief: float = 0.25
    long: float = 3.0
    enforce: float = 0.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where cases are asked: ``cluster`` gives a worker one of its own."""

    cluster: Callable[[], Cluster]
    shape: Shape
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A cell that the cluster treats otherwise than the oracle says, after step ``index`` (from 0)
    of ``scenario``; seen twice, its server answering from inside its own pod.
    """

    scenario: Scenario
    index: int
    state: ClusterState
    cell: CellKey
    expected: Expectation
    seen: Observation

    def __str__(self) -> str:
        """What was seen, and why it must not be."""
        found = path(self.state, self.scenario, self.cell)
        asked = connections((*found.lookup, *found.flows), found.family)
        told = dict.fromkeys(explain(self.state, one) for one in asked)
        answer = self.seen.output.strip()
        what = f"{self.cell}: expected {self.expected}, seen {self.seen.verdict}"
        return "\n\n".join([f"{what}\n  {self.seen.command}\n  {answer}", *told])


class UnclearError(Exception):
    """What was seen twice shows nothing of the policy: the run is inconclusive. Says what."""


FAULTS = (ClusterError, RefusedError, UnsupportedError, UnclearError)
"""What makes a run inconclusive."""


def check_probes(cluster: Cluster) -> None:
    """Test the probes themselves, on a fresh cluster; raises ClusterError, UnclearError."""
    cluster.start(ClusterSpec(nodes=1))
    for check in faults(self_test(cluster)):
        raise UnclearError(f"a probe known to be {check.expected}: {_told(check.observation)}")


def disagreements(
    cluster: Cluster,
    scenario: Scenario,
    patience: Patience,
    tell: Callable[[], None] = lambda: None,
) -> tuple[Disagreement, ...]:
    """Carry out the scenario on a fresh cluster, and ask after each step, until something is wrong.

    ``tell`` hears of each state asked, that before the first change excepted. Raises ClusterError,
    UnsupportedError, RefusedError, and UnclearError.
    """
    hosts = {host.name: host for host in outside_hosts(scenario)}
    spec = ClusterSpec(scenario.nodes, scenario.families, scenario.version, tuple(hosts.values()))
    cluster.start(spec)
    cluster.apply(manifest_list(scenario.objects))
    cluster.wait_ready(DEFAULT_TIMEOUTS.ready)
    changes = Changes(cluster, scenario)
    for index, step in enumerate(scenario.steps):
        changes.make(step)
        if step.apply:
            cluster.wait_ready(DEFAULT_TIMEOUTS.ready)
        state = cluster.state()
        asking = _Asking(cluster, scenario, Addressing(state, hosts), patience)
        expected = expectations(scenario, step, state)
        if wrong := asking.wrong(expected):
            return tuple(
                Disagreement(scenario, index, state, cell, expected[cell], seen)
                for cell, seen in wrong.items()
            )
        if index:
            tell()
    return ()


def expectations(scenario: Scenario, step: Step, state: ClusterState) -> dict[CellKey, Expectation]:
    """What each cell must show; without those that the specification leaves open."""
    oracle = Oracle(state)
    words: dict[CellKey, Expectation] = {}
    for cell in (*cells(scenario, step, state), *hairpins(scenario, state)):
        found = path(state, scenario, cell)
        if _served(found):
            word = expect(oracle, found).expectation
            if word is not Expectation.UNSPECIFIED:
                words[cell] = word
    return words


def hairpins(scenario: Scenario, state: ClusterState) -> Iterator[CellKey]:
    """Each pod that is alone behind a Service, asked through it by itself (S42)."""
    for destination in scenario.destinations:
        if destination.via is not Via.CLUSTER_IP:
            continue
        for source in (ref for ref in scenario.sources if ref.kind == "pod"):
            cell = CellKey(source, destination)
            with suppress(PathError):
                flows = path(state, scenario, cell).flows
                if flows and all(flow.source == flow.destination for flow in flows):
                    yield cell


def _served(found: Path) -> bool:
    """Whether every pod that a Service may choose listens; who does not refuses, policy or none."""
    return all(
        (flow.port, flow.protocol) in {(port.number, port.protocol) for port in pod.ports}
        for flow in found.flows
        if isinstance(pod := flow.destination, Pod)
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions to one state of the cluster."""

    cluster: Cluster
    scenario: Scenario
    addressing: Addressing
    patience: Patience

    def wrong(self, expected: Mapping[CellKey, Expectation]) -> dict[CellKey, Observation]:
        """The cells that are confirmed not to be as expected."""
        deadline = time.monotonic() + self.patience.enforce
        wrong = self.look(expected, list(expected), self.patience.brief)
        while wrong and time.monotonic() < deadline:
            wrong = self.look(expected, list(wrong), self.patience.brief)
        if not wrong:
            return {}
        clear = self.confirmed(expected, list(wrong))
        self.witness([cell for cell in clear if expected[cell] is Expectation.CONNECTED])
        return clear

    def confirmed(
        self, expected: Mapping[CellKey, Expectation], asked: Sequence[CellKey]
    ) -> dict[CellKey, Observation]:
        """Those of ``asked`` that contradict what is expected once more.

        What shows nothing either way is asked a last time; raises UnclearError if all is such.
        """
        wrong: dict[CellKey, Observation] = {}
        for silence in (self.patience.long, 2 * self.patience.long):
            wrong = self.look(expected, asked, silence)
            clear = {
                cell: seen
                for cell, seen in wrong.items()
                if seen.verdict in _CONTRADICTED_BY[expected[cell]]
            }
            if clear or not wrong:
                return clear
            asked = list(wrong)
        cell, seen = next(iter(wrong.items()))
        raise UnclearError(f"{cell}: expected {expected[cell]}, {_told(seen)}")

    def look(
        self, expected: Mapping[CellKey, Expectation], asked: Sequence[CellKey], silence: float
    ) -> dict[CellKey, Observation]:
        """Those of ``asked`` that are not seen as expected."""
        answers = self.cluster.probe([self.probe(cell, silence) for cell in asked])
        return {
            cell: seen
            for cell, seen in zip(asked, answers, strict=True)
            if seen.verdict not in _SEEN_AS[expected[cell]]
        }

    def probe(self, cell: CellKey, silence: float) -> Probe:
        named = cell.destination.named
        return replace(self.addressing.probe(cell, by_name=named), timeout=silence)

    def witness(self, closed: Sequence[CellKey]) -> None:
        """A server that is down looks like a policy: it must answer its own pod."""
        destinations = dict.fromkeys(cell.destination for cell in closed)
        probes = [
            probe
            for destination in destinations
            for probe in self.addressing.witnesses(destination, self.patience.long)
        ]
        for seen in self.cluster.probe(probes):
            if seen.verdict is not Verdict.CONNECTED:
                raise UnclearError(f"{seen.probe.source} does not even reach itself: {_told(seen)}")


def _told(seen: Observation) -> str:
    return f"seen {seen.verdict}: {seen.command}: {seen.output.strip()}"
