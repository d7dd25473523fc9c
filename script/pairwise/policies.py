"""The manifests of a case: what a place on the axes looks like to ``kubectl``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .choosing import Place
from .truth import FIRST, NUMBERS, OVERLAPPING, PEERS, SECOND, THIRD, directions

Part = dict[str, Any]

_VALUES = {"role": ["friend"], "team": ["blue"]}
_WEB = {"matchLabels": {"app": "web"}}
_ROLES = ["friend", "foe", "aside"]


def main(place: Place) -> Part:
    """The policy that the case is about."""
    peer = PEERS[place["peer"]]
    selector = _WEB if peer.selects else _own(place["operator"])
    return _policy("some", selector, place, {way: _rule(place, way) for way in directions(place)})


def second(place: Place) -> Iterator[Part]:
    """The policy beside it, if the axis *policies* has one that is there from the start."""
    if place["policies"] == "overlapping":
        port = {"protocol": place["protocol"], "port": NUMBERS[OVERLAPPING]}
        yield _policy("overlapping", _WEB, place, _each(place, {"ports": [port]}))
    if place["policies"] == "disjoint":
        yield _policy("disjoint", {"matchLabels": {"role": "aside"}}, place, _each(place, {}))


def deny(place: Place) -> Part:
    """A policy that closes web in the directions of the case."""
    return _policy("deny", _WEB, place, {})


def allow_all(place: Place) -> Part:
    """A policy that opens web in the directions of the case."""
    return _policy("allow-all", _WEB, place, _each(place, {}))


def _policy(name: str, selector: Part, place: Place, rules: dict[str, Part]) -> Part:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": selector,
            "policyTypes": [way.capitalize() for way in directions(place)],
            **{way: [rule] for way, rule in rules.items()},
        },
    }


def _each(place: Place, rule: Part) -> dict[str, Part]:
    return dict.fromkeys(directions(place), rule)


def _rule(place: Place, direction: str) -> Part:
    parts = {"from" if direction == "ingress" else "to": _peers(place), "ports": _ports(place)}
    return {key: items for key, items in parts.items() if items}


def _peers(place: Place) -> list[Part]:
    pods = _selector("pod", "role", place["operator"])
    namespaces = _selector("namespace", "team", place["operator"])
    items: dict[str, list[Part]] = {
        "empty": [{"podSelector": {}}],
        "podSelector": [pods],
        "namespaceSelector": [namespaces],
        "both": [pods | namespaces],
        "two items": [pods, namespaces],
        "mixed": [pods],
    }
    return [*items.get(place["peer"], []), *_blocks(place)]


def _blocks(place: Place) -> Iterator[Part]:
    peer = PEERS[place["peer"]]
    six, length = ("/IPv6", 128) if place["family"] == "IPv6" else ("", 32)
    if peer.in_block:
        yield {"ipBlock": {"cidr": f"${{pod/{peer.in_block}{six}}}/{length}"}}
    if peer.excepted:
        excepted = f"${{pod/{peer.excepted}{six}}}/{length}"
        yield {"ipBlock": {"cidr": f"${{cluster/pods{six}}}", "except": [excepted]}}


def _selector(kind: str, key: str, operator: str) -> Part:
    return {f"{kind}Selector": {"matchExpressions": [_term(key, operator, _VALUES[key])]}}


def _own(operator: str) -> Part:
    """A selector of web and of no other pod: it is the one with an app, and without a role."""
    key, values = ("app", ["web"]) if operator in ("In", "Exists") else ("role", _ROLES)
    return {"matchExpressions": [_term(key, operator, values)]}


def _term(key: str, operator: str, values: list[str]) -> Part:
    listed = {"values": values} if operator in ("In", "NotIn") else {}
    return {"key": key, "operator": operator, **listed}


def _ports(place: Place) -> list[Part]:
    items: dict[str, list[Part]] = {
        "none": [],
        "number": [{"port": FIRST}],
        "name": [{"port": "main"}],
        "range": [{"port": FIRST, "endPort": SECOND}],
        "protocol": [{}],
        "two": [{"port": FIRST}, {"port": THIRD}],
    }
    return [{"protocol": place["protocol"], **item} for item in items[place["port"]]]
