"""A comparison as one HTML file that loads nothing. Pure; everything of a report is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare.records import (
    Change,
    Comparison,
    Difference,
    Found,
    ScenarioComparison,
)
from netpol_conformance.report.compare.words import LEGEND, about, found, place, tally, verdict, why
from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.html.tones import TONES, anchor

_CHANGES = {
    Change.WORSE: "fail",
    Change.UNKNOWN: "unknown",
    Change.BETTER: "pass",
    Change.DIFFERENT: "silent",
    Change.SAME: "silent",
}


class _Word(NamedTuple):
    """A word with the class that colours it."""

    text: str
    tone: str


class _Row(NamedTuple):
    """One place: where, what each report found, what is expected and why."""

    place: str
    words: tuple[_Word, ...]
    why: str


class _Step(NamedTuple):
    """A step; of the whole scenario if its title is empty."""

    title: str
    rows: tuple[_Row, ...]


class _Scenario(NamedTuple):
    """One scenario."""

    anchor: str
    of: ScenarioComparison
    said: str
    changes: tuple[_Word, ...]
    steps: tuple[_Step, ...]


def render(comparison: Comparison) -> str:
    """The page, complete: UTF-8, nothing beside it needed."""
    reports = comparison.reports
    return render_page(
        "compare.html.j2",
        styles=("compare.css",),
        title=" and ".join(dict.fromkeys(report.implementation for report in reports)),
        tone=_CHANGES[comparison.change],
        verdicts=[(verdict(report), tally(report)) for report in reports[1:]],
        comparison=comparison,
        reports=[
            (report, about(report), _Word(report.outcome.value, TONES[report.outcome]))
            for report in reports
        ],
        scenarios=[
            _scenario(item, [report.label for report in reports]) for item in comparison.differing
        ],
        absent=[
            (item, [_outcome(outcome) for outcome in item.outcomes]) for item in comparison.absent
        ],
        legend=LEGEND,
    )


def _scenario(item: ScenarioComparison, labels: Sequence[str]) -> _Scenario:
    changes = dict.fromkeys(change for change in item.changes if change is not Change.SAME)
    return _Scenario(
        anchor(item.path),
        item,
        ", ".join(
            f"{label} {_outcome(outcome).text}"
            for label, outcome in zip(labels, item.outcomes, strict=True)
        ),
        tuple(_Word(change.value, _CHANGES[change]) for change in changes),
        tuple(
            _Step(
                f"{step.index}. {step.title}" if step.index else "",
                tuple(_row(difference) for difference in step.differences),
            )
            for step in item.steps
        ),
    )


def _row(item: Difference) -> _Row:
    return _Row(place(item), tuple(_found(one) for one in item.found), why(item))


def _found(item: Found | None) -> _Word:
    return _Word(found(item), TONES[item.outcome] if item else "silent")


def _outcome(outcome: Outcome | None) -> _Word:
    return _Word(outcome.value, TONES[outcome]) if outcome else _Word("-", "silent")
