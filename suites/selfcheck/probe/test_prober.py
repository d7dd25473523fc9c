"""Continuous probes on the loopback: sources that come and go, and every way for them to end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.prober import Opener, Prober
from netpol_conformance.probe.reading import Reading
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.sockets import open_socket
from netpol_conformance.probe.verdict import Probe, Series, Source, Verdict

from .helping import LOOPBACK, ME, free_port

HERE, LATER = Source(SourceKind.POD, "here", "default"), Source(SourceKind.POD, "later", "default")


def opener(probe: Probe) -> socket.socket:
    return open_socket(probe.protocol, 4)


def probes(port: int, protocol: Protocol = Protocol.TCP) -> list[Probe]:
    return [
        Probe(source, LOOPBACK, port, frozenset({ME}), protocol, timeout=0.5)
        for source in (HERE, LATER)
    ]


def run(
    act: Callable[[Prober], Awaitable[None]],
    *,
    opened: Opener = opener,
    protocol: Protocol = Protocol.TCP,
) -> tuple[Series, ...]:
    async def scene() -> tuple[Series, ...]:
        port = free_port()
        server = OwnServers(ME, [(port, protocol)])
        await server.start()
        prober = Prober(probes(port, protocol), opened)
        try:
            await act(prober)
            return await prober.end()
        finally:
            await server.stop()

    return asyncio.run(scene())


async def begin_here(prober: Prober) -> None:
    prober.begin(HERE)
    await prober.warm()


async def until(prober: Prober, number: int, count: int) -> None:
    """Wait until one line has sent so many."""
    while prober._lines[number].sent < count:  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_source_asks_while_it_is_there_and_at_no_other_time(protocol):
    async def come_and_go(prober: Prober) -> None:
        await begin_here(prober)
        prober.begin(LATER)
        await until(prober, 1, 5)
        await prober.pause(LATER)
        await until(prober, 0, 30)
        prober.begin(LATER)
        await until(prober, 1, 20)

    here, later = run(come_and_go, protocol=protocol)
    assert {seen.verdict for seen in here.samples} == {Verdict.CONNECTED}
    assert {seen.identity for seen in here.samples} == {ME}
    assert len(here.samples) >= 30
    assert len(here.presence) == 1
    assert len(later.presence) == 2
    for seen in later.samples:
        assert any(start <= seen.at <= end for start, end in later.presence)
    times = [seen.at for seen in here.samples]
    assert times == sorted(times)


def test_a_source_that_never_came_saw_nothing():
    _, later = run(begin_here)
    assert (later.samples, later.presence) == ((), ())


def test_nothing_of_a_source_is_left_when_it_goes():
    sockets: list[socket.socket] = []

    def kept(probe: Probe) -> socket.socket:
        sockets.append(opener(probe))
        return sockets[-1]

    async def vanish() -> None:
        with socket.create_server((LOOPBACK, 0), backlog=100) as mute:
            prober = Prober(probes(mute.getsockname()[1]), kept)
            await begin_here(prober)
            assert any(each.fileno() >= 0 for each in sockets)
            await prober.pause(HERE)
            assert all(each.fileno() < 0 for each in sockets)

    asyncio.run(vanish())


def test_whatever_keeps_a_probe_from_being_sent_is_told_and_is_no_block():
    def broken(probe: Probe) -> socket.socket:
        raise ValueError("no socket today")

    here, _ = run(begin_here, opened=broken)
    assert {seen.verdict for seen in here.samples} == {Verdict.ERROR}
    assert "no socket today" in here.samples[0].remark


def test_a_loop_that_dies_says_so(monkeypatch):
    async def die(prober: Prober) -> None:
        await begin_here(prober)
        prober._lines[0].interval = None  # type: ignore[assignment]
        while not prober._lines[0].fault:  # noqa: ASYNC110
            await asyncio.sleep(0)

    here, _ = run(die)
    assert "TypeError" in here.fault


def test_an_answer_to_a_syn_that_was_sent_again_is_none_of_the_first_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def late(opened: socket.socket, probe: Probe, address: str) -> Reading:
        opened.close()
        await asyncio.sleep(0.06)
        return Reading(Verdict.CONNECTED, ME, resent=1)

    monkeypatch.setattr("netpol_conformance.probe.prober.exchange", late)

    async def act(prober: Prober) -> None:
        prober.begin(HERE)
        await until(prober, 0, 3)

    seen, _ = run(act)
    assert {sample.verdict for sample in seen.samples} == {Verdict.TIMED_OUT}
    assert not any(sample.identity for sample in seen.samples)
