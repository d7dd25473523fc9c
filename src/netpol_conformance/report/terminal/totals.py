"""The table at the end of a run on a terminal: a row a pack, columns as the width allows. Pure."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.summary import WORDS, PackSummary, packs
from netpol_conformance.report.terminal.console import STYLES
from netpol_conformance.report.text import clip, one_line, seconds

_HEADS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCONCLUSIVE: "incon-\nclusive",
    Outcome.XFAIL: "xfail",
    Outcome.UNSUPPORTED: "unsup-\nported",
    Outcome.UNSPECIFIED: "unspec-\nified",
}
_LONGEST_NAME = 24
_GAP = 2
_FURTHER = ("time", "cells")
"""Columns that are left out, in this order, where there is no room for them."""


def table(report: Report, width: int) -> Table:
    """A row a pack; a column for every outcome that occurs, and the further ones that fit."""
    rows = packs(report)
    columns = {_HEADS[outcome]: outcome for outcome in WORDS if report.counts.scenarios[outcome]}
    values = {head: [_number(pack, outcome) for pack in rows] for head, outcome in columns.items()}
    values["cells"] = [Text(f"{sum(pack.counts.cells.values()):,}") for pack in rows]
    values["time"] = [Text(_took(pack)) for pack in rows]
    names = [Text(clip(one_line(pack.name), lines=1, characters=_LONGEST_NAME)) for pack in rows]
    for head in _FURTHER:
        if _needed(names, values) > width:
            del values[head]
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    made.add_column("pack", overflow="fold")
    for head in values:
        made.add_column(head, justify="right", no_wrap=True)
    for row in zip(names, *values.values(), strict=True):
        made.add_row(*row)
    return made


def _number(pack: PackSummary, outcome: Outcome) -> Text:
    number = pack.counts.scenarios[outcome]
    return Text(f"{number:,}" if number else "-", STYLES[outcome] if number else "dim")


def _took(pack: PackSummary) -> str:
    return seconds(sum(scenario.duration or 0 for scenario in pack.scenarios))


def _needed(names: list[Text], values: dict[str, list[Text]]) -> int:
    """The width of the table with these columns."""
    widths = [max(map(len, names), default=0)]
    for head, column in values.items():
        widths.append(max(*map(len, head.splitlines()), *map(len, column), 0))
    return sum(widths) + _GAP * len(values)
