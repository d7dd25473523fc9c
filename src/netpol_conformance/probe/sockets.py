"""One question over a socket that is already open in the right network namespace.

The three exchanges (TCP with an HTTP HEAD, UDP echo, SCTP INIT) differ in what they send and
accept; each is a coroutine without a thread of its own, so hundreds run at once.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import secrets
import socket
import sys
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe import sctp
from netpol_conformance.probe.reading import Reading, failure, http, served
from netpol_conformance.probe.verdict import Probe, Verdict
from netpol_conformance.probe.waiting import READABLE, WRITABLE, until_ready

_MAX_HEAD = 65_536
_PORTS = 4  # bytes: every transport's header begins with its two ports
# Not in the socket module: <linux/in.h>, <linux/in6.h>.
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_TOTAL_RETRANS: Final = 100  # where tcp_info has it: <linux/tcp.h>
_FIRST_SOURCE_PORT: Final = 20_000
_SOURCE_PORTS: Final = 40_000
_USED_PORTS = itertools.count(secrets.randbelow(_SOURCE_PORTS))
_KINDS = {
    Protocol.TCP: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    Protocol.UDP: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    Protocol.SCTP: (socket.SOCK_RAW, socket.IPPROTO_SCTP),
}


def open_socket(protocol: Protocol, family: int) -> socket.socket:
    """A socket in the calling thread's network namespace that hears of ICMP errors at once.

    ``family`` is 4 or 6. Raises OSError; SCTP needs CAP_NET_RAW there.
    """
    address_family = socket.AF_INET if family == 4 else socket.AF_INET6
    opened = socket.socket(address_family, *_KINDS[protocol])
    opened.settimeout(0)
    if family == 4:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    return opened


def open_for(probe: Probe) -> socket.socket:
    """A socket to ask ``probe`` with, in the calling thread's network namespace; raises OSError."""
    return open_socket(probe.protocol, 6 if ":" in probe.host else 4)


async def exchange(opened: socket.socket, probe: Probe, address: str) -> Reading:
    """Ask ``probe`` at ``address`` over ``opened``, which is closed afterwards.

    Never raises for what the network does: that is the verdict.
    """
    family = ip_address(address).version
    deadline = asyncio.get_running_loop().time() + probe.timeout
    ask = {Protocol.TCP: _tcp, Protocol.UDP: _udp, Protocol.SCTP: _sctp}[probe.protocol]
    try:
        with opened:
            return await ask(opened, probe, address, deadline)
    except OSError as error:
        return failure(error, family=family)


async def receive(opened: socket.socket, deadline: float, nothing: str) -> bytes:
    """The next bytes or datagram; raises TimeoutError saying ``nothing`` if none comes."""
    while True:
        if not await until_ready(opened.fileno(), READABLE, deadline):
            raise TimeoutError(nothing)
        try:
            return opened.recv(_MAX_HEAD)
        except BlockingIOError:
            continue  # woken by something that was not for us, a bad checksum say


async def _tcp(opened: socket.socket, probe: Probe, address: str, deadline: float) -> Reading:
    await connect(opened, address, probe.port, deadline)
    resent = _resent(opened)
    request = f"HEAD / HTTP/1.1\r\nHost: {probe.url_host}\r\nConnection: close\r\n\r\n"
    opened.send(request.encode())
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
        received = await receive(opened, deadline, "connected, but no answer to the request")
        if not received:
            break
        head += received
    if not head:
        return Reading(Verdict.ERROR, remark="connected, but closed without an answer")
    return replace(http(head.decode("latin-1").split("\r\n"), probe.identities), resent=resent)


async def connect(opened: socket.socket, address: str, port: int, deadline: float) -> None:
    """Connect a socket; raises OSError, TimeoutError among them."""
    try:
        opened.connect((address, port))
    except BlockingIOError:
        if not await until_ready(opened.fileno(), WRITABLE, deadline):
            raise TimeoutError("no answer to the connection request") from None
        code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code)) from None


def _resent(connected: socket.socket) -> int:
    """How often the kernel has sent a segment of this connection again."""
    tcp_info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOTAL_RETRANS + 4)
    return int.from_bytes(tcp_info[_TOTAL_RETRANS:], sys.byteorder)


def bind_afresh(opened: socket.socket, family: int) -> None:
    """Give a UDP socket a port of its own that no probe used lately.

    Connection tracking remembers an allowed exchange for minutes: a later probe of a denied pair
    that happened to have the same port would pass as its continuation.
    """
    anywhere = "0.0.0.0" if family == 4 else "::"  # noqa: S104 - a client's own end
    for _ in range(_SOURCE_PORTS):
        try:
            opened.bind((anywhere, _fresh_port()))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise OSError(errno.EADDRINUSE, "no UDP port is free for a probe")


def _fresh_port() -> int:
    return _FIRST_SOURCE_PORT + next(_USED_PORTS) % _SOURCE_PORTS


async def _udp(opened: socket.socket, probe: Probe, address: str, deadline: float) -> Reading:
    bind_afresh(opened, ip_address(address).version)
    opened.connect((address, probe.port))
    payload = secrets.token_hex(8)
    opened.send(payload.encode())
    answer = await receive(opened, deadline, "no answer to the datagram")
    identity, _, echoed = answer.decode("utf-8", "replace").partition("\n")
    if echoed != payload:
        return Reading(Verdict.WRONG_SERVER, remark=f"not an echo: {answer[:200]!r}")
    return served(identity, probe.identities)


async def _sctp(opened: socket.socket, probe: Probe, address: str, deadline: float) -> Reading:
    family = ip_address(address).version
    opened.connect((address, 0))
    port, tag = _fresh_port(), secrets.randbits(32) | 1
    init = sctp.Packet(port, probe.port, 0, sctp.Chunk.INIT, initiate_tag=tag).encode()
    opened.send(init)
    aborted = False
    while await until_ready(opened.fileno(), READABLE, deadline):
        _raise_refusal(opened, init)
        try:
            packet = sctp.decode(sctp.payload(opened.recv(_MAX_HEAD), family))
        except OSError:
            continue  # an error of another's packet, or a packet that went elsewhere
        if packet is None or packet.source_port != probe.port or packet.destination_port != port:
            continue  # a raw socket sees all SCTP of the other host
        if packet.chunk is sctp.Chunk.INIT_ACK and packet.tag == tag:
            return served(packet.cookie.decode("utf-8", "replace"), probe.identities)
        # Where the server's kernel speaks SCTP, it aborts what it knows nothing of, beside the
        # responder's own answer: an ABORT is believed when nothing better came in time.
        aborted = aborted or (packet.chunk is sctp.Chunk.ABORT and packet.tag == tag)
    if aborted:
        return Reading(Verdict.REFUSED, remark="ABORT in answer to the INIT")
    raise TimeoutError("no answer to the INIT")


def _raise_refusal(opened: socket.socket, sent: bytes) -> None:
    """Raise the OSError that an ICMP error about ``sent`` brought, if one did.

    A raw socket hears of the errors of all packets to its host, whoever sent them; each brings
    the first bytes of the packet it is about.
    """
    while True:
        try:
            about, ancillary, _, _ = opened.recvmsg(_MAX_HEAD, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return
        for level, kind, data in ancillary:
            is_error = (level, kind) in {
                (socket.IPPROTO_IP, _IP_RECVERR),
                (socket.IPPROTO_IPV6, _IPV6_RECVERR),
            }
            if is_error and about[:_PORTS] == sent[:_PORTS]:
                number = int.from_bytes(data[:4], sys.byteorder)
                raise OSError(number, os.strerror(number))
