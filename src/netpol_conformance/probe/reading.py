"""The result of an exchange: output, exit codes and errors read into verdicts. Pure.

The rule of this module: what is not recognised is an error. Nothing is ever blocked or connected
by default.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from netpol_conformance.probe.verdict import Verdict

IDENTITY_HEADER = "X-Served-By"
"""The HTTP header in which a server says who it is."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A verdict, who answered if anyone said, and what else there is to know.

    ``resent`` as in ``Observation``.
    """

    verdict: Verdict
    identity: str | None = None
    remark: str = ""
    resent: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The page that makes a server without headers of its own, busybox httpd, recognisable.

    Its ETag is made of the file's modification time and size alone, so these carry the identity.
    """

    identity: str

    @property
    def content(self) -> bytes:
        """What the file holds."""
        return f"{self.identity}\n".encode()

    @property
    def modified(self) -> int:
        """The file's modification time in seconds since the epoch, drawn from the identity."""
        # 31 bits: a date that any file system and any time_t can hold.
        return int.from_bytes(sha256(self.identity.encode()).digest()[:4], "big") >> 1

    @property
    def etag(self) -> str:
        """The ETag, quotes included."""
        return f'"{self.modified:x}-{len(self.content):x}"'


_STATUS = re.compile(r"HTTP/\d\.\d (\d{3})\b")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


def http(lines: Iterable[str], identities: frozenset[str]) -> Reading:
    """Who sent this HTTP head: its status line and headers, without line ends.

    Whatever the status, the right server is connected; anything else is a wrong server.
    """
    status, *rest = lines
    if not _STATUS.match(status):
        return Reading(Verdict.WRONG_SERVER, remark=f"not HTTP: {status!r}")
    headers = {
        match[1].lower(): match[2] for match in map(_HEADER.fullmatch, rest) if match is not None
    }
    identity = headers.get(IDENTITY_HEADER.lower())
    if identity is None and (etag := headers.get("etag")):
        known = (name for name in identities if Page(name).etag == etag)
        identity = next(known, None)
    return served(identity, identities)


def served(identity: str | None, identities: frozenset[str]) -> Reading:
    """Connected if ``identity`` is one of those asked for, else a wrong server."""
    if identity is not None and identity in identities:
        return Reading(Verdict.CONNECTED, identity)
    said = "a server that does not say who it is" if identity is None else identity
    return Reading(Verdict.WRONG_SERVER, identity, f"answered by {said}")


_REFUSALS = {
    errno.ECONNREFUSED,  # a reset, or ICMP port unreachable
    errno.EHOSTUNREACH,  # ICMP administratively prohibited, and the host unreachables
    errno.ENOPROTOOPT,  # ICMP protocol unreachable: no SCTP there
    errno.EPROTO,  # the same of IPv6 (parameter problem)
}


def failure(error: OSError, *, family: int) -> Reading:
    """The verdict on a socket's error; ``family`` is 4 or 6, as ICMP's errors differ."""
    if isinstance(error, TimeoutError):
        return Reading(Verdict.TIMED_OUT, remark=error.strerror or str(error))
    # Of IPv6, "administratively prohibited" comes as EACCES; of IPv4, EACCES is our own machine's.
    refused = error.errno in _REFUSALS or (family == 6 and error.errno == errno.EACCES)
    verdict = Verdict.REFUSED if refused else Verdict.ERROR
    return Reading(verdict, remark=error.strerror or str(error))
