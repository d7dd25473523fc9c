"""What an agent does over time, between its requests: it probes all the time, it holds connections.

The agent's event loop goes on while it waits for the next request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from netpol_conformance.probe import wire
from netpol_conformance.probe.continuous_wire import TaskRequest, series_line
from netpol_conformance.probe.held import HeldConnection, ask_first, ask_last
from netpol_conformance.probe.prober import Prober
from netpol_conformance.probe.sockets import open_for
from netpol_conformance.probe.verdict import Observation
from netpol_conformance.probe.watcher import fetch


class ContinuousAgent:
    """At most one set of series and one of held connections, begun and ended by requests."""

    def __init__(self) -> None:
        self._prober: Prober | None = None
        self._held: list[HeldConnection] = []

    async def answer(self, request: TaskRequest) -> list[str]:
        """Do what is asked; the lines of the answer, its end included."""
        task = {"begin": self._begin, "end": self._end, "hold": self._hold, "use": self._use}
        lines = await task[request.task](request)
        return [*lines, wire.end_line(request.id)]

    async def _begin(self, request: TaskRequest) -> list[str]:
        self._prober = Prober(request.probes, open_for, request.intervals)
        for source in {probe.source for probe in request.probes}:
            self._prober.begin(source)
        await self._prober.warm()
        return []

    async def _end(self, request: TaskRequest) -> list[str]:
        prober, self._prober = self._prober, None
        if prober is None:  # who began was the pod's first process
            return await fetch()
        series, now = await prober.end(), time.time()
        return [series_line(request.id, at, each, now) for at, each in enumerate(series)]

    async def _hold(self, request: TaskRequest) -> list[str]:
        self._held = [HeldConnection(probe, open_for(probe)) for probe in request.probes]
        return list(_observation_lines(request.id, await ask_first(self._held)))

    async def _use(self, request: TaskRequest) -> list[str]:
        held, self._held = self._held, []
        return list(_observation_lines(request.id, await ask_last(held, request.timeout)))


def _observation_lines(number: int, seen: Sequence[Observation]) -> Iterator[str]:
    for at, observation in enumerate(seen):
        yield wire.observation_line(number, at, observation)
