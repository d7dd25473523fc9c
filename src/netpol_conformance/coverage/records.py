"""What the corpus covers, as data: the JSON document and its schema, and as lines of text.

``python -m netpol_conformance.coverage.records > schemas/coverage.schema.json`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from netpol_conformance.report.formats import json_report
from netpol_conformance.report.text import plural
from netpol_conformance.run.events import Record

Name = Literal["rules", "fields", "pairs", "lines", "features"]


class Item(Record):
    """One thing to be covered, and the scenarios that hold it."""

    id: str
    title: str = ""
    scenarios: tuple[str, ...] = Field(description="their paths, sorted")


class Section(Record):
    """All items of one kind."""

    name: Name
    title: str
    how: str = Field(description="how it is known that a scenario holds an item")
    covered: int
    total: int
    items: tuple[Item, ...]

    @property
    def missing(self) -> list[Item]:
        """The items that no scenario holds."""
        return [item for item in self.items if not item.scenarios]


class Unfounded(Record):
    """A rule that a scenario claims, though what the rule is about is not in it."""

    scenario: str
    rule: str
    lacks: str


class Coverage(Record):
    """What a corpus covers. ``schema_version`` changes with every incompatible change of this
    format.
    """

    schema_version: Literal["1"] = "1"
    suite_version: str
    scenarios: int
    sections: tuple[Section, ...]
    unfounded: tuple[Unfounded, ...]

    @property
    def complete(self) -> bool:
        """Whether all is covered, and nothing claimed without reason."""
        return not self.unfounded and not any(section.missing for section in self.sections)


def dumps(coverage: Coverage) -> str:
    """The JSON text."""
    return coverage.model_dump_json(indent=1) + "\n"


def lines(coverage: Coverage) -> Iterator[str]:
    """The report for a terminal, what is missing first."""
    for section in coverage.sections:
        if section.missing:
            yield f"not covered, {section.name}:"
            yield from (f"  {item.id}  {item.title}".rstrip() for item in section.missing)
    for claim in coverage.unfounded:
        yield f"{claim.scenario} names {claim.rule}, but {claim.lacks}"
    width = max(len(section.name) for section in coverage.sections)
    for section in coverage.sections:
        yield f"{section.name:<{width}}  {section.covered} of {section.total}"
    yield plural(coverage.scenarios, "scenario")


def schema_text() -> str:
    """The document's JSON Schema as it is committed."""
    return json_report.schema_text_of(Coverage, "netpol-conformance coverage, version 1")


if __name__ == "__main__":
    print(schema_text(), end="")
