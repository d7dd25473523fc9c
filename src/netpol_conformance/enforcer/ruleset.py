"""Elements -> nft text: the static skeleton, the full load, and the change between two loads.

Pure. The table's chains never change: they ask sets, and every change of state is a change of
set elements in one transaction. Protocols are written as numbers, so that nothing depends on
/etc/protocols.

The way of a connection's first packet through ``forward`` (pod address and port after DNAT,
source before SNAT):

1. part of a connection that was allowed, or its reply: accept (S4; and S8: it survives a deny);
2. a pod to itself, also through its own Service: accept (S5, S42);
3. to or from an address of this node's pod networks that no known pod has: drop (fail closed);
4. from a pod of this node that is isolated for egress: drop unless a set names it (S1, S2);
5. to a pod of this node that is isolated for ingress: likewise (S3: both ends must agree).

Traffic between a pod and its own node never passes ``forward`` and so is exempt (S6); that of
other nodes does and is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from netpol_conformance.model.objects import Direction

TABLE = "inet netpol_conformance"

Elements = Mapping[str, AbstractSet[str]]
"""Set name -> its elements as nft writes them. A set without elements may be left out."""

_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_HEADERS = {4: "ip", 6: "ip6"}


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


def skeleton() -> str:
    """The table with its chains and empty sets, in place of any that is there."""
    sets = "\n".join(_set(name, definition) for name, definition in _sets())
    families = "\n".join(_family(family) for family in (4, 6))
    return (
        f"table {TABLE}\n"
        f"delete table {TABLE}\n"
        f"table {TABLE} {{\n{sets}\n{families}\n"
        "\tchain forward {\n"
        "\t\ttype filter hook forward priority filter; policy accept;\n"
        "\t\tct state established,related accept\n"
        "\t\tmeta nfproto vmap { ipv4 : jump forward4, ipv6 : jump forward6 }\n"
        "\t}\n"
        "}\n"
    )


def change(removed: Elements, added: Elements) -> str:
    """The transaction that takes ``removed`` out and puts ``added`` in; empty if there is none."""
    return "".join([*_commands("delete", removed), *_commands("add", added)])


def _commands(verb: str, elements: Elements) -> Iterable[str]:
    for name in sorted(elements):
        if elements[name]:
            listed = ",\n\t".join(sorted(elements[name]))
            yield f"{verb} element {TABLE} {name} {{\n\t{listed}\n}}\n"


def _set(name: str, definition: str) -> str:
    return f"\tset {name} {{\n\t\t{definition}\n\t}}"


def _sets() -> Iterable[tuple[str, str]]:
    for family, address in _TYPES.items():
        key = f"type {address} . {address} . inet_proto . inet_service"
        yield pods_set(family), f"type {address}"
        yield networks_set(family), f"type {address}; flags interval"
        yield self_set(family), f"type {address} . {address}"
        for direction in Direction:
            yield isolated_set(direction, family), f"type {address}"
            yield exact_set(direction, family), key
            yield ranges_set(direction, family), f"{key}; flags interval"


def _family(family: int) -> str:
    ip = _HEADERS[family]
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
    ip = _HEADERS[family]
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
