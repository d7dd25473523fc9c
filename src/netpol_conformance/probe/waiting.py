"""Waiting for a descriptor in the event loop without a task or thread a wait."""

from __future__ import annotations

import asyncio
import select

READABLE = select.POLLIN
WRITABLE = select.POLLOUT


_LATE = 0.05
"""Seconds by which a loop is late that had no processor for a while."""


async def until_ready(descriptor: int, event: int, deadline: float) -> bool:
    """Wait until ``descriptor`` is READABLE or WRITABLE, as ``event`` says, or the deadline.

    ``deadline`` is in the running loop's time. A loop that is late had no processor, nor had the
    servers that it runs, so the deadline is extended by as much.
    """
    loop = asyncio.get_running_loop()
    if await _ready(descriptor, event, deadline):
        return True
    late = loop.time() - deadline
    return late > _LATE and await _ready(descriptor, event, loop.time() + late)


async def _ready(descriptor: int, event: int, deadline: float) -> bool:
    """Whether it is ready at the deadline, at which it looks once more."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()
    reading = event == READABLE
    (loop.add_reader if reading else loop.add_writer)(descriptor, _wake, woken)
    timer = loop.call_at(deadline, _wake, woken)
    try:
        await woken
    finally:
        timer.cancel()
        (loop.remove_reader if reading else loop.remove_writer)(descriptor)
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(0))


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
