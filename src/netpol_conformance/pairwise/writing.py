"""The files of cases: for each way to name peers one, with what its cases share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from netpol_conformance.pairwise import policies, wording
from netpol_conformance.pairwise.choosing import Place, places
from netpol_conformance.pairwise.policies import Lines
from netpol_conformance.pairwise.truth import (
    NUMBERS,
    PEERS,
    ROLES,
    TEAMS,
    Words,
    protocol_of,
    stated,
)
from netpol_conformance.scenario.axes import AXES

_HEAD = """\
# yaml-language-server: $schema=../../schemas/scenario.schema.json
# Written by python -m netpol_conformance.pairwise; the expectations come from its tables.
title: {title}
rules: [{rules}]
documented:
  in: Kubernetes documentation
  section: The NetworkPolicy resource
  link: >-
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-resource
covers: [{covers}]
neighbourOf: {neighbour}
"""
_TITLES = {
    "none": "A rule without peers is for everyone",
    "empty": "An empty podSelector admits the pods of the policy's own namespace",
    "podSelector": "A podSelector admits pods of the policy's own namespace",
    "namespaceSelector": "A namespaceSelector admits all pods of the namespaces it selects",
    "both": "Two selectors in one item admit the pods that both select",
    "two items": "Selectors in two items admit the pods that either selects",
    "ipBlock": "A block admits the addresses in it",
    "ipBlock and except": "A block admits the addresses in it that it does not except",
    "mixed": "A selector and a block, in two items, admit what either does",
}
_NEIGHBOURS = {
    "none": "errata/h8-empty-from.yaml",
    "empty": "semantics/empty-pod-selector.yaml",
    "podSelector": "semantics/operator-in.yaml",
    "namespaceSelector": "handbook/web-allow-prod.yaml",
    "both": "legacy/combined-selectors-1-11.yaml",
    "two items": "handbook/test-network-policy-ingress.yaml",
    "ipBlock": "handbook/test-network-policy-both.yaml",
    "ipBlock and except": "handbook/test-network-policy-both.yaml",
    "mixed": "regressions/except-is-no-deny.yaml",
}
"""The scenario beside which a file's cases stand, where they notice nothing that it does not."""
_PEER_RULES = {
    "none": ["S14"],
    "empty": ["S10", "S11"],
    "ipBlock": ["S31"],
    "ipBlock and except": ["S30", "S31"],
    "mixed": ["S11", "S31"],
}
_PORT_RULES = {"none": "S14", "name": "S22", "range": "S23"}
_ALWAYS = ["S1", "S2"]
_WIDTH = 100


def files() -> dict[str, str]:
    """Every file by its name."""
    return {wording.file_name(peer): _file(peer) for peer in AXES["peer"]}


def _file(peer: str) -> str:
    spaces = {other.partition("/")[0] for other in PEERS[peer].others if "/" in other}
    rules = _rules_of(peer)
    head = _HEAD.format(
        title=_TITLES[peer],
        rules=", ".join([*_ALWAYS, *rules]),
        covers=", ".join(rule for rule in rules if rule != "S12"),
        neighbour=_NEIGHBOURS[peer],
    )
    lines = ["", "namespaces:"] if spaces else []
    for name, team in TEAMS.items():
        if name in spaces:
            labels = f"labels: {{team: {team}}}" if team else ""
            lines.append(f"  {name + ':':7} {{{labels}}}")
    lines += ["", "cases:"]
    for place in places():
        if place["peer"] == peer:
            lines += [*_indented(_case(place), 2), ""]
    return head + "\n".join(lines[:-1]) + "\n"


def _rules_of(peer: str) -> list[str]:
    return _PEER_RULES.get(peer, ["S11", "S12"])


def _case(place: Place) -> Iterator[str]:
    yield f"{wording.name(place)}:"
    yield "  title: >-"
    yield from _folded(wording.title(place), 4)
    yield "  axes:"
    yield from _indented(_axes(place), 4)
    for key, values in (("rules", _rules(place)), ("features", _features(place))):
        if values:
            yield f"  {key}: [{', '.join(values)}]"
    if place["family"] == "IPv6":
        yield "  cluster: {families: [IPv4, IPv6]}"
    yield "  pods:"
    yield from _indented(_pods(place), 4)
    yield "  steps:"
    yield from _indented(_steps(place), 4)


def _axes(place: Place) -> Lines:
    values = [f"{axis}: {value}" for axis, value in place.items()]
    return [f"{{{', '.join(values[:4])},", f" {', '.join(values[4:])}}}"]


def _rules(place: Place) -> list[str]:
    """The sentences beside those that all cases of the file rest on."""
    rules = {_PORT_RULES.get(place["port"], "S20")}
    rules |= {"S20"} if place["port"] == "range" else set()
    rules |= {"S3"} if place["direction"] != "ingress" else set()
    rules |= {"S24"} if place["protocol"] == "SCTP" else set()
    rules |= {"S14"} if place["policies"] == "allow-all" else set()
    shared = {*_ALWAYS, *_rules_of(place["peer"])}
    return sorted(rules - shared, key=lambda rule: int(rule[1:]))


def _features(place: Place) -> list[str]:
    """What not every implementation has."""
    wanted = {
        "endPort": place["port"] == "range",
        "ipBlockMatchesPods": bool(_in_blocks(place)),
        "ipv6": place["family"] == "IPv6",
        "namedPorts": place["port"] == "name",
        "sctp": place["protocol"] == "SCTP",
    }
    return [feature for feature, needed in wanted.items() if needed]


def _in_blocks(place: Place) -> bool:
    peer = PEERS[place["peer"]]
    return bool(peer.in_block or peer.excepted)


def _pods(place: Place) -> Iterator[str]:
    """web, the pods that it is tried on, and the one that a policy for another pod is for."""
    node = "node-1" if place["where"] == "same node" else "node-2"
    yield from _pod(place, "web", "node-1", "app: web")
    for other in PEERS[place["peer"]].others:
        role = ROLES[other.rpartition("/")[2]]
        yield from _pod(place, other, node, f"role: {role}" if role else "")
    if place["policies"] == "disjoint":
        yield from _pod(place, "aside", "node-1", "role: aside")


def _pod(place: Place, name: str, node: str, label: str) -> Lines:
    parts = [f"node: {node}"]
    if label:
        parts.append(f"labels: {{{label}}}")
    if ports := list(_served(place, name)):
        parts.append(f"ports: [{', '.join(ports)}]")
    return wrapped(f"{name + ':':13} ", parts, 6)


def _served(place: Place, name: str) -> Iterator[str]:
    """The ports that the pod is asked for."""
    asked = {cell.port for cell in stated(place) if cell.server == name}
    for port, number in NUMBERS.items():
        if port in asked:
            protocol = protocol_of(place, port)
            told = "main=" if port == "first" else ""
            yield f"{told}{number}" + ("" if protocol == "TCP" else f"/{protocol}")


def _steps(place: Place) -> Iterator[str]:
    words = stated(place)
    opened = dict.fromkeys(words, "connected")
    yield from _step("Before any policy all of it connects", [], opened)
    if "blocked" not in words.values():
        closed = {cell: "connected" if cell.aside else "blocked" for cell in words}
        yield from _step("A policy without rules closes web", policies.deny(place), closed)
    manifests = policies.documents(policies.main(place), policies.second(place))
    yield from _step(wording.STEPS[place["policies"]], manifests, words)
    if place["policies"] == "allow-all":
        same = "" if "blocked" in words.values() else "the rule opens everything already"
        yield from _step("allow-all opens web to all", policies.allow_all(place), opened, same)


def _step(title: str, manifests: Lines, words: Words, unchanged: str = "") -> Iterator[str]:
    yield f"- title: {title}"
    if unchanged:
        yield f"  unchanged: {unchanged}"
    if manifests:
        yield "  apply: |"
        yield from _indented(manifests, 4)
    yield "  expect:"
    rows: dict[str, Lines] = {}
    for cell, word in words.items():
        rows.setdefault(cell.destination, []).append(f"{cell.source}: {word}")
    for destination, parts in rows.items():
        yield from _indented(wrapped(f"{destination}: ", parts, 10), 4)


def wrapped(key: str, parts: Lines, depth: int) -> Lines:
    """A mapping in braces behind ``key``, in as many lines as it takes ``depth`` blanks deep."""
    lines = [f"{key}{{{parts[0]}"]
    for part in parts[1:]:
        if depth + len(lines[-1]) + len(part) + 3 > _WIDTH:
            lines.append(" " * (len(key) + 1) + part)
            lines[-2] += ","
        else:
            lines[-1] += f", {part}"
    return [*lines[:-1], f"{lines[-1]}}}"]


def _folded(text: str, depth: int) -> Lines:
    return _indented(wrap(text, _WIDTH - depth - 2), depth)


def _indented(lines: Iterable[str], depth: int) -> Lines:
    return [" " * depth + line for line in lines]
