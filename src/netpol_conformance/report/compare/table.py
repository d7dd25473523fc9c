"""A comparison on a terminal: one table, what differs first."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare.records import (
    Change,
    Comparison,
    ScenarioComparison,
    StepComparison,
)
from netpol_conformance.report.compare.words import (
    LEGEND,
    about,
    changes,
    found,
    place,
    tally,
    verdict,
    why,
)
from netpol_conformance.report.terminal.console import STYLES
from netpol_conformance.report.text import one_line, plural

_CHANGES = {Change.WORSE: "bold red", Change.UNKNOWN: "bold yellow", Change.BETTER: "green"}
_MOST_CELLS = 4
"""Cells shown of a step; the page and the JSON have all."""
_MOST_ABSENT = 20
_COLUMN = 14
"""The widest word of a cell."""


def show(comparison: Comparison, console: Console) -> None:
    """Print what was compared, the table, and the verdicts."""
    _print(console, *_heads(comparison), Text())
    if comparison.differing:
        console.print(_table(comparison))
        _print(console, Text(), Text(LEGEND, "dim"), Text())
    _print(console, *_absent(comparison))
    same = plural(comparison.same, "scenario")
    _print(console, Text(f"{same} the same in all reports, {len(comparison.differing)} not."))
    for report in comparison.reports[1:]:
        style = _CHANGES.get(report.change, "bold")
        _print(console, Text.assemble((verdict(report), style), f" ({tally(report)})."))


def _heads(comparison: Comparison) -> list[Text]:
    heads = []
    for report in comparison.reports:
        heads.append(Text.assemble((f"{report.label}  ", "bold"), one_line(report.source)))
        heads.append(Text(f"   {about(report)}"))
    return [*heads, *(Text(f"!  {note}", "yellow") for note in comparison.notes)]


def _table(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold", ratio=1)
    for report in comparison.reports:
        table.add_column(report.label, overflow="fold", max_width=_COLUMN)
    for number, scenario in enumerate(comparison.differing):
        if number:
            table.add_row()
        _add_scenario(table, scenario)
    return table


def _add_scenario(table: Table, scenario: ScenarioComparison) -> None:
    table.add_row(
        Text.assemble(
            (one_line(scenario.path), "bold"),
            *((f" {change.value}", _CHANGES.get(change, "")) for change in changes(scenario)),
            " (its text differs)" if scenario.edited else "",
        ),
        *(_outcome(outcome) for outcome in scenario.outcomes),
    )
    for step in scenario.steps:
        _add_step(table, step)


def _add_step(table: Table, step: StepComparison) -> None:
    if step.index:
        table.add_row(Text(f"  {step.index}. {one_line(step.title)}"))
    for item in step.differences[:_MOST_CELLS]:
        words = [Text(found(one), STYLES[one.outcome] if one else "dim") for one in item.found]
        table.add_row(Text(f"    {place(item)}"), *words)
        if why(item):
            table.add_row(_indented(why(item), 6))
    rest = len(step.differences) - _MOST_CELLS
    if rest > 0:
        table.add_row(Text(f"    and {plural(rest, 'more place')} of this step", "dim"))


def _absent(comparison: Comparison) -> list[Text]:
    """What is not in every report, grouped by which have it."""
    groups: dict[str, list[str]] = {}
    for item in comparison.absent:
        labels = [
            report.label
            for report, outcome in zip(comparison.reports, item.outcomes, strict=True)
            if outcome
        ]
        groups.setdefault(" and ".join(labels), []).append(item.path)
    rows = []
    for those, paths in groups.items():
        rows.append(Text(f"Only in {those}: {plural(len(paths), 'scenario')}"))
        rows += [Text(f"  {one_line(path)}") for path in paths[:_MOST_ABSENT]]
        if len(paths) > _MOST_ABSENT:
            rows.append(Text(f"  and {len(paths) - _MOST_ABSENT:,} more"))
    return [*rows, Text()] if rows else []


def _indented(words: str, depth: int) -> Table:
    """A wrapped sentence, its later lines as deep as its first."""
    table = Table.grid(padding=0)
    table.add_column(width=depth)
    table.add_column(overflow="fold")
    table.add_row("", Text(words, "dim"))
    return table


def _outcome(outcome: Outcome | None) -> Text:
    return Text(outcome.value, STYLES[outcome]) if outcome else Text("-", "dim")


def _print(console: Console, *rows: Text) -> None:
    for row in rows:
        console.print(row, highlight=False)
