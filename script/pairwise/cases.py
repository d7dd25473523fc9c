"""The files of cases: for each way to name peers one, with what its cases share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netpol_conformance.model.encode import present
from netpol_conformance.scenario.axes import AXES
from netpol_conformance.scenario.layout import Fields, documents, lay_out

from . import policies, wording
from .choosing import BLOCKS, Place, places
from .truth import (
    NUMBERS,
    PEERS,
    ROLES,
    TEAMS,
    Words,
    protocol_of,
    stated,
)

_COMMENT = "Written by python -m script.pairwise; the expectations come from its tables."
_DOCUMENTED = {
    "in": "Kubernetes documentation",
    "section": "The NetworkPolicy resource",
    "link": "https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-resource",
}
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


def files() -> dict[str, str]:
    """Every file by its name."""
    return {wording.file_name(peer): lay_out(_file(peer), _COMMENT) for peer in AXES["peer"]}


def _file(peer: str) -> Fields:
    spaces = {other.partition("/")[0] for other in PEERS[peer].others if "/" in other}
    rules = _rules_of(peer)
    namespaces = {
        name: {"labels": {"team": team}} if team else {}
        for name, team in TEAMS.items()
        if name in spaces
    }
    return {
        "title": _TITLES[peer],
        "rules": [*_ALWAYS, *rules],
        "documented": _DOCUMENTED,
        "covers": [rule for rule in rules if rule != "S12"],
        "neighbourOf": _NEIGHBOURS[peer],
        **present(namespaces=namespaces),
        "cases": {wording.name(place): _case(place) for place in places() if place["peer"] == peer},
    }


def _rules_of(peer: str) -> list[str]:
    return _PEER_RULES.get(peer, ["S11", "S12"])


def _case(place: Place) -> Fields:
    return present(
        title=wording.title(place),
        axes=place,
        rules=_rules(place),
        features=_features(place),
        cluster={"families": ["IPv4", "IPv6"]} if place["family"] == "IPv6" else {},
        pods=dict(_pods(place)),
        steps=list(_steps(place)),
    )


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
        "ipBlockMatchesPods": place["peer"] in BLOCKS,
        "ipv6": place["family"] == "IPv6",
        "namedPorts": place["port"] == "name",
        # Without peers the name may be looked up on web, too, which serves nothing then.
        "namedPortsByPod": (place["port"], place["direction"], place["peer"])
        == ("name", "egress", "none"),
        "sctp": place["protocol"] == "SCTP",
    }
    return [feature for feature, needed in wanted.items() if needed]


def _pods(place: Place) -> Iterator[tuple[str, Fields]]:
    """web, the pods that it is tried on, and the one that a policy for another pod is for."""
    node = "node-1" if place["where"] == "same node" else "node-2"
    yield "web", _pod(place, "web", "node-1", app="web")
    for other in PEERS[place["peer"]].others:
        yield other, _pod(place, other, node, role=ROLES[other.rpartition("/")[2]])
    if place["policies"] == "disjoint":
        yield "aside", _pod(place, "aside", "node-1", role="aside")


def _pod(place: Place, name: str, node: str, **labels: str) -> Fields:
    return present(node=node, labels=present(**labels), ports=list(_served(place, name)))


def _served(place: Place, name: str) -> Iterator[str | int]:
    """The ports that the pod is asked for."""
    asked = {cell.port for cell in stated(place) if cell.server == name}
    for port, number in NUMBERS.items():
        if port in asked:
            protocol = protocol_of(place, port)
            told = "main=" if port == "first" else ""
            over = "" if protocol == "TCP" else f"/{protocol}"
            yield f"{told}{number}{over}" if told or over else number


def _steps(place: Place) -> Iterator[Fields]:
    words = stated(place)
    opened = dict.fromkeys(words, "connected")
    yield _step("Before any policy all of it connects", [], opened)
    if "blocked" not in words.values():
        closed = {cell: "connected" if cell.aside else "blocked" for cell in words}
        yield _step("A policy without rules closes web", [policies.deny(place)], closed)
    applied = [policies.main(place), *policies.second(place)]
    yield _step(wording.STEPS[place["policies"]], applied, words)
    if place["policies"] == "allow-all":
        same = "" if "blocked" in words.values() else "the rule opens everything already"
        yield _step("allow-all opens web to all", [policies.allow_all(place)], opened, same)


def _step(title: str, applied: Sequence[Fields], words: Words, unchanged: str = "") -> Fields:
    rows: dict[str, dict[str, str]] = {}
    for cell, word in words.items():
        rows.setdefault(cell.destination, {})[cell.source] = word
    return present(title=title, unchanged=unchanged, apply=documents(applied), expect=rows)
