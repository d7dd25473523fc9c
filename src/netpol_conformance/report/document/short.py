"""A report short enough to be committed: of cells that passed it keeps only what was seen. Pure.

``shortened`` and ``expanded`` are each other's inverse, but for what passed, whose evidence,
explanation and reason are gone, and for long outputs, which are clipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Verdict
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.text import clip
from netpol_conformance.run.events import CellResult, Evidence, Seen, StepResult
from netpol_conformance.scenario.types import Expectation

_LINE = 200
"""What fits in so many characters is written on one line."""


_OUTPUT = 1000
"""Characters that are kept of a probe's output."""


class _Seen(NamedTuple):
    """What a passed cell was expected to show, and did."""

    expected: Expectation
    verdict: Verdict
    blocked: Literal["dropped", "rejected"] | None = None


_SEEN: dict[Seen, _Seen] = {
    "connected": _Seen(Expectation.CONNECTED, Verdict.CONNECTED),
    "dropped": _Seen(Expectation.BLOCKED, Verdict.TIMED_OUT, "dropped"),
    "rejected": _Seen(Expectation.BLOCKED, Verdict.REFUSED, "rejected"),
    "unresolved": _Seen(Expectation.UNRESOLVED, Verdict.NAME_NOT_RESOLVED),
}
_NAMES = {seen: name for name, seen in _SEEN.items()}


def shortened(report: Report) -> Report:
    """The report with passed cells in short, and without evidence of what else passed."""
    return _with_steps(report, _shortened).model_copy(update={"short": True})


def expanded(report: Report) -> Report:
    """The report with a cell for each that passed, which has no evidence and says why."""
    return _with_steps(report, _expanded)


def dumps(report: Report) -> str:
    """The short report's JSON text; what has its usual value is left out."""
    data = shortened(report).model_dump(mode="json", exclude_defaults=True)
    return "".join(_written({"schema_version": report.schema_version, **data})) + "\n"


def _with_steps(report: Report, change: Callable[[StepResult], StepResult]) -> Report:
    def changed(scenario: ScenarioReport) -> ScenarioReport:
        return scenario.model_copy(update={"steps": tuple(map(change, scenario.steps))})

    return report.model_copy(update={"scenarios": tuple(map(changed, report.scenarios))})


def _shortened(step: StepResult) -> StepResult:
    passed: dict[Seen, dict[str, list[str]]] = {}
    others = []
    for cell in step.cells:
        name = cell.verdict and _NAMES.get(_Seen(cell.expected, cell.verdict, cell.blocked))
        if cell.outcome is Outcome.PASS and name:
            passed.setdefault(name, {}).setdefault(cell.source, []).append(cell.destination)
        else:
            others.append(cell.model_copy(update={"evidence": tuple(map(_clipped, cell.evidence))}))
    meanwhile = tuple(
        item.model_copy(update={"evidence": ()}) if item.outcome is Outcome.PASS else item
        for item in step.meanwhile
    )
    tuples = {
        name: {source: tuple(names) for source, names in held.items()}
        for name, held in passed.items()
    }
    return step.model_copy(
        update={
            "cells": tuple(others),
            "passed": tuples,
            "meanwhile": meanwhile,
            "labels": {},
        }
    )


def _clipped(evidence: Evidence) -> Evidence:
    if len(evidence.output) <= _OUTPUT:
        return evidence
    output = clip(evidence.output, lines=_OUTPUT, characters=_OUTPUT)
    return evidence.model_copy(update={"output": output})


def _expanded(step: StepResult) -> StepResult:
    cells = sorted((*step.cells, *_passed(step)), key=_order(step))
    return step.model_copy(update={"cells": tuple(cells), "passed": {}})


def _passed(step: StepResult) -> Iterator[CellResult]:
    for name, held in step.passed.items():
        seen = _SEEN[name]
        for source, destinations in held.items():
            for destination in destinations:
                yield CellResult(
                    source=source,
                    destination=destination,
                    protocol=_protocol(destination),
                    expected=seen.expected,
                    stated=False,
                    explanation="",
                    rules=(),
                    outcome=Outcome.PASS,
                    reason="As expected; a short report keeps no evidence of it.",
                    verdict=seen.verdict,
                    blocked=seen.blocked,
                    evidence=(),
                )


def _order(step: StepResult) -> Callable[[CellResult], tuple[int, int]]:
    """Cells as the matrix has them: row by row."""
    rows, columns = _places(step.sources), _places(step.destinations)
    return lambda cell: (rows.get(cell.source, len(rows)), columns.get(cell.destination, 0))


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _protocol(destination: str) -> Protocol:
    """The protocol that a destination names after its port; TCP if none."""
    named = destination.rpartition(":")[2].split("/")
    return next((protocol for protocol in Protocol if protocol.value in named), Protocol.TCP)


def _written(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """JSON in which every object and array that is not short has a line for each of its parts."""
    text = json.dumps(value, separators=(",", ":"))
    if not isinstance(value, dict | list) or len(text) <= _LINE:
        yield text
        return
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    named = value.items() if isinstance(value, dict) else (("", item) for item in value)
    before = opened
    for name, item in named:
        yield f"{before}\n{json.dumps(name)}:" if isinstance(value, dict) else f"{before}\n"
        yield from _written(item)
        before = ","
    yield f"\n{closed}"
