"""What a run no longer waits for in full, because it never comes.

A plugin that enforces nothing would otherwise cost the whole wait at every step. But one that has
a fault may still be slow elsewhere, so patience is counted by kinds of cells. It ends for a kind
when ENOUGH scenarios have failed for it after their whole wait, and no scenario has ever seen a
cell of that kind come to be as expected. Pure but for a lock: many scenarios share one Patience.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from netpol_conformance.expectation.matrix import Expected
from netpol_conformance.model.objects import Direction, Protocol
from netpol_conformance.scenario.types import CellKey, Expectation

ENOUGH = 10
"""Scenarios that must have waited in vain for a kind."""

_NOUNS = {
    Expectation.CONNECTED: "connections",
    Expectation.BLOCKED: "denials",
    Expectation.UNRESOLVED: "denials of look-ups",
}


class Kind(NamedTuple):
    """What is waited for: what is ``expected``, by rules or isolation in which ``directions``
    (none where no policy decides), over which ``protocol``.
    """

    expected: Expectation
    directions: tuple[Direction, ...]
    protocol: Protocol

    def __str__(self) -> str:
        """``denials of ingress over TCP``, ``connections without policy over SCTP``."""
        noun = _NOUNS.get(self.expected, self.expected.value)
        by = f"of {' and '.join(self.directions).lower()}" if self.directions else "without policy"
        return f"{noun} {by} over {self.protocol.value}"


def kind_of(cell: CellKey, entry: Expected) -> Kind:
    """The kind of ``cell``, which must be as ``entry`` says."""
    fields = [field for _, field, _ in entry.decided_by]
    decided = tuple(
        direction
        for direction in Direction
        if any(field.startswith(f"spec.{direction.value.lower()}") for field in fields)
    )
    return Kind(entry.expectation, decided, cell.destination.protocol)


@dataclass(frozen=True)
class Turn:
    """Patience has ended for ``kind``, for which these ``scenarios`` had waited in vain; or, if it
    has ``come`` in a scenario after all, it is back.
    """

    kind: Kind
    scenarios: tuple[str, ...]
    come: str = ""


class Patience:
    """One run's; ``tell`` gets every Turn, from whichever thread."""

    def __init__(self, tell: Callable[[Turn], None] = lambda _turn: None) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._in_vain: dict[Kind, dict[str, None]] = {}
        self._came: set[Kind] = set()

    def is_over(self, kind: Kind) -> bool:
        """Whether cells of ``kind`` are waited for briefly only."""
        with self._lock:
            return self._is_over(kind)

    def in_vain(self, kinds: Iterable[Kind], scenario: str) -> None:
        """The ``scenario`` (its path) failed for ``kinds`` after its whole wait."""
        turns = []
        with self._lock:
            for kind in dict.fromkeys(kinds):
                was_over = self._is_over(kind)
                scenarios = self._in_vain.setdefault(kind, {})
                scenarios[scenario] = None
                if self._is_over(kind) and not was_over:
                    turns.append(Turn(kind, tuple(scenarios)))
        self._tell_all(turns)

    def came(self, kinds: Iterable[Kind], scenario: str) -> None:
        """The ``scenario`` saw cells of ``kinds`` come to be as expected, which they were not."""
        turns = []
        with self._lock:
            for kind in set(kinds) - self._came:
                if self._is_over(kind):
                    turns.append(Turn(kind, tuple(self._in_vain[kind]), scenario))
                self._came.add(kind)
        self._tell_all(turns)

    def _is_over(self, kind: Kind) -> bool:
        return kind not in self._came and len(self._in_vain.get(kind, ())) >= ENOUGH

    def _tell_all(self, turns: Iterable[Turn]) -> None:
        """Outside the lock: who hears of it may ask."""
        for turn in turns:
            self._tell(turn)
