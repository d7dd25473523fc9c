"""DNS look-ups as a pod does them: its resolv.conf, its search list, over its own sockets."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dnslib

from netpol_conformance.probe.waiting import READABLE, until_ready

_PORT = 53
_TYPES = {4: "A", 6: "AAAA"}


class NameNotResolvedError(Exception):
    """The look-up failed, or did not end in time; the message says which."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """What a resolv.conf says: one name server, the search list, and how many dots a name must
    have to be tried as it is before that list (``ndots``, S43).
    """

    nameserver: str
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, name: str) -> tuple[str, ...]:
        """The full names to ask for, in order."""
        if name.endswith("."):
            return (name,)
        searched = tuple(f"{name}.{domain}" for domain in self.search)
        return (name, *searched) if name.count(".") >= self.ndots else (*searched, name)


def resolver(path: Path = Path("/etc/resolv.conf")) -> Resolver:
    """The resolver that the calling thread's files name. Raises OSError; ValueError if none."""
    nameserver, ndots = "", 1
    search: tuple[str, ...] = ()
    for line in path.read_text().splitlines():
        words = line.split()
        match words[:1]:
            case ["nameserver"] if not nameserver and len(words) > 1:
                nameserver = words[1]
            case ["search"]:
                search = tuple(words[1:])
            case ["options"]:
                counts = [word[6:] for word in words[1:] if word.startswith("ndots:")]
                ndots = int(counts[-1]) if counts else ndots
    if not nameserver:
        raise ValueError(f"{path} names no nameserver")
    return Resolver(nameserver, search, ndots)


Open = Callable[[int], socket.socket]
"""Opens a UDP socket of the family given, 4 or 6, where the question is asked from."""


async def look_up(name: str, where: Resolver, opened: Open, deadline: float) -> str:
    """The first address of ``name``, IPv4 before IPv6.

    ``deadline`` is in the running loop's time. Raises NameNotResolvedError, for a name server
    that refuses or cannot be reached too; OSError if no socket can be opened.
    """
    with opened(ip_address(where.nameserver).version) as asking:
        try:
            asking.connect((where.nameserver, _PORT))
            for candidate in where.candidates(name):
                for family in _TYPES:
                    address = await _ask(asking, candidate, family, deadline)
                    if address is not None:
                        return address
        except OSError as error:
            raise NameNotResolvedError(f"{where.nameserver} port {_PORT}: {error}") from error
    raise NameNotResolvedError(f"no address of {name!r} is known to {where.nameserver}")


async def _ask(asking: socket.socket, name: str, family: int, deadline: float) -> str | None:
    wanted = getattr(dnslib.QTYPE, _TYPES[family])
    number = secrets.randbits(16)
    asking.send(_question(name, wanted, number))
    while await until_ready(asking.fileno(), READABLE, deadline):
        try:
            answer = dnslib.DNSRecord.parse(asking.recv(4096))  # type: ignore[no-untyped-call]
        except (BlockingIOError, dnslib.DNSError):
            continue
        if answer.header.id == number:
            return next((str(record.rdata) for record in answer.rr if record.rtype == wanted), None)
    raise NameNotResolvedError("the look-up did not end in time")


def _question(name: str, kind: int, number: int) -> bytes:
    record = dnslib.DNSRecord(  # type: ignore[no-untyped-call]
        dnslib.DNSHeader(id=number, rd=1),  # type: ignore[no-untyped-call]
        q=dnslib.DNSQuestion(name, kind),  # type: ignore[no-untyped-call]
    )
    return bytes(record.pack())  # type: ignore[no-untyped-call]
