"""The mutation matrix as a page: mutants as columns, scenarios as rows, faults on top. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from netpol_conformance.report.html.page import render_page
from netpol_conformance.report.text import plural
from netpol_conformance.scenario.types import Scenario

from .judging import faults
from .matrix import Column, MutationMatrix, Row

_FOLDER = Path(__file__).parent


class Line(NamedTuple):
    """A scenario's row; ``marks`` has one for each mutant: owner, kill, open or nothing."""

    path: str
    title: str
    neighbour_of: str
    marks: tuple[str, ...]
    kills: int


def render(matrix: MutationMatrix, corpus: Iterable[Scenario]) -> str:
    """The page; ``corpus`` has the scenarios' titles."""
    scenarios = {scenario.path: scenario for scenario in corpus}
    times = Counter(name for row in matrix.scenarios.values() for name in row.kills)
    lines = [
        _line(scenarios[path], row, matrix.mutants)
        for path, row in matrix.scenarios.items()
        if path in scenarios
    ]
    wrong = faults(matrix, scenarios.values())
    return render_page(
        "page.html.j2",
        styles=("page.css",),
        folder=_FOLDER,
        verdict=plural(len(wrong), "fault") if wrong else "Every mutant is noticed",
        tone="fail" if wrong else "pass",
        faults=wrong,
        mutants=matrix.mutants,
        times=times,
        packs=[(pack, list(group)) for pack, group in groupby(lines, _pack)],
        scenarios=len(lines),
    )


def _line(scenario: Scenario, row: Row, mutants: Mapping[str, Column]) -> Line:
    def mark(name: str, column: Column) -> str:
        if name in row.kills:
            return "owner" if column.owner == scenario.path else "kill"
        return "open" if name in row.open else ""

    marks = tuple(mark(name, column) for name, column in mutants.items())
    return Line(scenario.path, scenario.title, scenario.neighbour_of, marks, len(row.kills))


def _pack(line: Line) -> str:
    return line.path.partition("/")[0]
