"""The manifests of a case, as lines of YAML: what a place on the axes looks like to ``kubectl``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netpol_conformance.pairwise.choosing import Place
from netpol_conformance.pairwise.truth import (
    FIRST,
    NUMBERS,
    OVERLAPPING,
    PEERS,
    SECOND,
    THIRD,
    directions,
)

Lines = list[str]

_VALUES = {"role": "friend", "team": "blue"}
_WEB = ["matchLabels: {app: web}"]
_ROLES = "friend, foe, aside"


def main(place: Place) -> Lines:
    """The policy that the case is about."""
    peer = PEERS[place["peer"]]
    selector = _WEB if peer.selects else _own(place["operator"])
    rules = {way: [*_peers(place, way), *_ports(place)] for way in directions(place)}
    return _policy("some", selector, place, rules)


def second(place: Place) -> Lines:
    """The policy beside it, if the axis *policies* has one that is there from the start."""
    if place["policies"] == "overlapping":
        number, protocol = NUMBERS[OVERLAPPING], place["protocol"]
        rule = ["ports:", f"- {{protocol: {protocol}, port: {number}}}"]
        return _policy("overlapping", _WEB, place, _each(place, rule))
    if place["policies"] == "disjoint":
        return _policy("disjoint", ["matchLabels: {role: aside}"], place, _each(place, ["{}"]))
    return []


def deny(place: Place) -> Lines:
    """A policy that closes web in the directions of the case."""
    return _policy("deny", _WEB, place, {})


def allow_all(place: Place) -> Lines:
    """A policy that opens web in the directions of the case."""
    return _policy("allow-all", _WEB, place, _each(place, ["{}"]))


def documents(*manifests: Lines) -> Lines:
    """Several manifests as one text."""
    texts = [manifest for manifest in manifests if manifest]
    return [line for text in texts[:-1] for line in (*text, "---")] + texts[-1]


def _policy(name: str, selector: Lines, place: Place, rules: dict[str, Lines]) -> Lines:
    types = ", ".join(way.capitalize() for way in directions(place))
    body = [line for way, rule in rules.items() for line in (f"{way}:", *_item(rule))]
    return [
        "apiVersion: networking.k8s.io/v1",
        "kind: NetworkPolicy",
        f"metadata: {{name: {name}}}",
        "spec:",
        "  podSelector:",
        *(f"    {line}" for line in selector),
        f"  policyTypes: [{types}]",
        *(f"  {line}" for line in body),
    ]


def _each(place: Place, rule: Lines) -> dict[str, Lines]:
    return dict.fromkeys(directions(place), rule)


def _peers(place: Place, direction: str) -> Iterator[str]:
    items = list(_items(place))
    if items:
        yield "from:" if direction == "ingress" else "to:"
    yield from items


def _items(place: Place) -> Iterator[str]:
    peer, operator = place["peer"], place["operator"]
    pods, namespaces = _selector("pod", "role", operator), _selector("namespace", "team", operator)
    if peer == "empty":
        yield "- podSelector: {}"
    if peer in ("podSelector", "both", "two items", "mixed"):
        yield from _item(pods)
    if peer == "both":
        yield from _inside(namespaces)
    if peer in ("namespaceSelector", "two items"):
        yield from _item(namespaces)
    yield from _block(place)


def _block(place: Place) -> Iterator[str]:
    peer = PEERS[place["peer"]]
    six, length = ("/IPv6", 128) if place["family"] == "IPv6" else ("", 32)
    if peer.in_block:
        yield "- ipBlock:"
        yield f"    cidr: ${{pod/{peer.in_block}{six}}}/{length}"
    if peer.excepted:
        yield "- ipBlock:"
        yield f"    cidr: ${{cluster/pods{six}}}"
        yield f'    except: ["${{pod/{peer.excepted}{six}}}/{length}"]'


def _selector(kind: str, key: str, operator: str) -> Lines:
    return [f"{kind}Selector:", "  matchExpressions:", f"  - {_term(key, operator, _VALUES[key])}"]


def _own(operator: str) -> Lines:
    """A selector of web and of no other pod: it is the one with an app, and without a role."""
    key, values = ("app", "web") if operator in ("In", "Exists") else ("role", _ROLES)
    return ["matchExpressions:", f"- {_term(key, operator, values)}"]


def _term(key: str, operator: str, values: str) -> str:
    listed = f", values: [{values}]" if operator in ("In", "NotIn") else ""
    return f"{{key: {key}, operator: {operator}{listed}}}"


def _ports(place: Place) -> Lines:
    protocol = f"protocol: {place['protocol']}"
    items = {
        "none": [],
        "number": [f"port: {FIRST}"],
        "name": ["port: main"],
        "range": [f"port: {FIRST}, endPort: {SECOND}"],
        "protocol": [""],
        "two": [f"port: {FIRST}", f"port: {THIRD}"],
    }[place["port"]]
    lines = [f"- {{{', '.join(filter(None, (protocol, item)))}}}" for item in items]
    return ["ports:", *lines] if lines else []


def _item(lines: Iterable[str]) -> Lines:
    """The lines as an item of a list; an empty rule is one too."""
    first, *rest = list(lines) or ["{}"]
    return [f"- {first}", *_inside(rest)]


def _inside(lines: Iterable[str]) -> Lines:
    return [f"  {line}" for line in lines]
