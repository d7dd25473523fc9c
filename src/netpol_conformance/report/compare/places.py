"""The places of a step at which reports can differ, and what each report found there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from netpol_conformance.report.compare.records import Found, Kind
from netpol_conformance.report.document.report import ScenarioReport
from netpol_conformance.report.plain.marks import seen
from netpol_conformance.run.events import CellResult, HeldResult, MeanwhileResult, StepResult


class Place(NamedTuple):
    """One place, and what the reports found; None where a report does not have it.

    ``asked`` are the reports that should have it: missing ones are listed elsewhere.
    """

    kind: Kind
    found: tuple[Found | None, ...]
    asked: tuple[bool, ...]
    source: str = ""
    destination: str = ""
    explanation: str = ""
    rules: tuple[str, ...] = ()


def of_step(
    reports: Sequence[ScenarioReport | None], row: Sequence[StepResult | None]
) -> Iterator[Place]:
    """The places of one step; first the step itself, if a report with this scenario lacks it."""
    if any(report and not step for report, step in zip(reports, row, strict=True)):
        yield Place(
            "step",
            tuple(Found(outcome=step.outcome) if step else None for step in row),
            _present(reports),
        )
    asked = _present(row)
    if any(step and step.refusal for step in row):
        yield Place("refusal", tuple(_answer(step) for step in row), asked)
    for kind, held in _KINDS.items():
        columns = [held(step) if step else {} for step in row]
        for source, destination in dict.fromkeys(key for column in columns for key in column):
            results = [column.get((source, destination)) for column in columns]
            yield _place(Place(kind, (), asked, source, destination), results)


def of_scenario(reports: Sequence[ScenarioReport | None]) -> Place:
    """A scenario as a whole, for where no step of it differs."""
    found = (Found(outcome=item.outcome, reason=item.reason) if item else None for item in reports)
    return Place("scenario", tuple(found), _present(reports))


_Result = CellResult | MeanwhileResult | HeldResult
_Results = Mapping[tuple[str, str], _Result]


def _by_place(results: Sequence[_Result]) -> _Results:
    return {(item.source, item.destination): item for item in results}


_KINDS: dict[Kind, Callable[[StepResult], _Results]] = {
    "cell": lambda step: _by_place(step.cells),
    "meanwhile": lambda step: _by_place(step.meanwhile),
    "held": lambda step: _by_place(step.held),
}


def _place(place: Place, results: Sequence[_Result | None]) -> Place:
    found = tuple(_found(item) if item else None for item in results)
    first = next(item for item in results if item)
    if isinstance(first, HeldResult):
        return place._replace(found=found)
    return place._replace(found=found, explanation=first.explanation, rules=first.rules)


def _found(item: _Result) -> Found:
    said = {"outcome": item.outcome, "reason": item.reason}
    match item:
        case CellResult():
            return Found(**said, seen=seen(item), blocked=item.blocked, expected=item.expected)
        case MeanwhileResult():
            words = f"{item.unexpected:,} of {item.probes:,} probes unexpected"
            return Found(**said, seen=words, expected=item.expected)
        case HeldResult():
            return Found(**said, seen=item.fate or "")


def _answer(step: StepResult | None) -> Found | None:
    """What the API answered; a step that expects no refusal and got none has none."""
    if step is None or step.refusal is None:
        return None
    refusal = step.refusal
    said = "refused" if refusal.answer else "accepted"
    return Found(outcome=refusal.outcome, seen=said, reason=refusal.reason)


def _present(items: Sequence[object | None]) -> tuple[bool, ...]:
    return tuple(item is not None for item in items)
