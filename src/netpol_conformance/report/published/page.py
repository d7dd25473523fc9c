"""The index over committed reports as one HTML file that loads nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from netpol_conformance.report.formats.yaml_report import ConformanceReport
from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.published.entries import RESULTS, Published, newest_first

_TONES = {"success": "pass", "failure": "fail", "partial": "unknown"}


def render(items: Iterable[Published]) -> str:
    """The page, complete: UTF-8, nothing beside it needed. Reports are described, not linked."""
    return render_page(
        "published.html.j2",
        styles=("compare.css",),
        items=newest_first(items),
        where=_where,
        results=RESULTS,
        tones=_TONES,
    )


def _where(conformance: ConformanceReport) -> str:
    version = conformance.cluster.kubernetes_version
    parts = [
        f"made {conformance.date[:10]}",
        f"suite {conformance.suite.version}",
        f"{conformance.cluster.driver} cluster",
        f"Kubernetes {version}" if version else "",
    ]
    return ", ".join(part for part in parts if part)
