"""The report as one HTML file. Pure.

What all our pages share is ``page``. The templates show the report, with what ``views`` adds: the
summary and the list of scenarios, which is all that a reader without JavaScript sees. Matrices and
evidence go in packed (``packing``), for the page's scripts to show when somebody opens a scenario.
"""

from __future__ import annotations

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.short import expanded
from netpol_conformance.report.html.packing import packed
from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.html.views import context, ordered

_STYLES = ("report.css", "matrix.css", "picture.css", "evidence.css")
_SCRIPTS = (
    "dom.js",
    "data.js",
    "picture.js",
    "matrix.js",
    "scenario.js",
    "evidence.js",
    "filters.js",
    "navigation.js",
)


def render(report: Report) -> str:
    """The page, complete: UTF-8, nothing beside it needed."""
    report = expanded(report) if report.short else report
    return render_page(
        "page.html.j2",
        styles=_STYLES,
        scripts=_SCRIPTS,
        evidence=packed(ordered(report)),
        **context(report),
    )
