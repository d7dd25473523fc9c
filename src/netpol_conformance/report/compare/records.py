"""A comparison of reports as one value, and the JSON Schema of its file. Pure.

``python -m netpol_conformance.report.compare.records > schemas/comparison.schema.json``
regenerates the committed schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import Field

from netpol_conformance.judge.outcome import ExitCode, Outcome
from netpol_conformance.report.document.report import Counts
from netpol_conformance.report.formats import json_report
from netpol_conformance.run.events import Record
from netpol_conformance.scenario.types import Expectation


class Change(StrEnum):
    """What a later report says against the first one."""

    WORSE = "worse"
    UNKNOWN = "unknown"
    BETTER = "better"
    DIFFERENT = "different"
    SAME = "same"


_GRAVEST_FIRST = tuple(Change)

EXIT_CODES = {Change.WORSE: ExitCode.NO, Change.UNKNOWN: ExitCode.NO_ANSWER}
"""The exit code for what a later report comes to; 0 for any other change."""


def gravest(changes: Iterable[Change]) -> Change:
    """The change of a whole from those of its parts: one that is worse outweighs all that are
    better.
    """
    seen = set(changes)
    return next((change for change in _GRAVEST_FIRST if change in seen), Change.SAME)


class Found(Record):
    """What one report says of a place."""

    outcome: Outcome
    seen: str = Field(default="", description="in words; empty where only the outcome tells")
    blocked: Literal["dropped", "rejected"] | None = None
    reason: str = ""
    expected: Expectation | None = Field(default=None, description="of a cell")


Kind = Literal["cell", "meanwhile", "held", "refusal", "step", "scenario"]
"""What a difference is about: a cell, one probed all through a change, a connection held open over
it, the API's answer to a step, a step that not every report has, or a scenario of which no step
can be compared."""


class Difference(Record):
    """One place where the reports differ. Tuples follow the order of the reports."""

    kind: Kind
    source: str = ""
    destination: str = ""
    explanation: str = Field(default="", description="why it is expected, of a cell")
    rules: tuple[str, ...] = ()
    found: tuple[Found | None, ...] = Field(description="null where a report does not have it")
    changes: tuple[Change, ...] = Field(description="of each report against the first")


class StepComparison(Record):
    """A step of a scenario, with what differs in it."""

    index: int = Field(description="counts from 1; 0 holds what concerns the whole scenario")
    title: str
    differences: tuple[Difference, ...]


class ScenarioComparison(Record):
    """A scenario about which the reports differ."""

    path: str
    title: str
    pack: str
    edited: bool = Field(description="whether the reports were made with different texts of it")
    outcomes: tuple[Outcome | None, ...] = Field(description="null where a report lacks it")
    changes: tuple[Change, ...]
    steps: tuple[StepComparison, ...]


class Absent(Record):
    """A scenario that not every report has, and about which the others agree."""

    path: str
    title: str
    outcomes: tuple[Outcome | None, ...]


class Compared(Record):
    """One of the reports: what it is, in short. ``label`` is A for the first, B, C and so on."""

    label: str
    source: str = Field(description="the file")
    implementation: str
    cluster: str
    kubernetes_version: str | None
    suite_version: str
    run_id: str
    started: float
    outcome: Outcome
    partial: bool
    counts: Counts
    dropped: int = Field(description="blocked cells that were dropped")
    rejected: int = Field(description="blocked cells that were rejected")
    median_seconds_to_enforce: float | None
    p90_seconds_to_enforce: float | None = Field(
        default=None, description="that 90 of 100 changes did not exceed"
    )
    max_seconds_to_enforce: float | None = None
    change: Change = Field(description="what it comes to against the first report")
    changes: dict[Change, int] = Field(description="scenarios by what became of them")


class Comparison(Record):
    """Everything that differs. The first report is what the others are held against."""

    schema_version: Literal["1"] = "1"
    reports: tuple[Compared, ...]
    change: Change = Field(description="the gravest of all reports against the first")
    exit_code: int
    notes: tuple[str, ...] = Field(description="what a reader must know before believing it")
    differing: tuple[ScenarioComparison, ...]
    absent: tuple[Absent, ...]
    same: int = Field(description="scenarios in all reports about which they agree")


def dumps(comparison: Comparison) -> str:
    """The comparison's JSON text."""
    data = comparison.model_dump(mode="json")
    return json.dumps(data, indent=1, ensure_ascii=True) + "\n"


def schema_text() -> str:
    """The JSON Schema of ``dumps``, as it is committed."""
    return json_report.schema_text_of(Comparison, "netpol-conformance comparison, version 1")


if __name__ == "__main__":
    print(schema_text(), end="")
