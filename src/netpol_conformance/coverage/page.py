"""What the corpus covers, as one HTML file that loads nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from netpol_conformance.coverage.counting import pair_id
from netpol_conformance.coverage.records import Coverage, Item, Section
from netpol_conformance.report.html.page import render_page
from netpol_conformance.scenario.axes import AXES


class _Value(NamedTuple):
    """A value of an axis, as a head of the grid's rows and columns."""

    axis: str
    value: str


_VALUES = [_Value(axis, value) for axis, values in AXES.items() for value in values]
_ROWS = [item for item in _VALUES if item.axis != list(AXES)[-1]]
_COLUMNS = [item for item in _VALUES if item.axis != next(iter(AXES))]


class _Row(NamedTuple):
    """A row of the grid: for each column how many cases stand at both; None where none can."""

    head: _Value
    numbers: tuple[int | None, ...]


def render(coverage: Coverage) -> str:
    """The page, complete."""
    return render_page(
        "coverage.html.j2",
        styles=("coverage.css",),
        coverage=coverage,
        groups=_groups,
        columns=_COLUMNS,
        grid=list(_grid(coverage)),
        tone="pass" if coverage.complete else "fail",
    )


def _groups(section: Section) -> Mapping[str, Sequence[Item]]:
    """The items as they are shown together, by title: pairs by their axes."""
    if section.name != "pairs":
        return {"": section.items}
    groups: dict[str, list[Item]] = {}
    for item in section.items:
        groups.setdefault(_axes(item.id), []).append(item)
    return groups


def _axes(pair: str) -> str:
    """``direction and port`` of ``direction=egress port=two items``."""
    return " and ".join(part.rpartition(" ")[2] for part in pair.split("=")[:-1])


def _grid(coverage: Coverage) -> Iterator[_Row]:
    """Every value against every value that is of a later axis."""
    (section,) = (item for item in coverage.sections if item.name == "pairs")
    numbers = {item.id: len(item.scenarios) for item in section.items}
    for row in _ROWS:
        found = (numbers.get(pair_id((row, column))) for column in _COLUMNS)
        yield _Row(row, tuple(found))
