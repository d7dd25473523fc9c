"""Numbers as plots: where each bar and label of an inline SVG stands. Pure.

Lengths are in the units of the SVG's view box, which is ``WIDTH`` wide: about a phone's, so that
letters stay readable there; wider screens show plots side by side.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netpol_conformance.report.text import plural, seconds

WIDTH = 380
_BARS_HEIGHT, _BARS_TOP, _BARS_BOTTOM = 150, 16, 24
_ROW, _LABEL, _VALUE = 24, 126, 76
_EDGES = tuple(
    round(digit * 10.0**power, 6) for power in range(-3, 3) for digit in (1, 2, 5)
)  # seconds: 1, 2, 5, 10, ... milliseconds up to 500 seconds


class Bar(NamedTuple):
    """A bar, the text at its end, and what it says in words."""

    x: float
    y: float
    width: float
    height: float
    text: str
    words: str


class Label(NamedTuple):
    """A text at a place."""

    x: float
    y: float
    text: str


class Plot(NamedTuple):
    """A plot; ``base`` is where its axis lies, 0 if there is none."""

    height: float
    base: float
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]


def distribution(durations: Sequence[float]) -> Plot:
    """How many of these durations (in seconds, at least one) lie between 1, 2, 5, 10 ... ms."""
    places = [max(bisect_right(_EDGES, duration) - 1, 0) for duration in durations]
    counts = Counter(places)
    first, last = min(places), max(places)
    # A single bar as wide as the plot says nothing.
    first, last = max(first - 1, 0), min(last + 1, len(_EDGES) - 1)
    step = WIDTH / (last - first + 1)
    base = _BARS_HEIGHT - _BARS_BOTTOM
    scale = (base - _BARS_TOP) / max(counts.values())
    bars = []
    for place, count in sorted(counts.items()):
        height = max(count * scale, 1)
        words = f"{plural(count, 'step')} {_between(place)}"
        x = (place - first) * step
        bars.append(Bar(x + 2, base - height, step - 4, height, f"{count}", words))
    labels = tuple(
        Label((place - first) * step, _BARS_HEIGHT - 6, _edge(_EDGES[place]))
        for place in range(first, last + 1)
        if _EDGES[place] in (0.001, 0.01, 0.1, 1, 10, 100) or last - first < 4
    )
    return Plot(_BARS_HEIGHT, base, tuple(bars), labels)


def rows(values: Mapping[str, float]) -> Plot:
    """A bar for each duration, in seconds, in a row of its own."""
    longest = max(values.values(), default=0) or 1
    bars, labels = [], []
    for number, (name, value) in enumerate(values.items()):
        y = number * _ROW
        text = seconds(value)
        width = max(value / longest * (WIDTH - _LABEL - _VALUE), 1)
        bars.append(Bar(_LABEL, y + 4, width, _ROW - 8, text, f"{name}: {text}"))
        labels.append(Label(0, y + _ROW - 7, name))
    return Plot(len(values) * _ROW, 0, tuple(bars), tuple(labels))


def _between(place: int) -> str:
    if place == 0:
        return f"under {_edge(_EDGES[1])}"
    if place + 1 == len(_EDGES):
        return f"over {_edge(_EDGES[place])}"
    return f"from {_edge(_EDGES[place])} to {_edge(_EDGES[place + 1])}"


def _edge(duration: float) -> str:
    return f"{duration * 1000:g} ms" if duration < 1 else f"{duration:g} s"
