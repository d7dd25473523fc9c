"""Waiting for an answer with a deadline, in a loop that may itself be late."""

from __future__ import annotations

import asyncio
import socket
import time

from netpol_conformance.probe.waiting import READABLE, until_ready


async def ask(*, answer: bool, patience: float, stall: float) -> tuple[bool, float]:
    """Ask a server of the same loop, which has no processor for ``stall`` seconds.

    The answer takes it 50 ms.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    loop = asyncio.get_running_loop()
    for end in (ours, theirs):
        end.setblocking(False)

    def serve() -> None:
        loop.call_later(0.05, theirs.send, theirs.recv(9))

    with ours, theirs:
        if answer:
            loop.add_reader(theirs, serve)
        ours.send(b"question")
        began = loop.time()
        loop.call_soon(time.sleep, stall)
        ready = await until_ready(ours.fileno(), READABLE, began + patience)
        took = loop.time() - began
        loop.remove_reader(theirs)
    return ready, took


def test_a_loop_that_had_no_processor_takes_no_answer_for_none() -> None:
    ready, _ = asyncio.run(ask(answer=True, patience=0.1, stall=0.3))
    assert ready


def test_it_gives_back_no_more_than_it_is_late() -> None:
    ready, took = asyncio.run(ask(answer=False, patience=0.1, stall=0.3))
    assert not ready
    assert took > 0.45


def test_silence_ends_at_the_deadline() -> None:
    ready, took = asyncio.run(ask(answer=False, patience=0.1, stall=0.0))
    assert not ready
    assert took >= 0.1
