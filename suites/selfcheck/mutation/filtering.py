"""What a node lets through by the nft text that it was given: yes, no, or that it can't be told.

A small interpreter of nft's tables, sets and rules, of as much as the reference enforcer and most
mutants write. It knows what it does not know: what it cannot read raises UnknownRulesError, and a
match on something that depends on more than the packet (how it was translated, say) leaves both
answers open. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import takewhile
from typing import NamedTuple

from netpol_conformance.enforcer.compile import bounds

_TABLE = re.compile(r"table (inet \w+)( \{)?")
_ELEMENTS = re.compile(r"(add|delete) element (inet \w+) (\w+) \{\s*(.*?)\s*\}\n", re.DOTALL)
_HOOK = re.compile(r"type filter hook (\w+) priority \S+; policy (accept|drop);")
_FIELD = (
    r"(?:ct original ip daddr|ct original proto-dst|ct stat(?:e|us)|ip6? [sd]addr|meta l4proto"
    r"|(?:th|tcp|udp|sctp) dport|[io]ifname)"
)
_MATCH = re.compile(rf"({_FIELD}(?: \. {_FIELD})*) (!= )?(@\w+|\{{[^}}]*\}}|\S+)\s*")
_VMAP = re.compile(r"meta nfproto vmap \{ ipv4 : jump (\w+), ipv6 : jump (\w+) \}")
_VERDICT = re.compile(r"(?:counter )?(accept|drop|return|jump (\w+))")
_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_FAMILIES = {"ip": 4, "ip6": 6}
OWN_LINK = '"eth0"'
"""A node's own link, as rules name it; its pods have others."""
_EPHEMERAL = (1024, 65535)

Stretch = tuple[int, int]
Value = Stretch | None
"""What a packet has in a field: a stretch of numbers of which it has one; None is anything."""


class UnknownRulesError(Exception):
    """The text says what is not interpreted here."""


class NftRefusalError(Exception):
    """nft would refuse the text, and nothing of it is in force."""


class Packet(NamedTuple):
    """A packet at a node. ``reply`` is one of a connection whose first packet was let through;
    ``direct`` if no node has translated its addresses.
    """

    family: int
    source: int
    destination: int
    protocol: int
    port: Stretch
    reply: bool = False
    direct: bool = True

    @property
    def answer(self) -> Packet:
        """The packet that comes back."""
        return self._replace(
            source=self.destination, destination=self.source, port=_EPHEMERAL, reply=True
        )


class Interfaces(NamedTuple):
    """Whether a packet comes in and goes out by the node's own link, rather than a pod's."""

    arrives: bool
    leaves: bool


class _Set:
    """A set's elements, found by their first field."""

    def __init__(self) -> None:
        self._elements: dict[Stretch, dict[str, tuple[Stretch, ...]]] = {}

    def add(self, element: str) -> None:
        first, *rest = _stretches(element)
        self._elements.setdefault(first, {})[element] = tuple(rest)

    def remove(self, element: str) -> None:
        """Raises KeyError."""
        del self._elements[_stretches(element)[0]][element]

    def holds(self, values: Sequence[Value]) -> bool | None:
        """Whether the values are those of an element, if that can be told."""
        first, *rest = values
        answers = {
            _all([begins, *map(_within, rest, others)])
            for low, elements in self._elements.items()
            if (begins := _within(first, low)) is not False
            for others in elements.values()
        }
        return True if True in answers else None if None in answers else False


@dataclass
class _Table:
    sets: dict[str, _Set] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)


class _Base(NamedTuple):
    """A chain that the kernel hands packets to."""

    hook: str
    policy: str
    table: _Table
    rules: list[str]


class Filter:
    """One node's tables."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

        self._bases: list[_Base] = []

    @property
    def hooks(self) -> set[str]:
        """The hooks at which anything is judged."""
        return {base.hook for base in self._bases}

    def load(self, text: str) -> None:
        """Carry out one transaction; raises UnknownRulesError, and NftRefusalError."""
        whole = text
        while text:
            if found := _ELEMENTS.match(text):
                try:
                    self._change(*found.groups())
                except KeyError as error:
                    refusal = f"there is no {error}"
                    untouched = text is whole
                    raise (NftRefusalError if untouched else UnknownRulesError)(refusal) from error
                text = text[found.end() :]
                continue
            line, _, text = text.partition("\n")
            if found := _TABLE.fullmatch(line):
                table = self._tables.setdefault(found[1], _Table())
                if found[2]:
                    text = _fill(table, text)
            elif line.startswith("delete table ") and line[13:] in self._tables:
                del self._tables[line[13:]]
            elif line.strip():
                raise UnknownRulesError(line)

        self._bases = [
            _Base(found[1], found[2], table, rules[1:])
            for table in self._tables.values()
            for rules in table.chains.values()
            if rules and (found := _HOOK.fullmatch(rules[0]))
        ]

    def is_hooked(self, table: str) -> bool:
        """Whether a table judges what is forwarded."""
        known = self._tables.get(table)
        return any(base.table is known and base.hook == "forward" for base in self._bases)

    def lets(self, packet: Packet, links: Interfaces, hook: str = "forward") -> set[bool]:
        """What may become of a packet at a hook: whether it is let through, or both."""
        answers = {True}
        for base in self._bases:
            if base.hook == hook:
                ends = _walk(base.table, base.rules, packet, links)
                kept = {(base.policy if end == "return" else end) == "accept" for end in ends}
                answers = {one and other for one in answers for other in kept}
        return answers

    def _change(self, verb: str, table: str, name: str, listed: str) -> None:
        known = self._tables[table].sets[name]
        for element in listed.split(","):
            (known.add if verb == "add" else known.remove)(element.strip())


def _fill(table: _Table, text: str) -> str:
    """Read a table's block; what comes after it."""
    block, closed, rest = text.partition("\n}\n")
    if not closed:
        raise UnknownRulesError(text)
    lines = iter(block.splitlines())
    for line in lines:
        kind, _, told = line.strip().partition(" ")
        name, _, short = told.partition(" {")
        inside = [short.strip("} ")] if short else _inside(lines)
        if kind == "set":
            table.sets.setdefault(name, _Set())
        elif kind == "chain":
            table.chains.setdefault(name, []).extend(inside)
        else:
            raise UnknownRulesError(line)
    return rest


def _inside(lines: Iterator[str]) -> list[str]:
    """The lines up to the brace that closes."""
    return [line.strip() for line in takewhile(lambda line: line.strip() != "}", lines)]


def _walk(table: _Table, rules: Sequence[str], packet: Packet, links: Interfaces) -> set[str]:
    """The ends that a packet may come to in a chain: accept, drop or return."""
    ends: set[str] = set()
    for rule in rules:
        matched, verdict = _matched(table, rule, packet, links)
        if matched is False:
            continue
        if verdict.startswith("jump "):
            chain = table.chains.get(verdict.removeprefix("jump "))
            if chain is None:
                raise UnknownRulesError(rule)
            found = _walk(table, chain, packet, links)
        else:
            found = {verdict}
        passed_on = "return" in found and verdict != "return"
        ends |= found - {"return"} if passed_on else found
        if matched and not passed_on:
            return ends
    return ends | {"return"}


class _Rule(NamedTuple):
    """A rule: what must hold, as (fields, negated, wanted), and its verdict."""

    matches: tuple[tuple[tuple[str, ...], bool, str], ...]
    verdict: str


@lru_cache(maxsize=4096)
def _rule(text: str) -> _Rule:
    """Read a rule; raises UnknownRulesError."""
    matches = []
    rest = text
    while not (verdict := _VERDICT.fullmatch(rest)):
        if not (found := _MATCH.match(rest)):
            raise UnknownRulesError(text)
        matches.append((tuple(found[1].split(" . ")), bool(found[2]), found[3]))
        rest = rest[found.end() :]
    return _Rule(tuple(matches), verdict[1])


def _matched(
    table: _Table, rule: str, packet: Packet, links: Interfaces
) -> tuple[bool | None, str]:
    """Whether a rule holds for a packet, if that can be told, and its verdict."""
    if found := _VMAP.fullmatch(rule):
        return True, f"jump {found[1 if packet.family == 4 else 2]}"
    matches, verdict = _rule(rule)
    answers = []
    for fields, negated, wanted in matches:
        if not all(_applies(name, packet) for name in fields):
            return False, verdict
        answer = _holds(table, fields, wanted, packet, links)
        answers.append(answer if answer is None or not negated else not answer)
        if answers[-1] is False:
            break
    return _all(answers), verdict


def _holds(
    table: _Table, fields: tuple[str, ...], wanted: str, packet: Packet, links: Interfaces
) -> bool | None:
    if (fields, wanted) == (("ct state",), "established,related"):
        return packet.reply
    if (fields, wanted) == (("ct status",), "dnat"):
        return False if packet.direct else None
    if fields[0].startswith("ct stat"):
        raise UnknownRulesError(f"{fields[0]} {wanted}")
    values = [_value(name, packet, links) for name in fields]
    if not wanted.startswith("@"):
        answers = {_all(map(_within, values, _stretches(one))) for one in _items(wanted)}
        return True if True in answers else None if None in answers else False
    if wanted[1:] not in table.sets:
        raise UnknownRulesError(wanted)
    return table.sets[wanted[1:]].holds(values)


def _items(wanted: str) -> list[str]:
    return [item.strip() for item in wanted.strip("{} ").split(",")]


def _applies(name: str, packet: Packet) -> bool:
    """Whether a packet has a field: one of the other family or protocol doesn't match."""
    kind, _, rest = name.partition(" ")
    if kind in _FAMILIES or rest == "original ip daddr":
        return packet.family == _FAMILIES.get(kind, 4)
    return kind not in _PROTOCOLS or packet.protocol == _PROTOCOLS[kind]


def _value(name: str, packet: Packet, links: Interfaces) -> Value:
    kind, _, which = name.rpartition(" ")
    if kind.startswith("ct original") and (packet.reply or not packet.direct):
        return None  # of the connection's first packet, before any translation
    if which in {"saddr", "daddr"}:
        address = packet.source if which == "saddr" else packet.destination
        return address, address
    if which in {"dport", "proto-dst"}:
        return packet.port
    known = {
        "l4proto": packet.protocol,
        "iifname": int(links.arrives),
        "oifname": int(links.leaves),
    }
    return known[which], known[which]


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Whether all hold, if that can be told."""
    known = set(answers)
    return False if False in known else None if None in known else True


def _within(value: Value, stretch: Stretch) -> bool | None:
    """Whether a field's value is one of a stretch, if that can be told."""
    if value is None:
        return None
    if value[1] < stretch[0] or stretch[1] < value[0]:
        return False
    return True if stretch[0] <= value[0] and value[1] <= stretch[1] else None


@lru_cache(maxsize=65536)
def _stretches(element: str) -> tuple[Stretch, ...]:
    """An element's fields, each as the first and last number that it means."""
    return tuple(map(_stretch, element.split(" . ")))


def _stretch(text: str) -> Stretch:
    if text.startswith('"'):
        own = int(text == OWN_LINK)
        return own, own
    if "/" in text:
        return bounds(ip_network(text))
    low, _, high = text.partition("-")
    return _number(low), _number(high or low)


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    try:
        return int(ip_address(text))
    except ValueError:
        raise UnknownRulesError(text) from None
