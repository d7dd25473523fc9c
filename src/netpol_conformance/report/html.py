"""The report as one HTML file. Pure.

What all our pages share is ``page``, what the templates show is made in ``views``, and evidence
goes in packed by ``packing``, for the page's script to show when somebody asks.
"""

from __future__ import annotations

from markupsafe import Markup

from netpol_conformance.report.document import Report
from netpol_conformance.report.packing import dumps, pack
from netpol_conformance.report.page import render_page
from netpol_conformance.report.views import ordered_steps, page


def render(report: Report) -> str:
    """The page, complete: UTF-8, nothing beside it needed."""
    return render_page(
        "page.html.j2",
        styles=("style.css",),
        scripts=("script.js",),
        view=page(report),
        # Escaped for its element by ``dumps``.
        evidence=Markup(dumps(pack(ordered_steps(report)))),  # noqa: S704
    )
