"""From what was seen through a change to what events tell of it: judging, choosing evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netpol_conformance.expectation.matrix import Expected
from netpol_conformance.judge.cell import Proof
from netpol_conformance.judge.continuous import Finding, Span, judge_series, record
from netpol_conformance.probe.ask import socket_command
from netpol_conformance.probe.verdict import Series, Sighting
from netpol_conformance.run.change import Change
from netpol_conformance.run.continuous import LastingSeen
from netpol_conformance.run.events import Evidence, HeldResult, MeanwhileResult, evidence
from netpol_conformance.run.rounds import Controls
from netpol_conformance.scenario.types import CellKey

_MOST_SHOWN = 6
"""Unexpected sightings that are kept as evidence: the first ones, and the last."""


def meanwhile_results(
    seen: LastingSeen, expected: Mapping[CellKey, Expected], controls: Controls, change: Change
) -> Iterator[MeanwhileResult]:
    """Each cell that was probed all the time, judged."""
    span = Span(change.began, change.ended)
    for cell, series in seen.series.items():
        entry = expected[cell]
        witnesses = seen.witnesses[cell.destination]
        proof = Proof(controls.of(cell))
        finding = judge_series(entry.expectation, series, witnesses, proof, span)
        first = finding.unexpected[0].at - span.began if finding.unexpected else None
        yield MeanwhileResult(
            source=str(cell.source),
            destination=str(cell.destination),
            protocol=cell.destination.protocol,
            expected=entry.expectation,
            explanation=entry.explanation,
            rules=entry.rules,
            outcome=finding.outcome,
            reason=finding.reason,
            probes=finding.figures.probes,
            seconds=finding.figures.seconds,
            rate=finding.figures.rate,
            resolution=finding.figures.resolution,
            unexpected=len(finding.unexpected),
            first_unexpected=first,
            gap=finding.gap,
            evidence=tuple(_evidence(cell, series, finding, controls)),
        )


def held_results(seen: LastingSeen) -> Iterator[HeldResult]:
    """Each connection that was held, and what became of it."""
    for cell, kept in seen.held.items():
        told = record(kept.before, kept.after, kept.witness)
        shown = [evidence("held", kept.before), evidence("held", kept.after)]
        if kept.witness is not None:
            shown.append(evidence("witness", kept.witness))
        yield HeldResult(
            source=str(cell.source),
            destination=str(cell.destination),
            protocol=cell.destination.protocol,
            fate=told.fate,
            outcome=told.outcome,
            reason=told.reason,
            evidence=tuple(shown),
        )


def _evidence(
    cell: CellKey, series: Series, finding: Finding, controls: Controls
) -> Iterator[Evidence]:
    """The cell's controls, and of its many probes those that tell most."""
    for observation in controls.of(cell):
        yield evidence("control", observation)
    command = socket_command(series.probe)
    for sighting in _telling(series, finding):
        yield evidence("meanwhile", series.observation(sighting, command))


def _telling(series: Series, finding: Finding) -> list[Sighting]:
    """The first and the last probe, and those that saw something unexpected, in order."""
    odd = finding.unexpected
    if len(odd) > _MOST_SHOWN:
        odd = (*odd[: _MOST_SHOWN - 1], odd[-1])
    chosen = {*series.sightings[:1], *series.sightings[-1:], *odd}
    return sorted(chosen, key=lambda sighting: sighting.at)
