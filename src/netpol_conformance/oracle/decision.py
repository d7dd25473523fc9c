"""The oracle's answer and the question: Connection, Decision, and their parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netpol_conformance.model.objects import Direction, IPAddress, Node, Pod, Protocol


class Answer(StrEnum):
    """What the specification says of a connection."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class OutsideAddress:
    """An end that is neither pod nor node."""

    ip: IPAddress
    name: str = ""


End = Pod | Node | OutsideAddress


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as policy sees it: the pod behind a Service, its target port (S21, S40).

    ``family`` is 4 or 6 and picks the addresses of ends that have both.
    """

    source: End
    destination: End
    port: int
    protocol: Protocol = Protocol.TCP
    family: int = 4


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that allows: ``field`` is its path, ``spec.ingress[0].from[1]`` or
    ``spec.ingress[0]`` where the rule names no peer.
    """

    policy: str
    field: str


@dataclass(frozen=True, slots=True)
class Miss:
    """The nearest rule that did not allow: the field that failed, and why, in a sentence."""

    policy: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """One end's say. ``isolated_by`` are the policies (``namespace/name``) that isolate the pod
    in this direction; empty means not isolated. ``allowed_by`` and ``nearest_miss`` exclude
    each other; both are None where the end is not isolated or exempt. ``rule`` is the S-number
    of the sentence this rests on, ``reason`` that sentence applied to this case.
    """

    direction: Direction
    answer: Answer
    rule: str
    reason: str
    isolated_by: tuple[str, ...] = ()
    allowed_by: tuple[Match, ...] = ()
    nearest_miss: Miss | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Both ends' say, and what follows (S3)."""

    answer: Answer
    egress: Side
    ingress: Side

    @property
    def rules(self) -> tuple[str, ...]:
        """The S-numbers of the deciding sides, S3 first where both ends had a say."""
        deciding = [side for side in (self.egress, self.ingress) if side.answer is self.answer]
        return tuple(dict.fromkeys(side.rule for side in deciding))

    @property
    def explanation(self) -> str:
        """Why, in one or two sentences."""
        deciding = [side for side in (self.egress, self.ingress) if side.answer is self.answer]
        return " ".join(dict.fromkeys(side.reason for side in deciding))
