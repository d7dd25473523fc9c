"""What went wrong as workflow commands of GitHub Actions, which shows them at the files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.document.summary import headline, sentence
from netpol_conformance.report.text import clip, one_line, plural, visible


class Place(NamedTuple):
    """A line of a file of the repository, its path from the repository's root."""

    file: str
    line: int


Where = Callable[[ScenarioReport], Place | None]
"""Where a scenario stands, or what is wrong in it; None where that is no file of the repository."""

MOST = 10
"""GitHub shows no more errors, and no more warnings, of one step."""
_LEVELS = {Outcome.FAIL: "error", Outcome.INCONCLUSIVE: "warning"}


def commands(report: Report, where: Where) -> Iterator[str]:
    """A command a line: an error for what failed, a warning for what is inconclusive."""
    for outcome, level in _LEVELS.items():
        found = [item for item in report.scenarios if item.outcome is outcome]
        for scenario in found[:MOST]:
            title = f"{outcome.value} {scenario.path}"
            yield _command(level, title, _message(scenario), where(scenario))
    gone = sum(max(0, report.counts.scenarios[outcome] - MOST) for outcome in _LEVELS)
    rest = f" {plural(gone, 'more scenario')} without a line here." if gone else ""
    yield _command("notice", headline(report), f"{sentence(report)}{rest}", None)


def _message(scenario: ScenarioReport) -> str:
    parts = [one_line(scenario.title), clip(visible(scenario.reason), lines=20, characters=2000)]
    if scenario.rerun:
        parts.append(f"Run it again: {one_line(scenario.rerun)}")
    return "\n".join(part for part in parts if part)


def _command(level: str, title: str, message: str, place: Place | None) -> str:
    values = {"title": one_line(title)}
    if place:
        values = {"file": one_line(place.file), "line": str(place.line), **values}
    properties = ",".join(f"{name}={_property(value)}" for name, value in values.items())
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """As GitHub's own toolkit escapes a message; nothing can end the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
