"""The live view at the bottom of a terminal: three lines that fit its width. Pure.

The first says how far the run is, the second which packs, the third what runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.summary import WORDS
from netpol_conformance.report.terminal.console import STYLES
from netpol_conformance.report.terminal.progress import Progress, about
from netpol_conformance.report.text import one_line

FULL, EMPTY = "\N{BOX DRAWINGS HEAVY HORIZONTAL}", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
_LONGEST_BAR = 30
_GAP = "  "


def view(progress: Progress, width: int) -> Text:
    """The lines; each is cut where the terminal ends."""
    text = Text("\n", no_wrap=True, overflow="ellipsis").join(
        [
            _how_far(progress, width),
            Text(_packs(progress, width)),
            Text(_running(progress, width), "dim"),
        ]
    )
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _how_far(progress: Progress, width: int) -> Text:
    """``12/36 ━━━━━━━──────── about 2 min left  2 failed``."""
    size = min(_LONGEST_BAR, width // 3)
    full = round(size * progress.done / progress.total) if progress.total else 0
    line = Text.assemble(
        (f"{progress.done}/{progress.total} ", "bold"),
        (FULL * full, "green"),
        (EMPTY * (size - full), "dim"),
    )
    if left := about(progress.left()):
        line.append(f"{_GAP}{left}")
    for outcome, words in WORDS.items():
        number = progress.outcomes[outcome]
        if number and outcome is not Outcome.PASS:
            line.append(f"{_GAP}{number} {words}", STYLES[outcome])
    return line


def _packs(progress: Progress, width: int) -> str:
    """``semantics 3/180  upstream 0/60``, as many as fit."""
    left = [f"{one_line(pack.name)} {pack.done}/{pack.total}" for pack in progress.packs()]
    return _GAP.join(_fitting(left, width, len(_GAP)))


def _running(progress: Progress, width: int) -> str:
    """``running a, b and 4 more``, as many names as fit; at least one."""
    names = [one_line(path) for path in progress.running]
    if not names:
        return ""
    lead, tail = "running ", f" and {len(names)} more"
    room = width - len(lead)
    shown = _fitting(names, room, 2)
    if len(shown) < len(names):
        shown = _fitting(names, room - len(tail), 2) or names[:1]
        rest = len(names) - len(shown)
        return f"{lead}{', '.join(shown)}{f' and {rest} more' if rest else ''}"
    return lead + ", ".join(shown)


def _fitting(words: Iterable[str], room: int, gap: int) -> list[str]:
    """The first words that fit side by side."""
    shown: list[str] = []
    for word in words:
        room -= len(word) + (gap if shown else 0)
        if room < 0:
            break
        shown.append(word)
    return shown
