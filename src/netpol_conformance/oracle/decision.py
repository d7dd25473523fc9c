"""The oracle's answer and the question: Connection, Decision, and their parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netpol_conformance.model.objects import (
    Direction,
    IPAddress,
    Node,
    Pod,
    Protocol,
    TranslatedSource,
)


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


End = Pod | Node | OutsideAddress | TranslatedSource


def end_name(end: End) -> str:
    """``default/web``, ``node node-1``, ``office (172.17.1.5)``, ``172.17.1.5``."""
    match end:
        case Pod():
            return f"{end.namespace}/{end.name}"
        case Node():
            return f"node {end.name}"
        case OutsideAddress():
            return f"{end.name} ({end.ip})" if end.name else str(end.ip)
        case TranslatedSource():
            return "an address in the client's place"


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
    """The nearest rule that did not allow: the field that failed, why, in a sentence, and the
    S-number that says so.
    """

    policy: str
    field: str
    reason: str
    rule: str = "S2"


@dataclass(frozen=True, slots=True)
class Side:
    """The decision at one end. ``isolated_by`` are the policies (``namespace/name``) that isolate
    the pod in this direction, or, where an annotation isolates (S70), those that select it; empty
    where the end is exempt or not isolated. ``allowed_by`` and ``nearest_miss`` exclude each other,
    save where two readings of an unspecified case differ; both are empty where the end is exempt or
    not isolated. ``rule`` is the S-number of the sentence this rests on, ``reason`` that sentence
    applied to this case.
    """

    direction: Direction
    answer: Answer
    rule: str
    reason: str
    isolated_by: tuple[str, ...] = ()
    allowed_by: tuple[Match, ...] = ()
    nearest_miss: Miss | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The S-numbers of this say and of its nearest miss."""
        missed = self.nearest_miss.rule if self.nearest_miss else self.rule
        return tuple(dict.fromkeys((self.rule, missed)))


@dataclass(frozen=True, slots=True)
class Decision:
    """The decisions at both ends, and their conjunction (S3)."""

    answer: Answer
    egress: Side
    ingress: Side

    @property
    def deciding(self) -> tuple[Side, ...]:
        """The sides that the answer follows from, the source's first."""
        sides = (self.egress, self.ingress)
        return tuple(side for side in sides if side.answer is self.answer)

    @property
    def rules(self) -> tuple[str, ...]:
        """The S-numbers of the deciding sides, S3 first where both ends had a say."""
        had_a_say = [side for side in self.deciding if side.isolated_by]
        cited = ["S3"] if len(had_a_say) == 2 else []
        cited += [rule for side in self.deciding for rule in side.rules]
        return tuple(dict.fromkeys(cited))

    @property
    def explanation(self) -> str:
        """Why, in one or two sentences."""
        return " ".join(dict.fromkeys(side.reason for side in self.deciding))
