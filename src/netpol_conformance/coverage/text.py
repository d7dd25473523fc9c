"""What the corpus covers, for a terminal: what is missing first. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from netpol_conformance.coverage.records import Coverage
from netpol_conformance.report.text import plural


def lines(coverage: Coverage) -> Iterator[str]:
    """The report, line by line."""
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
