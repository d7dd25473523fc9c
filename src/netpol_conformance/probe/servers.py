"""Servers of our own that answer with their identity: HTTP over TCP, UDP echo, SCTP INIT ACK.

They run in the event loop, sockets opened inside a network namespace, so that a pod with ten ports
costs ten descriptors. ``serve`` is the process of ``agent serve``. Real web servers are in
``webservers``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final, Protocol

from netpol_conformance.model.objects import Protocol as Transport
from netpol_conformance.probe import sctp
from netpol_conformance.probe.child import Inside, reap_orphans
from netpol_conformance.probe.reading import IDENTITY_HEADER

_IP_PKTINFO: Final = 8  # <linux/in.h>; the socket module has it from Python 3.12 on
_BACKLOG = 1024
_MAX_DATAGRAM = 65_536


class Server(Protocol):
    """Anything that serves: all that a pod's image runs."""

    async def start(self) -> None:
        """Serve; connections are accepted when this returns. Raises OSError if it cannot."""

    async def stop(self) -> None:
        """Serve no longer. Safe to call twice, and without a start."""


class OwnServers:
    """One pod's servers on ``ports``, all answering with ``identity``, over ``families``."""

    def __init__(
        self,
        identity: str,
        ports: Iterable[tuple[int, Transport]],
        *,
        families: tuple[int, ...] = (4,),
        inside: Inside = nullcontext,
    ) -> None:
        self._identity = identity
        self._ports = tuple(ports)
        self._families = families
        self._inside = inside
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Serve on all ports; on OSError (a port in use, say) none is served."""
        try:
            with self._inside():
                for family in self._families:
                    self._open(family)
            for opened in self._sockets:
                if opened.type is socket.SOCK_STREAM:
                    await self._listen(opened)
        except BaseException:
            await self.stop()
            raise

    def _open(self, family: int) -> None:
        identity = self._identity.encode()
        for port, kind in self._ports:
            if kind is Transport.TCP:
                self._bind(family, socket.SOCK_STREAM, port)
            elif kind is Transport.UDP:
                opened = self._bind(family, socket.SOCK_DGRAM, port)
                _answer(opened, family, partial(_echo, identity))
        # One raw socket hears the INITs for all ports.
        if ports := frozenset(port for port, kind in self._ports if kind is Transport.SCTP):
            opened = self._bind(family, socket.SOCK_RAW, 0, socket.IPPROTO_SCTP)
            _answer(opened, family, partial(_init_ack, identity, ports, family))

    def _bind(
        self, family: int, kind: socket.SocketKind, port: int, protocol: int = 0
    ) -> socket.socket:
        opened = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind, protocol)
        self._sockets.append(opened)
        opened.settimeout(0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind is socket.SOCK_STREAM))
        if family == 6 and kind is not socket.SOCK_RAW:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            opened.bind(("", port))
        except OSError as error:
            raise OSError(error.errno, f"port {port}: {error.strerror}") from error
        return opened

    async def _listen(self, opened: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        factory = partial(_Http, self._identity)
        self._servers.append(await loop.create_server(factory, sock=opened, backlog=_BACKLOG))

    async def stop(self) -> None:
        """Close every socket."""
        while self._servers:
            self._servers.pop().close()
        while self._sockets:
            opened = self._sockets.pop()
            if opened.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(opened)
                opened.close()


_Answer = Callable[[bytes], bytes | None]


def _answer(opened: socket.socket, family: int, answer: _Answer) -> None:
    if family == 4:
        opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    asyncio.get_running_loop().add_reader(opened, _reply, opened, answer)


class _Http(asyncio.Protocol):
    """One HTTP connection: whatever is asked, the answer is who we are.

    It is closed after the first answer unless the client asks to keep it.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head = (self._head + data)[-_MAX_DATAGRAM:]
        if b"\r\n\r\n" not in self._head:
            return
        body = b"" if self._head.startswith(b"HEAD ") else f"{self._identity}\n".encode()
        keep = b"\r\nconnection: keep-alive\r\n" in self._head.lower()
        self._head = b""
        self._transport.write(_http_head(self._identity, keep=keep) + body)
        if not keep:
            self._transport.close()


def _http_head(identity: str, *, keep: bool) -> bytes:
    return (
        "HTTP/1.1 200 OK\r\n"
        f"{IDENTITY_HEADER}: {identity}\r\n"
        "Content-Type: text/plain\r\n"
        f"Content-Length: {len(identity.encode()) + 1}\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n"
        "\r\n"
    ).encode()


def _reply(opened: socket.socket, answer: _Answer) -> None:
    """Answer one datagram from the very address it was sent to, of which a host may have many."""
    with contextlib.suppress(OSError):
        datagram, ancillary, _, sender = opened.recvmsg(_MAX_DATAGRAM, 256)
        reply = answer(datagram)
        if reply is not None:
            opened.sendmsg([reply], _from_where_it_came(ancillary), 0, sender)


def _from_where_it_came(
    ancillary: list[tuple[int, int, bytes]],
) -> list[tuple[int, int, bytes]]:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            address = data[8:12]
            return [(level, kind, struct.pack("=i4s4s", 0, address, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return [(level, kind, struct.pack("=16si", data[:16], 0))]
    return []


def _echo(identity: bytes, datagram: bytes) -> bytes:
    return identity + b"\n" + datagram


def _init_ack(identity: bytes, ports: frozenset[int], family: int, datagram: bytes) -> bytes | None:
    asked = sctp.decode(sctp.payload(datagram, family))
    if asked is None or asked.chunk is not sctp.Chunk.INIT:
        return None
    served = asked.destination_port in ports
    return sctp.Packet(
        asked.destination_port,
        asked.source_port,
        asked.initiate_tag,
        sctp.Chunk.INIT_ACK if served else sctp.Chunk.ABORT,
        initiate_tag=secrets.randbits(32) | 1,
        cookie=identity,
    ).encode()


async def serve(arguments: Sequence[str]) -> int:
    """Answer on every port as the identity given, until SIGTERM or the end of the input.

    Returns the exit code.
    """
    parser = argparse.ArgumentParser(prog="agent serve")
    parser.add_argument("--identity", required=True, help="who answers: NAMESPACE/POD")
    parser.add_argument("--port", action="append", default=[], type=_port, metavar="80/TCP")
    parser.add_argument("--family", action="append", default=[], type=int, choices=(4, 6))
    parser.add_argument("--until-input-ends", action="store_true")
    given = parser.parse_args(arguments)
    families = tuple(given.family) or (4,)
    servers = OwnServers(given.identity, given.port, families=families)
    try:
        await servers.start()
    except OSError as error:
        print(f"{given.identity} cannot serve: {error}", file=sys.stderr, flush=True)
        return 1
    if given.until_input_ends:
        await asyncio.to_thread(sys.stdin.read)
    else:
        await _until_told_to_stop()
    await servers.stop()
    return 0


async def _until_told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT, which a container's first process hears only if it listens."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    # The first process is also everybody's parent: of a killed agent's children too.
    loop.add_signal_handler(signal.SIGCHLD, reap_orphans)
    await stopped.wait()


def _port(text: str) -> tuple[int, Transport]:
    number, _, protocol = text.partition("/")
    return int(number), Transport(protocol or "TCP")
