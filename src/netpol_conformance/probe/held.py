"""A connection that is opened, kept, and used again later: S8 says what a policy may do to it.

TCP keeps one HTTP connection alive; UDP keeps one pair of ports, which connection tracking takes
for one connection.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Sequence

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.ask import socket_command
from netpol_conformance.probe.reading import Reading, failure, http, served
from netpol_conformance.probe.sockets import bind_afresh, connect, receive
from netpol_conformance.probe.verdict import Observation, Probe, Verdict

_MAX_HEAD = 65_536


class HeldConnection:
    """One connection of ``probe``, over a socket that is open where its source is."""

    def __init__(self, probe: Probe, opened: socket.socket) -> None:
        self.probe = probe
        self._socket = opened
        self._connected = False

    async def ask(self, timeout: float) -> Observation:  # noqa: ASYNC109 - told to the network
        """One exchange over it, the connection made first if it is not; never raises."""
        started, began = time.time(), time.perf_counter()
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            if not self._connected:
                await self._connect(deadline)
            exchange = self._tcp if self.probe.protocol is Protocol.TCP else self._udp
            reading = await exchange(deadline)
        except (ConnectionResetError, BrokenPipeError) as error:
            reading = Reading(Verdict.REFUSED, remark=f"the connection was cut: {error.strerror}")
        except OSError as error:
            reading = failure(error, family=6 if ":" in self.probe.host else 4)
        return Observation(
            self.probe,
            reading.verdict,
            socket_command(self.probe),
            reading.remark or f"answered by {reading.identity}",
            started,
            time.perf_counter() - began,
            identity=reading.identity,
        )

    def close(self) -> None:
        """Give it up. Safe to call twice."""
        self._socket.close()

    async def _connect(self, deadline: float) -> None:
        if self.probe.protocol is Protocol.UDP:
            bind_afresh(self._socket, 6 if ":" in self.probe.host else 4)
        await connect(self._socket, self.probe.host, self.probe.port, deadline)
        self._connected = True

    async def _tcp(self, deadline: float) -> Reading:
        request = (
            f"HEAD / HTTP/1.1\r\nHost: {self.probe.url_host}\r\nConnection: keep-alive\r\n\r\n"
        )
        self._socket.send(request.encode())
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
            received = await receive(self._socket, deadline, "no answer over the connection")
            if not received:
                return Reading(Verdict.ERROR, remark="the server closed the connection")
            head += received
        return http(head.decode("latin-1").rstrip("\r\n").split("\r\n"), self.probe.identities)

    async def _udp(self, deadline: float) -> Reading:
        payload = secrets.token_hex(8)
        self._socket.send(payload.encode())
        while True:
            answer = await receive(self._socket, deadline, "no answer between the same ports")
            identity, _, echoed = answer.decode("utf-8", "replace").partition("\n")
            if echoed == payload:  # an earlier answer may come late
                return served(identity, self.probe.identities)


async def ask_first(connections: Sequence[HeldConnection]) -> tuple[Observation, ...]:
    """The first exchange over each, all at once."""
    return tuple(await asyncio.gather(*(held.ask(held.probe.timeout) for held in connections)))


async def ask_last(
    connections: Sequence[HeldConnection],
    timeout: float,  # noqa: ASYNC109 - told to the network
) -> tuple[Observation, ...]:
    """One more exchange over each, all at once; then they are closed."""
    try:
        return tuple(await asyncio.gather(*(held.ask(timeout) for held in connections)))
    finally:
        for held in connections:
            held.close()
