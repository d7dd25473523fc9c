"""Results of probing during a change: judged, with the evidence chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netpol_conformance.expectation.matrix import Expected
from netpol_conformance.judge.continuous import ChangeWindow, Finding, judge_series, record
from netpol_conformance.probe.ask import socket_command
from netpol_conformance.probe.verdict import Sample, Series
from netpol_conformance.run.change import Change
from netpol_conformance.run.continuous import ContinuousSeen
from netpol_conformance.run.events import Evidence, HeldResult, MeanwhileResult, evidence
from netpol_conformance.run.rounds import Controls
from netpol_conformance.scenario.types import CellKey

_MOST_SHOWN = 6
"""Unexpected samples that are kept as evidence: the first ones, and the last."""


def continuous_results(
    seen: ContinuousSeen,
    expected: Mapping[CellKey, Expected],
    controls: Controls,
    change: Change,
    carried: Mapping[CellKey, bool | None],
) -> Iterator[MeanwhileResult]:
    """Each cell that was probed all through ``change``, judged by what was ``seen`` and by its
    ``controls``; ``expected`` has what each had to be at every moment, ``carried`` whether the pod
    network carries it.
    """
    window = ChangeWindow(change.began, change.ended)
    for cell, series in seen.series.items():
        entry = expected[cell]
        witnesses = seen.witnesses[cell.destination]
        proof = controls.proof(cell, carried=carried[cell])
        finding = judge_series(entry.expectation, series, witnesses, proof, window)
        first = finding.unexpected[0].at - window.began if finding.unexpected else None
        yield MeanwhileResult(
            source=str(cell.source),
            destination=str(cell.destination),
            protocol=cell.destination.protocol,
            expected=entry.expectation,
            explanation=entry.explanation,
            rules=entry.rules,
            outcome=finding.outcome,
            reason=finding.reason,
            not_carried=finding.not_carried,
            probes=finding.figures.probes,
            seconds=finding.figures.seconds,
            rate=finding.figures.rate,
            resolution=finding.figures.resolution,
            unexpected=len(finding.unexpected),
            first_unexpected=first,
            gap=finding.gap,
            evidence=tuple(_evidence(cell, series, finding, controls)),
        )


def held_results(seen: ContinuousSeen) -> Iterator[HeldResult]:
    """Each connection that was held, and what became of it by what was ``seen``."""
    for cell, kept in seen.held.items():
        outcome = record(kept.before, kept.after, kept.witness)
        shown = [evidence("held", kept.before), evidence("held", kept.after)]
        if kept.witness is not None:
            shown.append(evidence("witness", kept.witness))
        yield HeldResult(
            source=str(cell.source),
            destination=str(cell.destination),
            protocol=cell.destination.protocol,
            fate=outcome.fate,
            outcome=outcome.outcome,
            reason=outcome.reason,
            evidence=tuple(shown),
        )


def _evidence(
    cell: CellKey, series: Series, finding: Finding, controls: Controls
) -> Iterator[Evidence]:
    """The cell's controls, and of its many probes the first, the last and the unexpected."""
    for observation in controls.of(cell):
        yield evidence("control", observation)
    command = socket_command(series.probe)
    for sample in _shown_samples(series, finding):
        yield evidence("meanwhile", series.observation(sample, command))


def _shown_samples(series: Series, finding: Finding) -> list[Sample]:
    """The first and the last probe, and those that saw something unexpected, in order."""
    odd = finding.unexpected
    if len(odd) > _MOST_SHOWN:
        odd = (*odd[: _MOST_SHOWN - 1], odd[-1])
    chosen = {*series.samples[:1], *series.samples[-1:], *odd}
    return sorted(chosen, key=lambda sample: sample.at)
