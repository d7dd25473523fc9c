"""A comparison as one HTML file that loads nothing. Pure; everything of a report is escaped."""

from __future__ import annotations

from netpol_conformance.report.compare.records import Change, Comparison
from netpol_conformance.report.compare.words import (
    LEGEND,
    about,
    changes,
    found,
    place,
    tally,
    verdict,
    why,
)
from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.html.tones import TONES, anchor

_CHANGES = {
    Change.WORSE: "fail",
    Change.UNKNOWN: "unknown",
    Change.BETTER: "pass",
    Change.DIFFERENT: "silent",
    Change.SAME: "silent",
}


def render(comparison: Comparison) -> str:
    """The page, complete: UTF-8, nothing beside it needed."""
    reports = comparison.reports
    return render_page(
        "compare.html.j2",
        styles=("compare.css",),
        title=" and ".join(dict.fromkeys(report.implementation for report in reports)),
        verdicts=[(verdict(report), tally(report)) for report in reports[1:]],
        comparison=comparison,
        legend=LEGEND,
        outcome_tones=TONES,
        change_tones=_CHANGES,
        about=about,
        anchor=anchor,
        changes=changes,
        found=found,
        place=place,
        why=why,
    )
