"""Continuous probes of a cluster, in a thread and an event loop of their own.

The cluster's own loop may be busy for long: with an enforcer that computes, with servers that
start. What is asked meanwhile must not wait for it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from netpol_conformance.probe.netns import Enter
from netpol_conformance.probe.prober import INTERVAL, WITNESS_INTERVAL, Prober
from netpol_conformance.probe.sockets import open_for
from netpol_conformance.probe.verdict import Probe, Series, Source

_Result = TypeVar("_Result")


class ContinuousProbes:
    """One prober in its thread. The thread that makes it says when sources come and go."""

    def __init__(self, probes: Sequence[Probe], witnesses: Sequence[Probe], enter: Enter) -> None:
        self._loop = asyncio.new_event_loop()
        self._enter = enter
        intervals = [INTERVAL] * len(probes) + [WITNESS_INTERVAL] * len(witnesses)
        self._prober = Prober((*probes, *witnesses), self._open, intervals)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def begin(self, sources: Sequence[Source]) -> None:
        """Ask what these sources have to ask; returns when all of them have begun."""

        async def begin() -> None:
            for source in sources:
                self._prober.begin(source)
            await self._prober.warm()

        await self._there(begin())

    def appear(self, source: Source, since: float) -> None:
        """A source has come: let it ask from now on."""
        self._loop.call_soon_threadsafe(self._prober.begin, source, since)

    async def vanish(self, source: Source) -> None:
        """A source is about to go: when this returns, nothing holds on to its network."""
        await self._there(self._prober.pause(source))

    async def end(self) -> tuple[Series, ...]:
        """What was seen; the thread has ended when this returns."""
        seen = await self._there(self._prober.end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        return seen

    def _open(self, probe: Probe) -> socket.socket:
        with self._enter(probe.source):
            return open_for(probe)

    async def _there(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
