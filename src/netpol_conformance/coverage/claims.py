"""Whether a scenario that claims a rule has in it what the rule is about. Pure.

A check is necessary, not sufficient: it refutes an unfounded claim and proves none. Whether a
scenario fails when the rule is broken is shown by the mutation matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_interface
from typing import Any

from netpol_conformance.coverage.facts import Facts, Manifest
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import (
    Direction,
    LabelSelector,
    PolicyPort,
    PolicyRule,
    SourceKind,
)
from netpol_conformance.model.version import LATEST
from netpol_conformance.scenario.types import Via

Check = Callable[[Facts], bool]

_SERVICES = {Via.SERVICE, Via.CLUSTER_IP, Via.NODE_PORT, Via.LOAD_BALANCER}
_ENTRANCES = {Via.NODE_PORT, Via.LOAD_BALANCER}


def unfounded(facts: Facts) -> Iterator[tuple[str, str]]:
    """Each rule that the scenario claims without reason, with what it lacks."""
    for rule in facts.scenario.rules:
        if rule in CHECKS:
            lacking, holds = CHECKS[rule]
            if not holds(facts):
                yield rule, lacking


def _feature(name: str) -> Check:
    return lambda facts: name in facts.scenario.features


def _decided(rule: str) -> Check:
    return lambda facts: rule in facts.decided


def _sets(word: str) -> Check:
    """Whether a policy sets a field whose path has the word in it."""
    return lambda facts: any(word in field for field in facts.fields)


def _via(ways: set[Via]) -> Check:
    return lambda facts: any(item.via in ways for item in facts.scenario.destinations)


def _older(facts: Facts) -> bool:
    return facts.scenario.version < LATEST


def _refused(facts: Facts) -> bool:
    return any(step.refused for step in facts.scenario.steps)


def _changes(facts: Facts) -> bool:
    later = facts.scenario.steps[1:]
    return any(step.apply or step.delete or step.finish or step.reuse for step in later)


def _either(*checks: Check) -> Check:
    return lambda facts: any(check(facts) for check in checks)


def _speaks_of_egress(facts: Facts) -> bool:
    return any(Direction.EGRESS in policy.policy_types for policy in facts.policies)


def _asks_nodes(facts: Facts) -> bool:
    sources = {item.kind for item in facts.scenario.sources}
    return SourceKind.NODE in sources or any(
        item.via is Via.NODE for item in facts.scenario.destinations
    )


def _rules(facts: Facts) -> Iterator[PolicyRule]:
    for policy in facts.policies:
        yield from (*policy.ingress, *policy.egress)


def _ports(facts: Facts) -> Iterator[PolicyPort]:
    for rule in _rules(facts):
        yield from rule.ports


def _selectors(facts: Facts) -> Iterator[LabelSelector]:
    for policy in facts.policies:
        yield policy.pod_selector
    for rule in _rules(facts):
        for peer in rule.peers:
            yield from filter(None, (peer.pod_selector, peer.namespace_selector))


def _selects_all(facts: Facts) -> bool:
    return LabelSelector() in _selectors(facts)


def _selects_peers(facts: Facts) -> bool:
    return any(not peer.ip_block for rule in _rules(facts) for peer in rule.peers)


def _selects_by_labels(facts: Facts) -> bool:
    return any(selector != LabelSelector() for selector in _selectors(facts))


def _selects_by_name(facts: Facts) -> bool:
    return any(
        NAME_LABEL in keys
        for selector in _selectors(facts)
        for keys in (
            [key for key, _ in selector.match_labels],
            [item.key for item in selector.match_expressions],
        )
    )


def _leaves_out(facts: Facts) -> bool:
    """No peers, no ports, or no rules at all for a direction that is isolated."""
    open_rules = any(not rule.peers or not rule.ports for rule in _rules(facts))
    return open_rules or any(
        not policy.rules(direction)
        for policy in facts.policies
        for direction in policy.policy_types
    )


def _combines(facts: Facts) -> bool:
    """A rule of peers and ports, or two rules for one direction."""
    return any(rule.peers and rule.ports for rule in _rules(facts)) or any(
        len(rules) > 1 for item in facts.policies for rules in (item.ingress, item.egress)
    )


def _sctp(facts: Facts) -> bool:
    asked = {item.protocol.value for item in facts.scenario.destinations}
    return "SCTP" in asked | {port.protocol.value for port in _ports(facts)}


def _crooked_block(facts: Facts) -> bool:
    """A CIDR with bits set beside its network's."""
    blocks = (
        peer["ipBlock"]["cidr"]
        for rule in _written_rules(facts)
        for peer in (*(rule.get("from") or ()), *(rule.get("to") or ()))
        if "ipBlock" in peer
    )
    return any(ip_interface(text).ip != ip_interface(text).network[0] for text in blocks)


def _types_left_out(facts: Facts) -> bool:
    """No policyTypes, or rules of a direction that they leave out."""
    return any(
        not spec.get("policyTypes")
        or any(spec.get(name.lower()) for name in ("Ingress", "Egress") if name not in types)
        for spec in map(_spec, facts.manifests)
        for types in [spec.get("policyTypes") or ()]
    )


def _spec(manifest: Manifest) -> dict[str, Any]:
    return manifest.get("spec") or {}


def _written_rules(facts: Facts) -> Iterable[dict[str, Any]]:
    for spec in map(_spec, facts.manifests):
        yield from filter(None, (*(spec.get("ingress") or ()), *(spec.get("egress") or ())))


CHECKS: dict[str, tuple[str, Check]] = {
    "S1": ("no pod is open or isolated by it", _either(_decided("S1"), _decided("S2"))),
    "S2": ("no pod is isolated", _decided("S2")),
    "S3": ("no policy speaks of egress", _speaks_of_egress),
    "S5": ("no pod asks itself", _decided("S5")),
    "S6": ("no node is asked or asks", _either(_asks_nodes, _feature("hostNetwork"))),
    "S7": ("no pod is on its node's network", _feature("hostNetwork")),
    "S8": ("no connection is held", lambda facts: any(s.held for s in facts.scenario.steps)),
    "S10": ("no policy selects every pod", _selects_all),
    "S11": ("no peer has a selector", _selects_peers),
    "S12": ("no selector has labels or expressions", _selects_by_labels),
    "S13": ("no selector has the label of a namespace's name", _selects_by_name),
    "S14": ("no rule leaves peers or ports out", _leaves_out),
    "S15": ("no rule has peers and ports, and no policy two rules", _combines),
    "S20": ("no rule has ports", _sets(".ports")),
    "S22": ("no port is named", _feature("namedPorts")),
    "S23": ("no policy has a range of ports", _either(_feature("endPort"), _refused)),
    "S24": ("nothing is about SCTP", _either(_sctp, _refused)),
    "S30": ("no block is there", _sets(".ipBlock.")),
    "S31": ("no block is there", _sets(".ipBlock.")),
    "S32": ("every CIDR is canonical", _crooked_block),
    "S40": ("no Service is asked", _via(_SERVICES)),
    "S41": ("no Service is entered from a node or a load balancer", _via(_ENTRANCES)),
    "S42": ("no pod asks itself through its Service", _feature("hairpinThroughService")),
    "S43": ("no name is looked up", _via({Via.SERVICE, Via.OUTSIDE_NAME})),
    "S51": ("nothing changes after the first step", _changes),
    "S60": ("every policy has all its policyTypes", _either(_types_left_out, _refused)),
    "S61": ("nothing is refused", _refused),
    "S62": ("nothing is refused", _refused),
    "S63": ("nothing is refused", _refused),
    "S70": ("it is about no older version", _older),
    "S71": ("it is about no older version", _either(_older, _refused)),
    "S72": ("it is about no older version", _older),
}
"""For each rule that can be checked: what a scenario that claims it without reason lacks."""
