"""A step's matrix as plain text, and its wrong cells in words. Pure.

``render`` and ``wrong_cells`` are what pytest, JUnit and the terminal show; ``lines`` is the same
matrix in pieces, so that a terminal can colour them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.plain.continuous import wrong_remarks
from netpol_conformance.report.plain.marks import Mark, expected, legend, mark, seen
from netpol_conformance.report.text import clip, hanging, one_line, plural, seconds, visible
from netpol_conformance.run.events import CellResult, Evidence, PolicyField, StepResult

WIDTH = 80
_GAP = "  "
_LONGEST_LABEL = 40
_MARK_WIDTH = 2


class Piece(NamedTuple):
    """A run of text; ``outcome`` is set where it is a cell's mark."""

    text: str
    outcome: Outcome | None = None


Line = tuple[Piece, ...]


class _Table(NamedTuple):
    """The matrix before layout: labels, and a mark with its outcome for each pair probed."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    marks: dict[tuple[str, str], tuple[Mark, Outcome]]


def render(step: StepResult, *, width: int = WIDTH) -> str:
    """The matrix as text: sources are rows, destinations columns, a legend of the marks below.

    Empty if the step has no cells. Columns whose names do not fit in ``width`` are numbered, and
    those that still do not fit go to further blocks.
    """
    return "\n".join("".join(piece.text for piece in line) for line in lines(step, width=width))


def lines(step: StepResult, *, width: int = WIDTH) -> list[Line]:
    """The matrix of ``render``, line by line, in pieces."""
    if not step.cells:
        return []
    table = _table(step)
    heads = {column: _shorten(one_line(column)) for column in table.columns}
    label_width = max(len(_shorten(one_line(row))) for row in table.rows)
    room = width - label_width
    numbered = sum(len(_GAP) + max(len(head), _MARK_WIDTH) for head in heads.values()) > room
    if numbered:
        heads = {column: str(number) for number, column in enumerate(table.columns, 1)}
    result: list[Line] = []
    for block in _blocks(heads, room):
        result += [] if not result else [()]
        result += _block(table, block, heads, label_width)
    if numbered:
        result += [(), *((Piece(f"{heads[name]:>3} {one_line(name)}"),) for name in table.columns)]
    return [*result, (), *_legend(step, width)]


def wrong_cells(step: StepResult, *, limit: int = 10, width: int = WIDTH) -> str:
    """What is wrong in a step, cell by cell: expected and why, seen and how.

    Failed cells come first, then inconclusive ones, ``limit`` in all. Empty if there are none.
    Sentences are wrapped to ``width``; names, commands and output are left as they are.
    """
    wrong = [cell for cell in step.cells if cell.outcome is Outcome.FAIL]
    wrong += [cell for cell in step.cells if cell.outcome is Outcome.INCONCLUSIVE]
    parts = [_describe(cell, width) for cell in wrong[:limit]]
    if len(wrong) > limit:
        parts.append(f"... and {plural(len(wrong) - limit, 'more cell')} like these.")
    if step.late and step.late.outcome.is_wrong:
        parts.insert(0, one_line(step.late.reason))
    if step.refusal and step.refusal.outcome.is_wrong:
        parts.insert(0, _refusal(step))
    return "\n\n".join(parts)


def failure_text(steps: Iterable[StepResult], *, reason: str = "", rerun: str = "") -> str:
    """All that a person needs of a scenario that did not pass: its reason, the matrix of each
    step that went wrong, each wrong cell explained, and the command to run it again.
    """
    parts = [visible(reason)]
    for step in steps:
        if step.outcome is not Outcome.PASS:
            parts.append(f"Step {step.index}: {one_line(step.title)}")
            parts += [render(step), wrong_cells(step), wrong_remarks(step, width=WIDTH)]
    if rerun:
        parts.append(f"run it again:\n    {one_line(rerun)}")
    return "\n\n".join(part for part in parts if part)


def _table(step: StepResult) -> _Table:
    rows = dict.fromkeys((*step.sources, *(cell.source for cell in step.cells)))
    columns = dict.fromkeys((*step.destinations, *(cell.destination for cell in step.cells)))
    marks = {(cell.source, cell.destination): (mark(cell), cell.outcome) for cell in step.cells}
    return _Table(tuple(rows), tuple(columns), marks)


def _blocks(heads: dict[str, str], room: int) -> list[list[str]]:
    """The columns in order, cut so that each block fits in ``room``; at least one a block."""
    blocks: list[list[str]] = [[]]
    used = 0
    for column, head in heads.items():
        needed = len(_GAP) + max(len(head), _MARK_WIDTH)
        if blocks[-1] and used + needed > room:
            blocks.append([])
            used = 0
        blocks[-1].append(column)
        used += needed
    return blocks


def _block(
    table: _Table, columns: Sequence[str], heads: dict[str, str], label_width: int
) -> list[Line]:
    widths = {column: max(len(heads[column]), _MARK_WIDTH) for column in columns}
    header = " " * label_width + "".join(
        _GAP + heads[column].ljust(widths[column]) for column in columns
    )
    result: list[Line] = [(Piece(header.rstrip()),)]
    for row in table.rows:
        pieces = [Piece(_shorten(one_line(row)).ljust(label_width))]
        for column in columns:
            sign, outcome = table.marks.get((row, column), (Mark("", ""), None))
            # Two signs or one, what was seen stands in the same place.
            shown = sign.text.rjust(_MARK_WIDTH)
            pieces += [Piece(_GAP), Piece(shown, outcome)]
            pieces.append(Piece(" " * (widths[column] - _MARK_WIDTH)))
        while len(pieces) > 1 and not pieces[-1].text.strip():
            pieces.pop()
        pieces[-1] = pieces[-1]._replace(text=pieces[-1].text.rstrip())
        result.append(tuple(pieces))
    return result


def _legend(step: StepResult, width: int) -> list[Line]:
    """Every mark that occurs and its meaning, wrapped."""
    result: list[list[Piece]] = [[]]
    length = 0
    for sign, outcome in legend(step.cells):
        needed = len(sign.text) + 1 + len(sign.words) + (3 if result[-1] else 0)
        if result[-1] and length + needed > width:
            result.append([])
            length, needed = 0, needed - 3
        if result[-1]:
            result[-1].append(Piece("   "))
        result[-1] += [Piece(sign.text, outcome), Piece(f" {sign.words}")]
        length += needed
    return [tuple(line) for line in result]


def _shorten(label: str) -> str:
    """A label cut in the middle if it is very long: names differ at their ends."""
    if len(label) <= _LONGEST_LABEL:
        return label
    half = (_LONGEST_LABEL - 3) // 2
    return f"{label[:half]}...{label[-half:]}"


def _describe(cell: CellResult, width: int) -> str:
    lines = [
        f"{one_line(cell.source)} -> {one_line(cell.destination)}",
        hanging("    expected ", f"{expected(cell)}{_why(cell)}", width),
    ]
    lines += [hanging("        by ", _place(field), width) for field in cell.decided_by]
    lines.append(hanging("    seen     ", f"{seen(cell)}: {one_line(cell.reason)}", width))
    for item in _last_looks(cell):
        lines += _shown(item)
    lines += [
        f"    {item.phase}  {_look(item)}"
        for item in cell.evidence
        if item.phase in ("control", "witness")
    ]
    return "\n".join(lines)


def _last_looks(cell: CellResult) -> list[Evidence]:
    """The decisive look: the last probe of each tool in the last phase that looked."""
    looks = [item for item in cell.evidence if item.phase not in ("control", "witness")]
    last = {item.tool: item for item in looks if item.phase == looks[-1].phase}
    return list(last.values())


def _place(field: PolicyField) -> str:
    reason = f": {field.reason}" if field.reason else ""
    return one_line(f"{field.policy} {field.field}{reason}")


def _why(cell: CellResult) -> str:
    rules = f" ({one_line(', '.join(cell.rules))})" if cell.rules else ""
    author = "" if cell.stated else " (The scenario leaves this cell to the oracle.)"
    return f"{rules}: {one_line(cell.explanation)}{author}"


def _look(item: Evidence) -> str:
    identity = f" to {one_line(item.identity)}" if item.identity else ""
    code = "" if item.exit_code is None else f", exit code {item.exit_code}"
    return f"{item.verdict.value}{identity} after {seconds(item.duration)}{code}"


def _shown(item: Evidence) -> list[str]:
    output = clip(visible(item.output), lines=12, characters=1200)
    return [
        f"    {item.phase}  {_look(item)}",
        f"        $ {one_line(item.command)}",
        *(f"        {line}".rstrip() for line in output.splitlines()),
    ]


def _refusal(step: StepResult) -> str:
    assert step.refusal is not None
    wanted = one_line(step.refusal.expected)
    return "\n".join(
        [
            one_line(step.refusal.reason),
            f"    expected {f'a refusal that says: {wanted}' if wanted else 'no refusal'}",
            f"    answer   {one_line(step.refusal.answer) or 'accepted'}",
        ]
    )
