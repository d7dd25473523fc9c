"""Continuous probes: a ``Series`` of samples for each.

A ``Prober`` belongs to one event loop, sends each probe every few milliseconds without waiting for
answers, and knows which sources are there: those of a pod begin when it does and end with it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netpol_conformance.probe.reading import Reading
from netpol_conformance.probe.sockets import exchange
from netpol_conformance.probe.verdict import Probe, Sample, Series, Source, Verdict

INTERVAL = 0.005
"""Seconds between two probes of one question: 200 a second where the machine keeps up."""
WITNESS_INTERVAL = 10 * INTERVAL
"""Seconds between two probes of a server from inside its own pod."""
TIMEOUT = 0.9
"""Seconds that each probe waits. Linux sends a SYN again after 1 s: so each asks just once, and
what it saw is of the moment at which it was sent."""
_ANSWERED = 0.05
"""Seconds in which a connection is made if it is made at all. A probe whose source goes before
that has seen nothing."""
_WARM = 5
"""How many probes of each source that is there are sent before a series counts as begun."""

Opener = Callable[[Probe], socket.socket]
"""Opens a probe's socket where its source is; raises OSError or LookupError."""


@dataclass
class _Line:
    """One question: its task while the source is there, and what it has seen so far."""

    probe: Probe
    interval: float
    seen: list[Sample] = field(default_factory=list)
    presence: list[tuple[float, float]] = field(default_factory=list)
    since: float | None = None
    pacing: asyncio.Task[None] | None = None
    asking: set[asyncio.Task[None]] = field(default_factory=set)
    sent: int = 0
    fault: str = ""

    def series(self) -> Series:
        """What was seen, in order."""
        seen = sorted(self.seen, key=lambda sample: sample.at)
        presence = self.presence[:]
        if seen and presence:  # one probe may just have been on its way
            start, end = presence[-1]
            presence[-1] = (start, max(end, seen[-1].at))
        return Series(self.probe, tuple(seen), tuple(presence), self.fault)


class Prober:
    """Asks ``probes`` again and again, each every ``interval`` seconds, in the running loop."""

    def __init__(
        self, probes: Sequence[Probe], opener: Opener, intervals: Sequence[float] = ()
    ) -> None:
        every = tuple(intervals) or (INTERVAL,) * len(probes)
        self._lines = [_Line(*pair) for pair in zip(probes, every, strict=True)]
        self._opener = opener

    def begin(self, source: Source, since: float | None = None) -> None:
        """The source is there, ``since`` that time (else now): ask all that it has to ask."""
        for line in self._of(source):
            if line.since is None:
                line.since = time.time() if since is None else since
                line.pacing = asyncio.ensure_future(self._pace(line))

    async def pause(self, source: Source) -> None:
        """The source goes: nothing of it is left when this returns, no socket either."""
        for line in self._of(source):
            _absent(line)
            asking = tuple(line.asking)
            for task in asking:
                task.cancel()
            if asking:
                await asyncio.wait(asking)

    async def warm(self) -> None:
        """Wait until every source that is there has asked some times."""
        lines = [line for line in self._lines if line.since is not None]
        while any(line.sent < _WARM and not line.fault for line in lines):  # noqa: ASYNC110
            await asyncio.sleep(INTERVAL)

    async def end(self) -> tuple[Series, ...]:
        """Stop sending, wait for outstanding answers, and return every series."""
        for line in self._lines:
            _absent(line)
        asking = [task for line in self._lines for task in line.asking]
        if asking:
            await asyncio.wait(asking)
        return tuple(line.series() for line in self._lines)

    def _of(self, source: Source) -> list[_Line]:
        return [line for line in self._lines if line.probe.source == source]

    async def _pace(self, line: _Line) -> None:
        """Send probe after probe; what the machine is late for is not made up for."""
        loop = asyncio.get_running_loop()
        planned = loop.time()
        try:
            while True:
                task = asyncio.ensure_future(self._ask(line))
                line.asking.add(task)
                task.add_done_callback(line.asking.discard)
                planned = max(planned + line.interval, loop.time())
                await asyncio.sleep(planned - loop.time())
        except Exception as error:  # noqa: BLE001 - whatever it was, it must show
            line.fault = f"{type(error).__name__}: {error}"

    async def _ask(self, line: _Line) -> None:
        at, began = time.time(), time.perf_counter()
        line.sent += 1
        try:
            reading = await exchange(self._opener(line.probe), line.probe, line.probe.host)
            if reading.resent:  # a late loop waits longer, but the answer is of another moment
                reading = Reading(Verdict.TIMED_OUT, remark="no answer to the first SYN")
        except asyncio.CancelledError:
            reading = Reading(Verdict.TIMED_OUT, remark="no answer before its source went")
        except Exception as error:  # noqa: BLE001 - whatever it was, it must show
            reading = Reading(Verdict.ERROR, remark=f"{type(error).__name__}: {error}")
        duration = time.perf_counter() - began
        if duration >= _ANSWERED or reading.verdict is not Verdict.TIMED_OUT:
            line.seen.append(
                Sample(at, reading.verdict, duration, reading.identity, reading.remark)
            )


def _absent(line: _Line) -> None:
    """Note that the source asks no more, and since when."""
    if line.pacing is not None:
        line.pacing.cancel()
        line.pacing = None
    if line.since is not None:
        line.presence.append((line.since, time.time()))
        line.since = None
