"""Measuring how fast a cluster is: its API's answers, and its pods. Pure, but for the lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from netpol_conformance.clusters.base import Load

_REFUSALS = frozenset({429, 503})
"""HTTP's Too Many Requests and Service Unavailable: what a server with too much to do answers."""


class Meter:
    """Collects measurements until they are taken; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: list[float] = []
        self._ready: list[float] = []
        self._refused = 0

    def answered(self, seconds: float, codes: Iterable[int]) -> None:
        """A request took so long; HTTP's ``codes`` are those of all its answers."""
        with self._lock:
            self._answers.append(seconds)
            self._refused += any(code in _REFUSALS for code in codes)

    def waited_for_pods(self, seconds: float) -> None:
        """Pods were ready after so long, or were given up."""
        with self._lock:
            self._ready.append(seconds)

    def take(self) -> Load:
        """What was measured since the last time."""
        with self._lock:
            load = Load(tuple(self._answers), tuple(self._ready), self._refused)
            self._answers, self._ready, self._refused = [], [], 0
        return load
