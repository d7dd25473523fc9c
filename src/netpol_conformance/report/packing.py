"""The evidence of a whole report as one compact JSON value, for the page's script. Pure.

A run repeats itself: the same command, output and explanation stand behind most cells. So strings
are kept once, as are looks and judgements that are equal but for their times; a cell is a few
numbers. The script reads exactly this shape:

- ``strings``: the texts;
- ``looks``: ``[phase, source, tool, command, output, exit code, verdict, identity]``;
- ``judgements``: ``[outcome, expected, stated, explanation, [rule...], [[policy, field,
  reason]...], reason, seen]``;
- ``steps``: a list for each step, in page order: its rows of cells, each cell null or
  ``[judgement, look, start, duration, look, start, duration...]`` with the start in milliseconds
  from the step's and the duration in tenths of one.

All but exit codes (number or null), ``stated`` (0 or 1) and times are indices into these tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from netpol_conformance.report.marks import expected, seen
from netpol_conformance.report.text import clip, visible
from netpol_conformance.run.events import CellResult, Evidence, StepResult

_LINES, _CHARACTERS = 200, 4000
"""The most of one output that the page keeps; the JSON report has it whole."""

_Packed = list[Any]


def pack(steps: Iterable[StepResult]) -> dict[str, Any]:
    """The value that the script reads."""
    packer = _Packer()
    rows = [packer.rows(step) for step in steps]
    return {
        "strings": packer.strings.items,
        "looks": packer.looks.items,
        "judgements": packer.judgements.items,
        "steps": rows,
    }


def dumps(value: object) -> str:
    """JSON that can stand inside a ``script`` element whatever strings it holds."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Pool:
    """Distinct items in order of arrival; ``put`` gives an item's index, made if its key is new."""

    def __init__(self) -> None:
        self.items: _Packed = []
        self._index: dict[Hashable, int] = {}

    def put(self, key: Hashable, make: Callable[[], object]) -> int:
        if key not in self._index:
            item = make()
            self._index[key] = len(self.items)
            self.items.append(item)
        return self._index[key]


class _Packer:
    def __init__(self) -> None:
        self.strings = _Pool()
        self.looks = _Pool()
        self.judgements = _Pool()

    def rows(self, step: StepResult) -> _Packed:
        cells = {(cell.source, cell.destination): cell for cell in step.cells}
        return [
            [self._cell(cells.get((source, column)), step.started) for column in step.destinations]
            for source in step.sources
        ]

    def _cell(self, cell: CellResult | None, started: float) -> _Packed | None:
        if cell is None:
            return None
        packed: _Packed = [self._judgement(cell)]
        for look in cell.evidence:
            start = round((look.started - started) * 1000)
            packed += [self._look(look), start, round(look.duration * 10_000)]
        return packed

    def _text(self, text: str) -> int:
        return self.strings.put(
            text, lambda: clip(visible(text), lines=_LINES, characters=_CHARACTERS)
        )

    def _texts(self, *texts: str) -> _Packed:
        return [self._text(text) for text in texts]

    def _look(self, look: Evidence) -> int:
        asked = (look.phase, look.source, look.tool, look.command)
        came = (look.output, look.exit_code, look.verdict, look.identity)

        def make() -> _Packed:
            identity = None if look.identity is None else self._text(look.identity)
            result = [self._text(look.output), look.exit_code, self._text(look.verdict), identity]
            return [*self._texts(*asked), *result]

        return self.looks.put((*asked, *came), make)

    def _judgement(self, cell: CellResult) -> int:
        heads = (cell.outcome, expected(cell), cell.stated, cell.explanation)
        tails = (cell.rules, cell.decided_by, cell.reason, seen(cell))

        def make() -> _Packed:
            outcome, wanted, explanation = self._texts(*heads[:2], cell.explanation)
            fields = [self._texts(item.policy, item.field, item.reason) for item in cell.decided_by]
            ends = self._texts(cell.reason, seen(cell))
            stated = int(cell.stated)
            return [outcome, wanted, stated, explanation, self._texts(*cell.rules), fields, *ends]

        return self.judgements.put((*heads, *tails), make)
