"""Boxes of (peer address, protocol, port), and making them disjoint.

An interval set of nftables refuses elements that overlap in part, so what policies allow a pod
is first written as boxes that do not overlap, the same ones whatever the order of the policies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """Inclusive ranges of IP protocol numbers and of ports.

    The protocols are one or all; where they are all, the ports are all too.
    """

    protocol_low: int
    protocol_high: int
    port_low: int
    port_high: int


EVERYTHING = Span(0, 255, 0, 65535)


class Box(NamedTuple):
    """The peers ``low`` to ``high`` (inclusive, as integers, of ``family`` 4 or 6) on ``span``."""

    family: int
    low: int
    high: int
    span: Span

    @property
    def exact(self) -> bool:
        """Whether this is one address, one protocol, one port: an element of a hash set."""
        span = self.span
        return (
            self.low == self.high
            and span.protocol_low == span.protocol_high
            and span.port_low == span.port_high
        )


def disjoint(boxes: Iterable[Box]) -> frozenset[Box]:
    """The same union as ``boxes`` in a canonical form of which no two overlap.

    Sweeps over the peers' addresses; between two boundaries the spans are united per protocol,
    and neighbouring stretches of equal spans become one.
    """
    families: dict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        families[box.family].append(box)
    return frozenset(
        Box(family, low, high, span)
        for family, members in families.items()
        for low, high, spans in _merged(_stretches(members))
        for span in spans
    )


def _stretches(boxes: Iterable[Box]) -> Iterator[tuple[int, int, frozenset[Span]]]:
    entering: dict[int, list[Span]] = defaultdict(list)
    leaving: dict[int, list[Span]] = defaultdict(list)
    for box in boxes:
        entering[box.low].append(box.span)
        leaving[box.high + 1].append(box.span)
    active: Counter[Span] = Counter()
    start = 0
    for point in sorted(entering.keys() | leaving.keys()):
        if active:
            yield start, point - 1, _united(active)
        active.update(entering.get(point, ()))
        active.subtract(leaving.get(point, ()))
        active = +active
        start = point


def _united(spans: Iterable[Span]) -> frozenset[Span]:
    if EVERYTHING in (spans := sorted(spans)):
        return frozenset((EVERYTHING,))
    united: list[Span] = []
    for span in spans:
        last = united[-1] if united else None
        if last and last.protocol_low == span.protocol_low and span.port_low <= last.port_high + 1:
            united[-1] = last._replace(port_high=max(last.port_high, span.port_high))
        else:
            united.append(span)
    return frozenset(united)


def _merged(
    stretches: Iterable[tuple[int, int, frozenset[Span]]],
) -> Iterator[tuple[int, int, frozenset[Span]]]:
    pending: tuple[int, int, frozenset[Span]] | None = None
    for low, high, spans in stretches:
        if pending and pending[1] + 1 == low and pending[2] == spans:
            pending = (pending[0], high, spans)
            continue
        if pending:
            yield pending
        pending = (low, high, spans)
    if pending:
        yield pending
