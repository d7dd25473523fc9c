"""The self-test of the probes: for each tool one connection that must succeed and one that must be
dropped. A tool that gives no answer, or the same for both, makes the run inconclusive. Both ends
are on the loopback of one network namespace and need neither policy nor firewall: what is dropped,
the kernel drops, as it does every connection request to a socket whose backlog is full.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.ask import Ask, ask_all, here
from netpol_conformance.probe.child import Inside
from netpol_conformance.probe.netns import Enter
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.verdict import Probe, SelfCheck, Source, Tool, Verdict

_LOOPBACK: Final = "127.0.0.1"
_IDENTITY: Final = "probe/selftest"
_WAYS = ((Tool.WGET, Protocol.TCP), (Tool.SOCKET, Protocol.TCP), (Tool.SOCKET, Protocol.UDP))


async def selftest(
    source: Source, enter: Enter = here, *, busybox: str | None = None
) -> tuple[SelfCheck, ...]:
    """Try every tool in the network namespace of ``source``, whose loopback must be up.

    Takes as long as a time-out, 1 s. ``enter`` and ``busybox`` are those of ``ask_all``. Raises
    OSError if no socket can be opened there.
    """
    inside = partial(enter, source)
    with _deaf(inside) as deaf_port:
        port = _free_port(inside)
        server = OwnServers(_IDENTITY, [(port, Protocol.TCP), (port, Protocol.UDP)], inside=inside)
        await server.start()
        try:
            asked = Probe(source, _LOOPBACK, port, frozenset({_IDENTITY}))
            return await checked(
                asked, deaf_port, _WAYS, partial(ask_all, enter=enter, busybox=busybox)
            )
        finally:
            await server.stop()


async def checked(
    asked: Probe, dropped: int, ways: Sequence[tuple[Tool, Protocol]], ask: Ask
) -> tuple[SelfCheck, ...]:
    """Ask in all ``ways`` at once, each as ``asked``, which must connect, and at the port
    ``dropped``, which must not answer; say what each probe must see and what it saw.
    """
    expected = {asked.port: Verdict.CONNECTED, dropped: Verdict.TIMED_OUT}
    probes = [
        replace(asked, port=port, protocol=protocol, tool=tool)
        for tool, protocol in ways
        for port in expected
    ]
    return tuple(SelfCheck(expected[seen.probe.port], seen) for seen in await ask(probes))


@contextlib.contextmanager
def _deaf(inside: Inside) -> Iterator[int]:
    """A port where TCP connection requests are dropped and UDP datagrams stay unread."""
    with contextlib.ExitStack() as sockets:
        with inside():
            listener = sockets.enter_context(socket.create_server((_LOOPBACK, 0), backlog=0))
            port: int = listener.getsockname()[1]
            # A backlog of 0 holds one connection; this one fills it, as nobody accepts it.
            sockets.enter_context(socket.create_connection((_LOOPBACK, port)))
            unread = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        unread.bind((_LOOPBACK, port))
        yield port


def _free_port(inside: Inside) -> int:
    with inside(), socket.create_server((_LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
