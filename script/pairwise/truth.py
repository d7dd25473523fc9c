"""Who and what a rule admits, by hand: the tables that the cases' expectations are made from.

Read them beside S10 to S31. Whoever changes a table changes what the corpus claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .choosing import Place

TEAMS = {"blue": "blue", "red": "red", "plain": ""}
"""The namespaces besides default, and the team each is labelled with; default has none."""

ROLES = {"friend": "friend", "foe": "foe", "bare": "", "client": "client"}
"""The pods by name, and the role each is labelled with."""

_ALL = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True)
class Peer:
    """A way to name peers: whom it is tried on, and which of them each operator admits.

    Operators list ``friend`` as role and ``blue`` as team. A block is that of ``in_block``, or of
    all pods; ``excepted`` is its exception. Where ``selects`` is false, the peers are named
    without a selector, and the operator is that of the policy's own podSelector.
    """

    others: tuple[str, ...]
    admits: Mapping[str, tuple[str, ...]]
    selects: bool = True
    in_block: str = ""
    excepted: str = ""


def _whatever_the_operator(*names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(_ALL, names)


PEERS: dict[str, Peer] = {
    "none": Peer(
        others=("friend", "foe", "blue/friend"),
        admits=_whatever_the_operator("friend", "foe", "blue/friend"),
        selects=False,
    ),
    "empty": Peer(
        others=("friend", "foe", "blue/friend"),
        admits=_whatever_the_operator("friend", "foe"),
        selects=False,
    ),
    "podSelector": Peer(
        others=("friend", "foe", "bare", "blue/friend", "blue/bare"),
        admits={
            "In": ("friend",),
            "NotIn": ("foe", "bare"),
            "Exists": ("friend", "foe"),
            "DoesNotExist": ("bare",),
        },
    ),
    "namespaceSelector": Peer(
        others=("client", "blue/client", "red/client", "plain/client"),
        admits={
            "In": ("blue/client",),
            "NotIn": ("client", "red/client", "plain/client"),
            "Exists": ("blue/client", "red/client"),
            "DoesNotExist": ("client", "plain/client"),
        },
    ),
    "both": Peer(
        others=("bare", "blue/friend", "blue/bare", "red/foe", "plain/friend"),
        admits={
            "In": ("blue/friend",),
            "NotIn": ("bare", "red/foe"),
            "Exists": ("blue/friend", "red/foe"),
            "DoesNotExist": ("bare",),
        },
    ),
    "two items": Peer(
        others=("friend", "bare", "blue/foe", "red/friend"),
        admits={
            "In": ("friend", "blue/foe"),
            "NotIn": ("friend", "bare", "red/friend"),
            "Exists": ("friend", "blue/foe", "red/friend"),
            "DoesNotExist": ("friend", "bare"),
        },
    ),
    "ipBlock": Peer(
        others=("friend", "foe"),
        admits=_whatever_the_operator("friend"),
        selects=False,
        in_block="friend",
    ),
    "ipBlock and except": Peer(
        others=("friend", "foe", "blue/friend"),
        admits=_whatever_the_operator("friend", "blue/friend"),
        selects=False,
        excepted="foe",
    ),
    "mixed": Peer(
        others=("friend", "foe", "bare", "blue/foe"),
        admits={
            "In": ("friend", "blue/foe"),
            "NotIn": ("foe", "bare", "blue/foe"),
            "Exists": ("friend", "foe", "blue/foe"),
            "DoesNotExist": ("bare", "blue/foe"),
        },
        in_block="blue/foe",
    ),
}
"""By the value of the axis *peer*. Mind ``NotIn`` and ``DoesNotExist``: they admit what lacks the
key (S12), namespaces too, and default has no team."""

FIRST, SECOND, THIRD = 80, 81, 82
"""The ports of the protocol that a case is about. The first one is called ``main``."""
OTHER_PROTOCOL = {"TCP": "UDP", "UDP": "TCP", "SCTP": "TCP"}
"""A protocol whose first port is served too, to see that it is not taken for the other."""

NUMBERS = {"first": FIRST, "second": SECOND, "third": THIRD, "other protocol": FIRST}
"""The ports that are served, by the names that the tables use."""

PORTS: dict[str, tuple[str, ...]] = {
    "none": ("first", "second", "third", "other protocol"),
    "number": ("first",),
    "name": ("first",),
    "range": ("first", "second"),
    "protocol": ("first", "second", "third"),
    "two": ("first", "third"),
}
"""By the value of the axis *port*: which ports the rule opens."""

OVERLAPPING = "third"
"""The port that the overlapping policy opens, to everyone."""


@dataclass(frozen=True)
class Cell:
    """A cell that a case states; ``port`` by its name in the tables."""

    source: str
    server: str
    port: str
    protocol: str
    family: str

    @property
    def destination(self) -> str:
        """As a scenario writes it."""
        number = NUMBERS[self.port]
        protocol = "" if self.protocol == "TCP" else f"/{self.protocol}"
        family = "/IPv6" if self.family == "IPv6" else ""
        return f"{self.server}:{number}{protocol}{family}"

    @property
    def aside(self) -> bool:
        """Whether it is of the pod that the disjoint policy selects."""
        return "aside" in (self.source, self.server)


Words = dict[Cell, str]
"""What is stated of each cell."""


def directions(place: Place) -> tuple[str, ...]:
    """The directions that the policy speaks of."""
    return ("ingress", "egress") if place["direction"] == "both" else (place["direction"],)


def stated(place: Place) -> Words:
    """What a case states once its policies are there, allow-all aside.

    Of every other pod the first port; all ports of one that is admitted; what a second policy
    opens or must leave alone; and that a block of one family is none of the other.
    """
    words: Words = {}
    for way in directions(place):
        for other, port in _asked(place):
            word = "connected" if is_open(place, other, port) else "blocked"
            words[_cell(place, way, "web", other, port)] = word
        if place["policies"] == "disjoint":
            words[_cell(place, way, "aside", PEERS[place["peer"]].others[0], "first")] = "connected"
        if place["family"] == "IPv6" and (member := _member_of_block(place)):
            words[_cell({**place, "family": "IPv4"}, way, "web", member, "first")] = "blocked"
    return words


def is_open(place: Place, other: str, port: str) -> bool:
    """Whether the policies, allow-all aside, open ``port`` between the policy's pod and other."""
    admitted = PEERS[place["peer"]].admits[place["operator"]]
    by_rule = other in admitted and port in PORTS[place["port"]]
    return by_rule or (place["policies"] == "overlapping" and port == OVERLAPPING)


def protocol_of(place: Place, port: str) -> str:
    """The protocol of a port of the tables."""
    protocol = place["protocol"]
    return OTHER_PROTOCOL[protocol] if port == "other protocol" else protocol


def _asked(place: Place) -> Iterator[tuple[str, str]]:
    """The other pods and the ports that are asked about."""
    peer = PEERS[place["peer"]]
    admitted = peer.admits[place["operator"]]
    yield from ((other, "first") for other in peer.others)
    yield from ((admitted[0], port) for port in NUMBERS if port != "first")
    strangers = [other for other in peer.others if other not in admitted]
    if place["policies"] == "overlapping" and strangers:
        yield strangers[0], OVERLAPPING


def _member_of_block(place: Place) -> str:
    peer = PEERS[place["peer"]]
    return peer.in_block or (peer.others[0] if peer.excepted else "")


def _cell(place: Place, way: str, own: str, other: str, port: str) -> Cell:
    source, server = (other, own) if way == "ingress" else (own, other)
    return Cell(source, server, port, protocol_of(place, port), place["family"])
