"""How far a run has come, and how long it will take: what the live view shows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import PurePosixPath
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import Event, RunStarted, ScenarioFinished, ScenarioStarted

_ENOUGH, _SHARE = 3, 0.05
"""So many scenarios, and such a part of all, must be done before a remaining time is estimated."""


class Pack(NamedTuple):
    """One pack: how many of its scenarios are done, of how many."""

    name: str
    done: int
    total: int


class Progress:
    """A consumer that counts. ``clock`` returns seconds, from any start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._total: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self.running: dict[str, None] = {}

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted():
                self._total = Counter(map(_pack, event.scenarios))
                self._began = self._clock()
            case ScenarioStarted():
                self.running[event.path] = None
            case ScenarioFinished():
                self.running.pop(event.path, None)
                self._done[_pack(event.path)] += 1
                self.outcomes[event.outcome] += 1

    @property
    def done(self) -> int:
        """Scenarios that have ended."""
        return self._done.total()

    @property
    def total(self) -> int:
        """Scenarios there are."""
        return self._total.total()

    def packs(self) -> Iterator[Pack]:
        """The packs, those that are not done first."""
        packs = [Pack(name, self._done[name], total) for name, total in self._total.items()]
        yield from sorted(packs, key=lambda pack: pack.done >= pack.total)

    def left(self) -> float | None:
        """The estimated seconds left; None while too little is done.

        What runs counts half: of scenarios that run side by side the first end late.
        """
        if self._began is None or self.done < max(_ENOUGH, _SHARE * self.total):
            return None
        behind = self.done + len(self.running) / 2
        ahead = max(self.total - behind, 0)
        return (self._clock() - self._began) * ahead / behind


def about(left: float | None) -> str:
    """The time left, rounded: ``about 3 min left``."""
    if left is None:
        return ""
    if left <= 10:
        return "a few seconds left"
    if left <= 60:
        return f"about {10 * ceil(left / 10)} s left"
    return f"about {ceil(left / 60)} min left"


def _pack(path: str) -> str:
    return PurePosixPath(path).parent.name or "."
