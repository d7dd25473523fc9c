"""A case on a cluster: after each change everyone is asked everything, and so is the oracle.

It is carried out, asked and judged as a run does it (``run``, ``judge``), with one difference: a
state whose first look is as expected is not looked at any longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from netpol_conformance.clusters.base import (
    Cluster,
    ClusterError,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.expectation.matrix import connections, expect
from netpol_conformance.fuzz.cases import Shape
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import ClusterState, Pod, SourceKind
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.explain import explain
from netpol_conformance.probe.verdict import Observation, Verdict
from netpol_conformance.run.execution import Execution
from netpol_conformance.run.preparing import complaint, self_test
from netpol_conformance.run.results import judged
from netpol_conformance.run.settle import Settled, poll_until_expected, settle
from netpol_conformance.run.timeouts import DEFAULT_TIMEOUTS, Timeouts
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import Path, PathError, path
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario, Step, Via

IN_FORCE_AT_ONCE = replace(DEFAULT_TIMEOUTS, enforce=0.0)
"""For a cluster on which a change is in force when it returns, as on the embedded one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where cases are asked: ``cluster`` gives a worker one of its own, of cases of ``shape``."""

    cluster: Callable[[], Cluster]
    shape: Shape
    timeouts: Timeouts = IN_FORCE_AT_ONCE


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A cell that the cluster treats otherwise than the oracle says, after step ``index`` (from 0)
    of ``scenario``: what a run would call a FAIL.
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
        explanations = dict.fromkeys(explain(self.state, one) for one in asked)
        answer = self.seen.output.strip()
        what = f"{self.cell}: expected {self.expected}, seen {self.seen.verdict}"
        return "\n\n".join([f"{what}\n  {self.seen.command}\n  {answer}", *explanations])


class UnclearError(Exception):
    """What was seen twice shows nothing of the policy: the run is inconclusive. Says what."""


FAULTS = (ClusterError, RefusedError, UnsupportedError, UnclearError)
"""What makes a run inconclusive."""


def check_probes(cluster: Cluster) -> None:
    """Test the probes themselves; raises ClusterError, UnclearError."""
    if wrong := complaint(self_test(cluster)):
        raise UnclearError(wrong)


def disagreements(
    cluster: Cluster,
    scenario: Scenario,
    timeouts: Timeouts,
    on_progress: Callable[[], None] = lambda: None,
) -> tuple[Disagreement, ...]:
    """Carry out the scenario on a fresh cluster, and ask after each step, until something is wrong.

    ``on_progress`` hears of each state asked, that before the first change excepted. Raises
    ClusterError, UnsupportedError, RefusedError, and UnclearError.
    """
    execution = Execution(scenario, cluster, timeouts)
    execution.start()
    execution.apply_initial(fresh=True)
    for index, step in enumerate(scenario.steps):
        change = execution.change(step)
        state = execution.in_force
        expected = expectations(scenario, step, state)
        if wrong := _failed(execution, expected, change.done_at):
            return tuple(
                Disagreement(scenario, index, state, cell, expected[cell], seen)
                for cell, seen in wrong.items()
            )
        if index:
            on_progress()
    return ()


def _failed(
    execution: Execution, expected: Mapping[CellKey, Expectation], changed_at: float
) -> dict[CellKey, Observation]:
    """The cells that fail, each with what was seen last; raises UnclearError if none is clear."""
    prober, first = execution.prober(), Settled()
    # Whatever a drawn case changes may take the longest.
    end = changed_at + execution.timeouts.longest

    def until(_wrong: Collection[CellKey]) -> float:
        return end

    poll_until_expected(prober, expected, first, changed_at=changed_at, until=until)
    if first.seconds is not None:
        return {}
    doubted = {cell: expected[cell] for cell in first.transient}
    settled = settle(prober, doubted, changed_at=changed_at, until=until)
    last = settled.rounds[-1]
    seen = {cell: last.cells[cell].decisive(doubted[cell]) for cell in last.wrong(doubted)}
    unresolved = [cell for cell, one in seen.items() if one.verdict is Verdict.NAME_NOT_RESOLVED]
    names = execution.closing_control(unresolved, execution.timeouts.enforce)
    # Each case begins without any policy, and asks every cell: the network carries them all.
    proofs = {cell: execution.controls.proof(cell, carried=True) for cell in seen}
    judgements = {
        cell: judged(cell, doubted[cell], settled, replace(proof, names_resolve=names))
        for cell, proof in proofs.items()
    }
    failed = {cell: one for cell, one in seen.items() if judgements[cell].outcome is Outcome.FAIL}
    if seen and not failed:
        cell, one = next(iter(seen.items()))
        what = f"{cell}: expected {doubted[cell]}, seen {one.verdict}"
        answer = f"{one.command}: {one.output.strip()}"
        raise UnclearError(f"{what}: {answer}\n{judgements[cell].reason}")
    return failed


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
        for source in (ref for ref in scenario.sources if ref.kind == SourceKind.POD):
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
