"""Caveats of a comparison: different suites, different scenarios, incomplete runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from string import ascii_uppercase

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.text import one_line, plural


def notes(reports: Sequence[Report]) -> tuple[str, ...]:
    """Sentences, the most severe first; empty if nothing is to be said."""
    return (*_unsound(reports), *_other_scenarios(reports), *_edited(reports), *_other(reports))


def _unsound(reports: Sequence[Report]) -> Iterator[str]:
    for label, report in zip(ascii_uppercase, reports, strict=False):
        if report.partial:
            yield f"{label} is partial: {one_line(report.reason) or 'not every scenario ended'}"
        if not report.probes_work:
            yield f"{label} did not see its own probes work: none of it can be relied on."


def _other_scenarios(reports: Sequence[Report]) -> Iterator[str]:
    held = [{scenario.path for scenario in report.scenarios} for report in reports]
    common = set.intersection(*held)
    if not common:
        yield "The reports have no scenario in common."
        return
    for label, paths in zip(ascii_uppercase, held, strict=False):
        lacking = len(set.union(*held)) - len(paths)
        if lacking:
            yield f"{label} lacks {plural(lacking, 'scenario')} that others have."


def _edited(reports: Sequence[Report]) -> Iterator[str]:
    texts: dict[str, set[str]] = {}
    for report in reports:
        for scenario in report.scenarios:
            if scenario.digest:
                texts.setdefault(scenario.path, set()).add(scenario.digest)
    edited = sum(len(digests) > 1 for digests in texts.values())
    if edited:
        changed = plural(edited, "scenario")
        yield f"The texts of {changed} differ; compared by path all the same."


def _other(reports: Sequence[Report]) -> Iterator[str]:
    asked: dict[str, Callable[[Report], str]] = {
        "suite versions": lambda report: report.suite_version,
        "clusters": lambda report: report.cluster,
        "Kubernetes versions": lambda report: report.kubernetes_version or "the scenario's own",
    }
    for what, of in asked.items():
        values = [one_line(of(report)) for report in reports]
        if len(set(values)) > 1:
            said = ", ".join(
                f"{label} {value}" for label, value in zip(ascii_uppercase, values, strict=False)
            )
            yield f"Different {what}: {said}."
