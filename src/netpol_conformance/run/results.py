"""From what a step's rounds saw to its StepResult: judging, and collecting evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from netpol_conformance.expectation.matrix import Expected
from netpol_conformance.judge.cell import Judgement, Proof, judge
from netpol_conformance.judge.lateness import lateness
from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import ClusterState, SourceKind
from netpol_conformance.run.change import Change
from netpol_conformance.run.continuous import ContinuousSeen
from netpol_conformance.run.continuous_results import continuous_results, held_results
from netpol_conformance.run.events import (
    AnyCell,
    CellResult,
    Evidence,
    LateResult,
    MeanwhileResult,
    PolicyField,
    StepResult,
    evidence,
)
from netpol_conformance.run.rounds import Controls
from netpol_conformance.run.settle import Settled
from netpol_conformance.run.waiting import Cut
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario, SourceRef, Step


@dataclass(frozen=True)
class StepRun:
    """One step as it went, not yet judged: what was expected, and what its looks saw; ``cut`` are
    the cells whose wait was cut short.
    """

    index: int
    step: Step
    change: Change
    expected: Mapping[CellKey, Expected]
    settled: Settled
    continuous: ContinuousSeen
    meanwhile: Mapping[CellKey, Expected]
    carried: Mapping[CellKey, bool | None]
    state: ClusterState
    started: float
    duration: float
    cut: Mapping[CellKey, Cut]

    @cached_property
    def denied(self) -> dict[CellKey, Expectation]:
        """The cells that need a control."""
        return {
            cell: entry.expectation
            for cell, entry in (*self.expected.items(), *self.meanwhile.items())
            if entry.expectation in (Expectation.BLOCKED, Expectation.UNRESOLVED)
        }


def step_result(
    scenario: Scenario, step_run: StepRun, controls: Controls, *, within: float | None = None
) -> StepResult:
    """Judge every cell of ``step_run``, a step of ``scenario``, by what it saw and ``controls``,
    and, if somebody demands it, whether it was in force ``within`` so many seconds.
    """
    cells = tuple(
        _cell_result(cell, entry, step_run, controls) for cell, entry in step_run.expected.items()
    )
    change, refusal = step_run.change, step_run.change.refusal
    meanwhile = tuple(
        continuous_results(
            step_run.continuous, step_run.meanwhile, controls, change, step_run.carried
        )
    )
    held = tuple(held_results(step_run.continuous))
    judged: list[AnyCell] = [*cells, *meanwhile, *held]
    late = _late(step_run, within) if within else None
    outcomes = [part.outcome for part in (*judged, refusal, late) if part]
    present = {cell.source for cell in cells}, {cell.destination for cell in cells}
    return StepResult(
        index=step_run.index,
        title=step_run.step.title,
        applied=change.applied,
        deleted=tuple(str(key) for key in step_run.step.delete),
        finished=tuple(str(key) for key in step_run.step.finish),
        reused=change.reused,
        enforcer=step_run.step.enforcer,
        refusal=refusal,
        late=late,
        cells=cells,
        sources=_ordered(scenario.sources, present[0]),
        destinations=_ordered(scenario.destinations, present[1]),
        labels=_labels(step_run.state),
        meanwhile=meanwhile,
        held=held,
        outcome=combine(outcomes),
        seconds_to_enforce=step_run.settled.seconds,
        started=step_run.started,
        duration=step_run.duration,
    )


def first_reason(results: Sequence[StepResult]) -> str:
    """The first thing in ``results`` that is not as it should be, in a sentence; empty if all is
    well. A failure comes before what is inconclusive.
    """
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        for result in results:
            for whole in (result.refusal, result.late):
                if whole is not None and whole.outcome is outcome:
                    return f"Step {result.index}: {whole.reason}"
            asked: list[AnyCell] = [*result.cells, *result.meanwhile, *result.held]
            for cell in asked:
                if cell.outcome is outcome:
                    where = f"Step {result.index}: {cell.source} -> {cell.destination}"
                    return f"{where}: {cell.reason}"
    return ""


def lacks_paths_only(results: Sequence[StepResult]) -> bool:
    """Whether ``results`` are inconclusive for paths that the pod network doesn't carry alone."""
    wrong = [part for result in results for part in result.parts if part.outcome.is_wrong]
    return all(
        isinstance(part, CellResult | MeanwhileResult) and part.not_carried for part in wrong
    )


def _late(step_run: StepRun, within: float) -> LateResult | None:
    """What a step that is as expected, but was not ``within`` so many seconds, comes to."""
    step, settled = step_run.step, step_run.settled
    changes = step.apply or step.delete or step.finish or step.enforcer
    wanted = {cell: entry.expectation for cell, entry in step_run.expected.items()}
    if not changes or step_run.change.refusal or settled.seconds is None or settled.wrong(wanted):
        return None
    found = lateness(settled.seconds, settled.not_yet, within)
    if found is None:
        return None
    taken = settled.seconds
    return LateResult(within=within, seconds=taken, outcome=found.outcome, reason=found.reason)


def _cell_result(
    cell: CellKey, entry: Expected, step_run: StepRun, controls: Controls
) -> CellResult:
    proof = controls.proof(cell, carried=step_run.carried[cell])
    judgement = judged(cell, entry.expectation, step_run.settled, proof)
    if cell in step_run.cut:
        judgement = step_run.cut[cell].qualify(judgement)
    return CellResult(
        source=str(cell.source),
        destination=str(cell.destination),
        protocol=cell.destination.protocol,
        expected=entry.expectation,
        stated=entry.stated,
        explanation=entry.explanation,
        rules=entry.rules,
        decided_by=tuple(
            PolicyField(policy=policy, field=field, reason=reason)
            for policy, field, reason in entry.decided_by
        ),
        outcome=judgement.outcome,
        reason=judgement.reason,
        verdict=judgement.verdict,
        blocked=judgement.blocked,
        not_carried=judgement.not_carried,
        evidence=tuple(_evidence(cell, step_run, controls)),
    )


def judged(cell: CellKey, expected: Expectation, settled: Settled, proof: Proof) -> Judgement:
    """What all looks of ``settled`` at ``cell``, which must be ``expected``, come to with the
    ``proof`` that there is beside them.
    """
    looks = [look for look in settled.rounds if cell in look.cells]
    witness = looks[-1].witnesses.get(cell.destination) if looks else None
    names_resolve = any(look.names_resolve for look in settled.rounds)
    proof = replace(proof, witness=witness, names_resolve=proof.names_resolve or names_resolve)
    return judge(expected, [look.cells[cell] for look in looks], proof)


def _evidence(cell: CellKey, step_run: StepRun, controls: Controls) -> Iterator[Evidence]:
    for observation in controls.of(cell):
        yield evidence("control", observation)
    if cell in step_run.settled.transient:
        yield evidence("converge", step_run.settled.transient[cell])
    witness = None
    for full in step_run.settled.rounds:
        if cell not in full.cells:
            continue
        look = full.cells[cell]
        for observation in look.observations:
            yield evidence("confirm" if look.confirms else "hold", observation)
        witness = full.witnesses.get(cell.destination)
    if witness is not None:
        yield evidence("witness", witness)


def _labels(state: ClusterState) -> dict[str, dict[str, str]]:
    """What policies select by: the labels of all that has any but its own name."""
    pods = {
        str(SourceRef(SourceKind.POD, pod.namespace, pod.name)): pod.labels for pod in state.pods
    }
    spaces = {f"namespace/{space.name}": space.labels for space in state.namespaces}
    kept = {
        name: {key: value for key, value in labels.items() if key != NAME_LABEL}
        for name, labels in {**pods, **spaces}.items()
    }
    return {name: labels for name, labels in kept.items() if labels}


def _ordered(names: Iterable[object], present: set[str]) -> tuple[str, ...]:
    return tuple(str(name) for name in names if str(name) in present)
