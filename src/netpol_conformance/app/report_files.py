"""The reports that a run leaves: which files, where, and what GitHub Actions is told.

Here: names and places of files, the environment of GitHub Actions, and what to say when a file
cannot be written. Not here: what a report says (``report``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from netpol_conformance.app.corpus import packs_root
from netpol_conformance.app.options import RunOptions
from netpol_conformance.report import html
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.formats import (
    badge,
    github,
    json_report,
    junit,
    markdown,
    yaml_report,
)
from netpol_conformance.report.formats.files import Format, write_reports
from netpol_conformance.report.formats.github import Place
from netpol_conformance.scenario.types import Scenario


class Kind(NamedTuple):
    """A report as a file: its name in a folder of reports, and what writes it."""

    file: str
    form: Format


KINDS: dict[str, Kind] = {
    "HTML": Kind("report.html", html.render),
    "JSON": Kind("report.json", json_report.dumps),
    "YAML": Kind("report.yaml", yaml_report.dumps),
    "JUnit": Kind("junit.xml", junit.dumps),
    "Markdown": Kind("summary.md", markdown.dumps),
    "badge": Kind("badge.json", badge.endpoint),
    "SVG": Kind("badge.svg", badge.svg),
}
"""Every kind of report file. Each but the badges is an option ``--KIND`` too."""


def wanted(options: RunOptions) -> dict[str, Path]:
    """The files asked for, by kind: each by its own option, or all of them in one folder."""
    files = {}
    for kind, (name, _) in KINDS.items():
        if alone := getattr(options, kind.lower(), ""):
            files[kind] = Path(alone)
        elif options.report:
            files[kind] = Path(options.report) / name
    return files


def check_folders(files: Mapping[str, Path]) -> None:
    """Make the files' folders now: not to learn after a long run that there can be none.

    Raises OSError.
    """
    for folder in {path.parent for path in files.values()}:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} is not writable")


def write_files(files: Mapping[str, Path], report: Report) -> list[str]:
    """Write ``files``, by kind; of each that is not where it should be, why, in a sentence."""
    return write_reports({path: KINDS[kind].form for kind, path in files.items()}, report)


def tell_github(
    report: Report,
    scenarios: Iterable[Scenario],
    environment: Mapping[str, str],
    write: Callable[[str], None],
) -> None:
    """Where this is a step of GitHub Actions: its summary, and annotations as ``write`` lines.

    Raises OSError if the summary cannot be written.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        places = _Places(scenarios, Path(environment.get("GITHUB_WORKSPACE") or Path.cwd()))
        for line in github.commands(report, places):
            write(line)
    if environment.get("GITHUB_STEP_SUMMARY"):
        path = Path(environment["GITHUB_STEP_SUMMARY"])
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(markdown.dumps(report))


class _Places:
    """Where in the repository a scenario stands: the line that states its first wrong cell."""

    def __init__(self, scenarios: Iterable[Scenario], repository: Path) -> None:
        self._scenarios = {scenario.path: scenario for scenario in scenarios}
        self._repository = repository.resolve()

    def __call__(self, report: ScenarioReport) -> Place | None:
        scenario = self._scenarios.get(report.path)
        if scenario is None:
            return None
        file = (packs_root() / scenario.file).resolve()
        if not file.is_file() or not file.is_relative_to(self._repository):
            return None
        return Place(file.relative_to(self._repository).as_posix(), _line(scenario, report))


def _line(scenario: Scenario, report: ScenarioReport) -> int:
    """The line of the first wrong cell, else of its step, else of the title."""
    for result in report.steps:
        if not result.outcome.is_wrong or result.index > len(scenario.steps):
            continue
        step = scenario.steps[result.index - 1]
        cells = {(cell.source, cell.destination) for cell in result.cells if cell.outcome.is_wrong}
        for (cell, _), line in zip(step.expected, step.expected_lines, strict=False):
            if (str(cell.source), str(cell.destination)) in cells:
                return line
        return step.line or scenario.lines.get("title", 1)
    return scenario.lines.get("title", 1)
