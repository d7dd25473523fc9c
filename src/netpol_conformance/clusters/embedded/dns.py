"""The cluster's DNS: which names there are (pure), and the server of the DNS pod.

Names are those of the Kubernetes DNS specification for Services and pods, as CoreDNS answers
them, and of hosts outside that are named, as a Service without selector does it. Everything else
does not exist.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress

from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSError, DNSRecord

from netpol_conformance.clusters.base import OUTSIDE_NAMES, OutsideHost
from netpol_conformance.model.objects import ClusterState, IPAddress, Service
from netpol_conformance.model.service import endpoints

DOMAIN = "cluster.local"
PORT = 53

_TTL = 5
_UDP_BYTES = 512
_PATIENCE = 5.0
"""Seconds that an answer may take, in one and the same process: for a machine under load."""
_AGAIN = 0.5
"""Seconds until a question is sent again."""
_TYPES: dict[int, tuple[int, type]] = {QTYPE.A: (4, A), QTYPE.AAAA: (6, AAAA)}

Zone = Mapping[str, tuple[IPAddress, ...]]
"""The addresses by name, in lower case and without the last dot."""


def zone(state: ClusterState, outside: Iterable[OutsideHost] = ()) -> Zone:
    """All names of a cluster at one moment."""
    names: dict[str, tuple[IPAddress, ...]] = {DOMAIN: (), f"svc.{DOMAIN}": ()}
    for host in outside:
        if host.named:
            names[f"{host.name.lower()}.{OUTSIDE_NAMES}.svc.{DOMAIN}"] = host.ips
    for namespace in state.namespaces:
        names[f"{namespace.name}.svc.{DOMAIN}"] = ()
    for service in state.services:
        names[f"{service.name}.{service.namespace}.svc.{DOMAIN}"] = _service_ips(state, service)
    for pod in state.pods:
        for ip in pod.ips:
            dashed = str(ip).replace(".", "-").replace(":", "-")
            names[f"{dashed}.{pod.namespace}.pod.{DOMAIN}"] = (ip,)
    return names


def answer(names: Zone, query: bytes) -> bytes | None:
    """The reply to a DNS message; None to what is none.

    A name without addresses of the type asked for exists all the same: an empty answer, not
    "no such name", else a resolver that asks for IPv6 first would give up.
    """
    try:
        question = DNSRecord.parse(query)  # type: ignore[no-untyped-call]
    except (DNSError, struct.error, ValueError):
        return None
    reply = question.reply()
    ips = names.get(str(question.q.qname).rstrip(".").lower())
    if ips is None:
        reply.header.rcode = RCODE.NXDOMAIN
    elif question.q.qtype in _TYPES:
        family, record = _TYPES[question.q.qtype]
        for ip in ips:
            if ip.version == family:
                data = record(str(ip))
                reply.add_answer(RR(question.q.qname, question.q.qtype, rdata=data, ttl=_TTL))  # type: ignore[no-untyped-call]
    return bytes(reply.pack())


class Server:
    """The DNS pod's server (a ``probe.servers.Server``) at ``ips``.

    ``names`` returns the current zone; ``enter`` puts the thread into the pod.
    """

    def __init__(
        self,
        names: Callable[[], Zone],
        ips: Iterable[IPAddress],
        enter: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._names = names
        self._ips = tuple(ips)
        self._enter = enter
        self._datagrams: list[socket.socket] = []
        self._streams: list[asyncio.Server] = []

    async def start(self) -> None:
        """Answer over UDP and TCP until ``stop``."""
        for ip in self._ips:
            with self._enter():
                datagrams = _bound(ip, socket.SOCK_DGRAM)
                streams = _bound(ip, socket.SOCK_STREAM)
            self._datagrams.append(datagrams)
            asyncio.get_running_loop().add_reader(datagrams, self._datagram, datagrams)
            self._streams.append(await asyncio.start_server(self._stream, sock=streams))

    async def stop(self) -> None:
        """Answer no more."""
        while self._datagrams:
            datagrams = self._datagrams.pop()
            asyncio.get_running_loop().remove_reader(datagrams)
            datagrams.close()
        while self._streams:
            self._streams.pop().close()

    def _datagram(self, bound: socket.socket) -> None:
        # A client that has gone (its ICMP error arrives here) is not our concern.
        with suppress(OSError):
            query, client = bound.recvfrom(_UDP_BYTES)
            reply = answer(self._names(), query)
            if reply is not None and len(reply) > _UDP_BYTES:
                reply = bytes(DNSRecord.parse(reply).truncate().pack())  # type: ignore[no-untyped-call]
            if reply is not None:
                bound.sendto(reply, client)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                reply = answer(self._names(), await reader.readexactly(length))
                if reply is None:
                    break
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        writer.close()


def connected(ip: IPAddress) -> socket.socket:
    """A socket to ask the server at ``ip`` from where the calling thread is."""
    asking = socket.socket(_family(ip), socket.SOCK_DGRAM)
    asking.settimeout(0)
    asking.connect((str(ip), PORT))
    return asking


async def ask(asking: socket.socket) -> None:
    """Have one answer from the server; raises OSError or TimeoutError if there is none.

    A datagram may be lost, so the question is sent again, as a resolver would.
    """
    loop = asyncio.get_running_loop()
    question = bytes(DNSRecord.question(DOMAIN).pack())  # type: ignore[no-untyped-call]
    async with asyncio.timeout(_PATIENCE):
        while True:
            await loop.sock_sendall(asking, question)
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await loop.sock_recv(asking, _UDP_BYTES)
                    return


def _family(ip: IPAddress) -> socket.AddressFamily:
    return socket.AF_INET if ip.version == 4 else socket.AF_INET6


def _bound(ip: IPAddress, kind: socket.SocketKind) -> socket.socket:
    bound = socket.socket(_family(ip), kind)
    bound.settimeout(0)
    bound.bind((str(ip), PORT))
    return bound


def _service_ips(state: ClusterState, service: Service) -> tuple[IPAddress, ...]:
    if not service.headless:
        return service.cluster_ips
    backends = [pod for port in service.ports for pod, _ in endpoints(state, service, port)]
    return tuple(dict.fromkeys(ip for pod in backends for ip in pod.ips))
