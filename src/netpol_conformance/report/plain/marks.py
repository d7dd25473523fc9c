"""One cell as a mark and in words. Pure.

A mark is what was seen (``✓`` connected, a cross blocked, ``n`` name not resolved, ``w`` wrong
server), alone where that is as expected. A sign before it says otherwise: ``!`` wrong, ``*`` wrong
as declared, ``~`` the specification is silent. ``?`` alone is a cell about which nothing is known,
``-`` one that the implementation declares it does not support.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Verdict
from netpol_conformance.run.events import CellResult
from netpol_conformance.scenario.types import Expectation

CONNECTED = "\N{CHECK MARK}"
BLOCKED = "\N{MULTIPLICATION SIGN}"


class Mark(NamedTuple):
    """A cell's sign, and the same in words for a legend or a screen reader."""

    text: str
    words: str


_ASCII = str.maketrans(
    {
        CONNECTED: "o",
        BLOCKED: "x",
        "\N{BOX DRAWINGS HEAVY HORIZONTAL}": "=",
        "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    }
)

_SEEN = {
    Verdict.CONNECTED: (CONNECTED, "connected"),
    Verdict.REFUSED: (BLOCKED, "blocked"),
    Verdict.TIMED_OUT: (BLOCKED, "blocked"),
    Verdict.NAME_NOT_RESOLVED: ("n", "name not resolved"),
    Verdict.WRONG_SERVER: ("w", "wrong server answered"),
    Verdict.ERROR: ("?", "probe failed"),
}

_EXPECTED = {
    Expectation.CONNECTED: "connected",
    Expectation.BLOCKED: "blocked",
    Expectation.UNRESOLVED: "name not resolved",
    Expectation.UNSPECIFIED: "unspecified",
}


_ORDER = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.XFAIL,
    Outcome.INCONCLUSIVE,
    Outcome.UNSPECIFIED,
    Outcome.UNSUPPORTED,
)


def mark(cell: CellResult) -> Mark:
    """The mark of one cell."""
    sign, seen = _SEEN[cell.verdict] if cell.verdict else ("", "nothing seen")
    match cell.outcome:
        case Outcome.PASS:
            return Mark(sign or "?", seen)
        case Outcome.FAIL:
            return Mark(f"!{sign}", f"{seen}, expected {expected(cell)}")
        case Outcome.XFAIL:
            return Mark(f"*{sign}", f"{seen}, expected {expected(cell)}: a declared failure")
        case Outcome.UNSPECIFIED:
            return Mark(f"~{sign}", f"{seen}, the specification is silent")
        case Outcome.UNSUPPORTED:
            return Mark("-", "not supported, as declared")
        case Outcome.INCONCLUSIVE:
            return Mark("?", "inconclusive")


def expected(cell: CellResult) -> str:
    """What was expected, in words."""
    return _EXPECTED[cell.expected]


def legend(cells: Iterable[CellResult]) -> list[tuple[Mark, Outcome]]:
    """The marks that occur: as expected first, connected before blocked."""
    return sorted({(mark(cell), cell.outcome) for cell in cells}, key=_place)


def seen(cell: CellResult) -> str:
    """What was seen, in words, a block with its kind: ``blocked (dropped)``."""
    if cell.verdict is None:
        return "nothing seen"
    words = _SEEN[cell.verdict][1]
    return f"{words} ({cell.blocked})" if cell.blocked else words


def to_ascii(text: str) -> str:
    """``text`` with this package's own signs replaced, for encodings that lack them."""
    return text.translate(_ASCII)


def encodable(encoding: str) -> bool:
    """Whether this encoding has the marks."""
    try:
        (CONNECTED + BLOCKED).encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True


def _place(item: tuple[Mark, Outcome]) -> tuple[int, int]:
    sign, outcome = item
    return _ORDER.index(outcome), (CONNECTED + BLOCKED + "nw?-").find(sign.text[-1])
