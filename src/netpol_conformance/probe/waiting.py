"""Waiting for a descriptor in the event loop without a task or thread a wait."""

from __future__ import annotations

import asyncio
import select

READABLE = select.POLLIN
WRITABLE = select.POLLOUT


async def until_ready(descriptor: int, event: int, deadline: float) -> bool:
    """Wait until ``descriptor`` is READABLE or WRITABLE, as ``event`` says, or the deadline.

    ``deadline`` is in the running loop's time. Says whether it is ready, looking once more at
    the deadline: a busy loop that comes late must not take an answer that lies there for none.
    """
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
