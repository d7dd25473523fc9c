"""The values of this package: a Probe, the Observation it gives, and a Series of samples of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from netpol_conformance.model.objects import Protocol, SourceKind


class Verdict(StrEnum):
    """What one probe saw. Never collapsed here; ``judge`` says which of them count as blocked."""

    CONNECTED = "connected"
    """The right server answered, with its identity."""
    REFUSED = "refused"
    """A TCP reset or an ICMP error that a rejecting plugin, or a closed port, sends."""
    TIMED_OUT = "timed out"
    """No answer within the probe's time-out, the name being resolved."""
    NAME_NOT_RESOLVED = "name not resolved"
    """The look-up failed or did not end: nothing is known about the connection (S43)."""
    WRONG_SERVER = "wrong server"
    """Somebody answered, but not one of the identities asked for."""
    ERROR = "error"
    """The probe itself failed: nothing is known. Never a block."""


class Tool(StrEnum):
    """How a probe asks."""

    WGET = "wget"
    """``busybox wget --spider --timeout=1``, the documented check; TCP to an HTTP server."""
    SOCKET = "socket"
    """A socket of our own: TCP connect and HTTP HEAD, UDP echo, or a raw SCTP INIT."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who asks. ``kind`` is ``pod`` (with namespace), ``outside`` or ``node`` (name only)."""

    kind: SourceKind
    name: str
    namespace: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """The source that ``str`` gives this text for."""
        place, _, name = text.partition("/")
        if place in (SourceKind.OUTSIDE, SourceKind.NODE):
            return cls(SourceKind(place), name)
        return cls(SourceKind.POD, name, place)

    def __str__(self) -> str:
        """``default/busybox``, ``outside/office``, ``node/node-1``."""
        return f"{self.namespace or self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. ``host`` is an address or a DNS name; ``timeout`` is in seconds.

    ``identities`` are the servers that may rightly answer, as ``namespace/pod`` or
    ``outside/name``; more than one where a Service has several endpoints.
    """

    source: Source
    host: str
    port: int
    identities: frozenset[str]
    protocol: Protocol = Protocol.TCP
    tool: Tool = Tool.SOCKET
    timeout: float = 1.0

    @property
    def url_host(self) -> str:
        """The host as URLs have it: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer: the verdict and its evidence.

    ``command`` is what a person can type in the pod to ask the same; ``output`` is what it
    printed (or the socket's errors); ``started`` is seconds since the epoch, ``duration`` in
    seconds; ``identity`` is who answered, if anyone said. ``resent`` is how often a socket's SYN
    had to be sent again before the connection came; unknown for wget.
    """

    probe: Probe
    verdict: Verdict
    command: str
    output: str
    started: float
    duration: float
    exit_code: int | None = None
    identity: str | None = None
    resent: int = 0


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """One test of the probe itself: what it must see, and what it saw."""

    expected: Verdict
    observation: Observation


class Sample(NamedTuple):
    """One probe of a series: when it was sent (seconds since the epoch), and what it saw."""

    at: float
    verdict: Verdict
    duration: float
    identity: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """All samples of one probe, in the order in which they were sent.

    ``presence`` are the times (from, to) during which the source was there and should have asked.
    ``fault`` says why the asking ended before its time, if it did.
    """

    probe: Probe
    samples: tuple[Sample, ...]
    presence: tuple[tuple[float, float], ...]
    fault: str = ""

    def observation(self, sample: Sample, command: str) -> Observation:
        """One sample as an observation; ``command`` asks the same."""
        seen = sample.remark or f"answered by {sample.identity}"
        return Observation(
            self.probe,
            sample.verdict,
            command,
            seen,
            sample.at,
            sample.duration,
            identity=sample.identity,
        )
