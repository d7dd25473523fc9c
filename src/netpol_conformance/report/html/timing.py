"""What a run's time was spent at: the numbers behind a plot of the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.run.events import Evidence, Phase


def by_phase(report: Report) -> dict[Phase, float]:
    """Seconds in which at least one probe of a phase was under way, summed over scenarios.

    Phases overlap, and so do scenarios that run side by side. Phases without a probe are left out.
    """
    totals = dict.fromkeys(get_args(Phase), 0.0)
    for scenario in report.scenarios:
        spans: dict[Phase, set[tuple[float, float]]] = {}
        for look in _looks(scenario):
            spans.setdefault(look.phase, set()).add((look.started, look.started + look.duration))
        for phase, intervals in spans.items():
            totals[phase] += covered(intervals)
    return {phase: seconds for phase, seconds in totals.items() if seconds}


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """The length of what these intervals cover together."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _looks(scenario: ScenarioReport) -> Iterable[Evidence]:
    for step in scenario.steps:
        for group in (step.cells, step.meanwhile, step.held):
            for item in group:
                yield from item.evidence
