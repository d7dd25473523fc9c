"""Elements -> nft text: the static chains, and the change of the sets that they ask.

Pure. A table's chains never change: they ask sets, and every change of state is a change of
set elements in one transaction. Protocols are written as numbers, so that nothing depends on
/etc/protocols. There are two tables because a load may be too large for one message; it is then
built in the spare table, which has no hook until it takes the other's place.

The way of a connection's first packet through ``forward`` (pod address and port after DNAT,
source before SNAT):

1. part of a connection that was allowed, or its reply: accept (S4; and S8: it survives a deny);
2. a pod to itself, also through its own Service: accept (S5, S42);
3. to or from an address of this node's pod networks that no known pod has: drop (fail closed);
4. from a pod of this node that is isolated for egress: drop unless a set names it (S1, S2);
5. to a pod of this node that is isolated for ingress: likewise (S3: both ends must agree).

Protocols without ports (ICMP) pass an isolated pod only where all protocols are allowed (S25).
Traffic between a pod and its own node never passes ``forward`` and so is exempt (S6); that of
other nodes does and is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from netpol_conformance.model.objects import Direction

TABLES = ("inet netpol_conformance", "inet netpol_conformance_spare")

LARGEST = 4000
"""Elements that fit into one transaction whatever they are: the kernel limits the message of a
process without privileges to twice net.core.wmem_max, 425,984 bytes unless it is changed; an
element is 28 to 100.
"""

Elements = Mapping[str, AbstractSet[str]]
"""Set name -> its elements as nft writes them. A set without elements may be left out."""

TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
HEADERS = {4: "ip", 6: "ip6"}
"""By family, what nft calls the type of an address, and the header that has it."""


def pods_set(family: int) -> str:
    """The addresses of the pods of this node."""
    return f"pods{family}"


def networks_set(family: int) -> str:
    """The networks that this node's pods get their addresses from."""
    return f"networks{family}"


def self_set(family: int) -> str:
    """Each pod's address twice: nft cannot compare a packet's fields with one another."""
    return f"self{family}"


def isolated_set(direction: Direction, family: int) -> str:
    """The pods of this node that are isolated for ``direction``."""
    return f"{direction.lower()}_isolated{family}"


def exact_set(direction: Direction, family: int) -> str:
    """What is allowed, by (pod, peer, protocol, port): a hash."""
    return f"{direction.lower()}{family}"


def ranges_set(direction: Direction, family: int) -> str:
    """What is allowed in ranges of peers, protocols or ports; no two elements overlap."""
    return f"{direction.lower()}_ranges{family}"


def clear(table: str) -> str:
    """Remove ``table`` if it is there."""
    return f"table {table}\ndelete table {table}\n"


def chains(table: str) -> str:
    """``table`` with its empty sets and all chains but the hook: it sees no packet yet."""
    sets = "\n".join(_set(name, definition) for name, definition in _sets())
    families = "\n".join(_family(family) for family in (4, 6))
    return f"table {table} {{\n{sets}\n{families}\n}}\n"


def hook(table: str) -> str:
    """The chain that makes ``table`` judge what the node forwards."""
    return (
        f"table {table} {{\n"
        "\tchain forward {\n"
        "\t\ttype filter hook forward priority filter; policy accept;\n"
        "\t\tct state established,related accept\n"
        "\t\tmeta nfproto vmap { ipv4 : jump forward4, ipv6 : jump forward6 }\n"
        "\t}\n"
        "}\n"
    )


def hooked(table: str) -> str:
    """The question whether ``table`` (one of TABLES) has its hook: nft refuses it if not."""
    return f"list chain {table} forward\n"


def change(table: str, removed: Elements, added: Elements) -> str:
    """Take ``removed`` out of the sets of ``table`` and put ``added`` in: nft text, empty if there
    is nothing to do.
    """
    return "".join([*_commands("delete", table, removed), *_commands("add", table, added)])


def size(elements: Elements) -> int:
    """How many elements there are."""
    return sum(map(len, elements.values()))


def portions(elements: Elements) -> Iterator[Elements]:
    """``elements`` in parts of at most LARGEST."""
    for name in sorted(elements):
        ordered = sorted(elements[name])
        for start in range(0, len(ordered), LARGEST):
            yield {name: frozenset(ordered[start : start + LARGEST])}


def _commands(verb: str, table: str, elements: Elements) -> Iterator[str]:
    for name in sorted(elements):
        if elements[name]:
            listed = ",\n\t".join(sorted(elements[name]))
            yield f"{verb} element {table} {name} {{\n\t{listed}\n}}\n"


def _set(name: str, definition: str) -> str:
    return f"\tset {name} {{\n\t\t{definition}\n\t}}"


def _sets() -> Iterator[tuple[str, str]]:
    for family, address in TYPES.items():
        key = f"type {address} . {address} . inet_proto . inet_service"
        yield pods_set(family), f"type {address}"
        yield networks_set(family), f"type {address}; flags interval"
        yield self_set(family), f"type {address} . {address}"
        for direction in Direction:
            yield isolated_set(direction, family), f"type {address}"
            yield exact_set(direction, family), key
            yield ranges_set(direction, family), f"{key}; flags interval"


def _family(family: int) -> str:
    ip = HEADERS[family]
    chains = [_judgement(direction, family) for direction in Direction]
    known, networks = pods_set(family), networks_set(family)
    egress, ingress = Direction.EGRESS, Direction.INGRESS
    return "\n".join(chains) + (
        f"\n\tchain forward{family} {{\n"
        f"\t\t{ip} saddr . {ip} daddr @{self_set(family)} accept\n"
        f"\t\t{ip} saddr @{networks} {ip} saddr != @{known} counter drop\n"
        f"\t\t{ip} daddr @{networks} {ip} daddr != @{known} counter drop\n"
        f"\t\t{ip} saddr @{isolated_set(egress, family)} jump {_chain(egress, family)}\n"
        f"\t\t{ip} daddr @{isolated_set(ingress, family)} jump {_chain(ingress, family)}\n"
        "\t}"
    )


def _judgement(direction: Direction, family: int) -> str:
    ip = HEADERS[family]
    pod, peer = ("saddr", "daddr") if direction is Direction.EGRESS else ("daddr", "saddr")
    key = f"{ip} {pod} . {ip} {peer} . meta l4proto . th dport"
    return (
        f"\tchain {_chain(direction, family)} {{\n"
        f"\t\t{key} @{exact_set(direction, family)} return\n"
        f"\t\t{key} @{ranges_set(direction, family)} return\n"
        "\t\tcounter drop\n"
        "\t}"
    )


def _chain(direction: Direction, family: int) -> str:
    return f"judge_{direction.lower()}{family}"
