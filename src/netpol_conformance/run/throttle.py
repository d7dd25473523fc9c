"""How many scenarios run at once: fewer while the cluster is slow, more again when it is fast.

A cluster that has too much to do makes each scenario wait, and one that waited in vain leaves its
pods to be removed: even more to do. So the number is halved while the cluster is slow, and grows by
one while it is fast, as TCP does with what it sends; it is judged by scenarios that began since it
was last changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from netpol_conformance.clusters.base import Load

_log = logging.getLogger(__name__)

SLOW_ANSWER, FAST_ANSWER = 0.5, 0.2
"""Seconds for the API's answer, at the median: from here on it is slow, up to here fast. An idle
one takes 0.01.
"""
SLOW_PODS, FAST_PODS = 1 / 2, 1 / 4
"""The same for pods to be ready, as a part of the time-out ``ready``."""
MANY_REFUSED = 0.01
"""The part of all requests that is refused by an API with too much to do."""
ENOUGH_ANSWERS, ENOUGH_PODS = 20, 3
"""How many measurements it takes to tell; of pods no more than scenarios run at once."""
MOST_ANSWERS = 1000
"""How many measurements are judged together: what is long past must not hide what comes."""


def why_slow(load: Load, limit: int, ready: float) -> str:
    """Why the cluster counts as slow by what was measured of ``limit`` scenarios at once, ``ready``
    being the time-out in seconds; empty if it does not.
    """
    asked = len(load.answers)
    if asked >= ENOUGH_ANSWERS and load.refused > MANY_REFUSED * asked:
        return f"its API refused {load.refused} of {asked} requests at first"
    if asked >= ENOUGH_ANSWERS and median(load.answers) > SLOW_ANSWER:
        return f"its API takes {median(load.answers):.1f} s to answer"
    if _tells(load.ready, limit) and median(load.ready) > SLOW_PODS * ready:
        return f"pods take {median(load.ready):.0f} s to be ready"
    return ""


def is_fast(load: Load, limit: int, ready: float) -> bool:
    """Whether the cluster would be fast enough for more than ``limit`` scenarios at once."""
    if len(load.answers) < ENOUGH_ANSWERS or load.refused or median(load.answers) > FAST_ANSWER:
        return False
    # There are none where scenarios take over each other's pods.
    return not load.ready or (_tells(load.ready, limit) and median(load.ready) <= FAST_PODS * ready)


def _tells(seconds: Sequence[float], limit: int) -> bool:
    return len(seconds) >= min(ENOUGH_PODS, limit)


class Throttle:
    """Lets ``limit`` scenarios run at once, at most ``most``.

    ``measure`` gives what was measured since it was last called, ``ready`` is the time-out in
    seconds; ``tell`` gets a line the first time that fewer run than that.
    """

    def __init__(
        self, most: int, measure: Callable[[], Load], ready: float, tell: Callable[[str], None]
    ) -> None:
        self.limit = most
        self._most = most
        self._measure = measure
        self._ready = ready
        self._tell = tell
        self._told = self._open = False
        self._changed = threading.Condition()
        self._turns = 0
        self._inside: set[int] = set()
        self._before: set[int] = set()
        """Turns that are not over and began before the last change."""
        self._load = Load()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One scenario's turn, when it comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._open or len(self._inside) < self.limit)
            self._turns += 1
            turn = self._turns
            self._inside.add(turn)
        try:
            yield
        finally:
            self._end(turn)

    def open(self) -> None:
        """Let everyone in from now on: the run is ending."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def _end(self, turn: int) -> None:
        line = ""
        with self._changed:
            self._inside.remove(turn)
            if not self._open:
                line = self._adapted(turn)
            self._changed.notify_all()
        if line:
            self._tell(line)

    def _adapted(self, turn: int) -> str:
        """Adapt the limit to what was measured; a line to tell, if any."""
        measured, outdated = self._measure(), bool(self._before)
        self._before.discard(turn)
        if outdated:
            self._load = Load()
            return ""
        self._load = _sum(self._load, measured)
        slow = why_slow(self._load, self.limit, self._ready)
        if slow:
            self._set(max(1, self.limit // 2), slow)
        elif is_fast(self._load, self.limit, self._ready):
            self._set(min(self._most, self.limit + 1), "the cluster is fast")
        elif len(self._load.answers) > MOST_ANSWERS:
            self._load = Load()
        if self._told or self.limit == self._most:
            return ""
        self._told = True
        return (
            f"the cluster is slow ({slow}): {self.limit} scenarios at once instead of "
            f"{self._most}, until it is faster"
        )

    def _set(self, limit: int, why: str) -> None:
        self._load = Load()
        if limit != self.limit:
            _log.info("%d scenarios at once, not %d: %s", limit, self.limit, why)
            self.limit = limit
            self._before = set(self._inside)


def _sum(one: Load, other: Load) -> Load:
    return Load(one.answers + other.answers, one.ready + other.ready, one.refused + other.refused)
