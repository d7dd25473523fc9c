"""The index over committed reports as one HTML file that loads nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netpol_conformance.report.formats.yaml_report import ConformanceReport, Profile
from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.published.entries import RESULTS, Published, newest_first

_TONES = {"success": "pass", "failure": "fail", "partial": "unknown"}


class _Row(NamedTuple):
    """One profile of one report."""

    of: Profile
    tone: str
    result: str
    total: int


class _Item(NamedTuple):
    """One report."""

    of: Published
    name: str
    where: str
    rows: tuple[_Row, ...]


def render(items: Iterable[Published]) -> str:
    """The page, complete: UTF-8, nothing beside it needed. Reports are described, not linked."""
    found = [_item(item) for item in newest_first(items)]
    return render_page("published.html.j2", styles=("compare.css",), items=found)


def _item(item: Published) -> _Item:
    conformance = item.conformance
    name = f"{conformance.implementation.project or item.implementation} {item.version}"
    rows = tuple(
        _Row(
            profile,
            _TONES[profile.result],
            RESULTS[profile.result],
            sum(profile.statistics.model_dump().values()),
        )
        for profile in conformance.profiles
    )
    return _Item(item, name, _where(conformance), rows)


def _where(conformance: ConformanceReport) -> str:
    version = conformance.cluster.kubernetes_version
    parts = [
        f"made {conformance.date[:10]}",
        f"suite {conformance.suite.version}",
        f"{conformance.cluster.driver} cluster",
        f"Kubernetes {version}" if version else "",
    ]
    return ", ".join(part for part in parts if part)
