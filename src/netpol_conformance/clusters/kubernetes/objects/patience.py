"""Patience that goes by progress: what moves is waited for, what does not is given up.

A cluster with much to do makes pods one by one. Counted from the beginning, that looks as if it
made none; giving them up leaves it more to do, not less.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from netpol_conformance.clusters.kubernetes.api.answers import Manifest

MOST = 10
"""How many times the seconds without progress a wait takes at most, whatever moves."""
_LOOKS_AT_EVENTS = 4
"""How often events are looked at while nothing else moves: a list of them is work for the API."""
_AT_WORK = frozenset({"Scheduled", "Pulling", "Pulled", "Created", "Started", "AddedInterface"})
"""Reasons of events that say that the cluster gets on with a pod.

Left out is what comes again and again of a pod that nothing becomes of: BackOff, SandboxChanged.
"""


class Patience:
    """``seconds`` from the last progress on, ``most`` times as much in all (1: a plain time-out).

    ``option`` is the time-out that these are, if the user can set it (``ready``); ``clock`` returns
    seconds, from any start.
    """

    def __init__(
        self,
        seconds: float,
        option: str = "",
        *,
        most: float = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.most = most
        self.option = option
        self._clock = clock
        self._began = self._moved = clock()

    def renew(self) -> None:
        """Count anew: there was progress."""
        self._moved = self._clock()

    @property
    def taken(self) -> float:
        """Seconds since the wait began."""
        return self._clock() - self._began

    @property
    def idle(self) -> float:
        """Seconds since the last progress."""
        return self._clock() - self._moved

    @property
    def over(self) -> bool:
        """Whether nothing more is waited for."""
        return self.idle >= self.seconds or self.taken >= self.most * self.seconds

    @property
    def words(self) -> str:
        """Why it is over: ``no progress for 30 s``."""
        if self.idle >= self.seconds:
            return f"no progress for {self.seconds:g} s"
        return f"still not after {self.most * self.seconds:g} s"


class PodProgress:
    """Renews ``patience`` when pods have come further than at any look before.

    ``read_events`` lists the events around these pods; they tell of what no status shows, an image
    that is pulled for one. ``was_needed`` says whether any pod was late.
    """

    def __init__(self, patience: Patience, read_events: Callable[[], Sequence[Manifest]]) -> None:
        self._patience = patience
        self._read_events = read_events
        self._seen: set[tuple[str, ...]] = set()
        self._events_at: float | None = None
        self.was_needed = False

    def see(self, pods: Sequence[Manifest]) -> None:
        """Look at all pods, those that are ready too, as long as one is late."""
        self.was_needed = True
        if self._is_more({mark for pod in pods for mark in _marks(pod)}):
            self._patience.renew()
        pause = self._patience.seconds / _LOOKS_AT_EVENTS
        if self._patience.taken - (self._events_at or 0.0) < pause:
            return
        first, self._events_at = self._events_at is None, self._patience.taken
        # The first look only shows what has happened by then, whenever that was.
        if self._is_more({_mark(event) for event in self._read_events()} - {()}) and not first:
            self._patience.renew()

    def _is_more(self, marks: set[tuple[str, ...]]) -> bool:
        more = not marks <= self._seen
        self._seen |= marks
        return more


def _marks(pod: Manifest) -> Iterator[tuple[str, ...]]:
    """How far the pod has come: conditions that are true, containers that have been started.

    There are only so many: one that starts and ends for ever makes no progress.
    """
    metadata: Any = pod["metadata"]
    status: Any = pod.get("status") or {}
    this = metadata.get("uid") or f"{metadata.get('namespace')}/{metadata['name']}"
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True":
            yield this, "condition", condition["type"]
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or ():
            if {"running", "terminated"} & (container.get("state") or {}).keys():
                yield this, "container", container["name"]


def _mark(event: Manifest) -> tuple[str, ...]:
    """What the event says that was done; empty if it says nothing of that kind."""
    if event.get("reason") not in _AT_WORK:
        return ()
    about: Any = event.get("involvedObject") or {}
    return about.get("uid", ""), event["reason"], about.get("fieldPath", "")
