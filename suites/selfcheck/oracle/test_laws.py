"""What holds in every cluster, and agreement with an evaluation that is slow and plain to see."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from suites.selfcheck import random_clusters as rc

from netpol_conformance.fuzz import vocabulary as words
from netpol_conformance.model.objects import (
    ContainerPort,
    Direction,
    Node,
    Operator,
    Pod,
    PolicyRule,
    TranslatedSource,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION, LATEST, KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle

NAME_LABEL = "kubernetes.io/metadata.name"
VERSIONS = (LATEST, LATEST, KubernetesVersion(1, 20), KubernetesVersion(1, 6))
OUTSIDE = tuple(OutsideAddress(ip_address(ip)) for ip in ("10.0.0.77", "172.17.1.5", "fd00:17::5"))

# The plain evaluation: the specification's sentences one after the other.


def matches(selector, labels):
    def holds(requirement):
        present = requirement.key in labels
        return {
            Operator.EXISTS: present,
            Operator.DOES_NOT_EXIST: not present,
            Operator.IN: present and labels[requirement.key] in requirement.values,
            Operator.NOT_IN: not present or labels[requirement.key] not in requirement.values,
        }[requirement.operator]

    equal = all(labels.get(key) == value for key, value in selector.match_labels)
    return equal and all(holds(requirement) for requirement in selector.match_expressions)


def peer_matches(state, policy, peer, end, family):
    if peer.ip_block:
        ips = [end.ip] if isinstance(end, OutsideAddress) else end.ips
        ips = [ip for ip in ips if ip.version == family]
        block = peer.ip_block
        return any(
            ip in block.cidr and not any(ip in hole for hole in block.excepted) for ip in ips
        )
    if not isinstance(end, Pod) or (peer.pod_selector, peer.namespace_selector) == (None, None):
        return False
    if peer.pod_selector is not None and not matches(peer.pod_selector, end.labels):
        return False
    if peer.namespace_selector is None:
        return end.namespace == policy.namespace
    (space,) = (space for space in state.namespaces if space.name == end.namespace)
    labels = dict(space.labels)
    if state.version >= (1, 21):
        labels[NAME_LABEL] = space.name
    return matches(peer.namespace_selector, labels)


def port_matches(item, destination, asked):
    if item.protocol is not asked.protocol:
        return False
    if isinstance(item.port, str):
        declared = destination.ports if isinstance(destination, Pod) else ()
        return ContainerPort(asked.port, asked.protocol, item.port) in declared
    if item.port is None:
        return True
    return item.port <= asked.port <= (item.end_port or item.port)


def admits(state, direction, target, peer, asked):
    if isinstance(peer, Pod) and (peer.namespace, peer.name) == (target.namespace, target.name):
        return True
    if isinstance(peer, Node) and peer.name == target.node:
        return True
    selecting = [
        policy
        for policy in state.policies
        if policy.namespace == target.namespace and matches(policy.pod_selector, target.labels)
    ]
    if state.version < (1, 7):
        (space,) = (space for space in state.namespaces if space.name == target.namespace)
        isolated = direction is Direction.INGRESS and ISOLATION_ANNOTATION in space.annotations
        applying = selecting
    else:
        applying = [policy for policy in selecting if direction in policy.policy_types]
        isolated = applying != []
    destination = target if direction is Direction.INGRESS else peer
    for policy in applying:
        for rule in policy.ingress if direction is Direction.INGRESS else policy.egress:
            by_peer = not rule.peers or any(
                peer_matches(state, policy, item, peer, asked.family) for item in rule.peers
            )
            by_port = not rule.ports or any(
                port_matches(item, destination, asked) for item in rule.ports
            )
            if by_peer and by_port:
                return True
    return not isolated


def readings(state, peer):
    """Whom an end may be taken for: a pod on its node's network for the node, too (S7), an address
    in the client's place for one that is nowhere or where any node or pod is (S41).
    """
    if isinstance(peer, TranslatedSource):
        inside = [ip for end in (*state.nodes, *state.pods) for ip in end.ips]
        return [Node(""), Node("", tuple(inside))]
    if isinstance(peer, Pod) and peer.host_network:
        return [peer, Node(peer.node, peer.ips)]
    return [peer]


def plain(state, asked):
    source, destination = asked.source, asked.destination
    if any(isinstance(end, Pod) and end.finished for end in (source, destination)):
        return Answer.UNSPECIFIED
    sides = []
    for direction, target, peer in (
        (Direction.EGRESS, source, destination),
        (Direction.INGRESS, destination, source),
    ):
        said = {True}
        if isinstance(target, Pod):
            said = {admits(state, direction, target, each, asked) for each in readings(state, peer)}
            if target.host_network:
                said.add(True)
        sides.append(said)
    worlds = {leaves and enters for leaves, enters in product(*sides)}
    if len(worlds) == 2:
        return Answer.UNSPECIFIED
    return Answer.ALLOWED if worlds == {True} else Answer.DENIED


states = rc.clusters(hosts=True, versions=VERSIONS, annotations=({}, rc.DEFAULT_DENY))
modern = rc.clusters(hosts=True)
wires = st.tuples(st.sampled_from(words.PORT_NUMBERS), words.protocols, st.sampled_from([4, 4, 6]))
law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def questions(state, wire):
    ends = (*state.pods, *state.nodes, *OUTSIDE)
    sources = (*ends, TranslatedSource())
    return [Connection(source, target, *wire) for source, target in product(sources, ends)]


def answers(state, wire):
    oracle = Oracle(state)
    return [oracle.answer(asked) for asked in questions(state, wire)]


@settings(law, max_examples=150)
@given(states, wires)
def test_the_oracle_agrees_with_the_plain_evaluation(state, wire):
    oracle = Oracle(state)
    for asked in questions(state, wire):
        expected = plain(state, asked)
        assert oracle.answer(asked) is expected, asked
        assert oracle.decide(asked).answer is expected, asked
    for source in (*state.pods, *state.nodes, *OUTSIDE, TranslatedSource()):
        row = tuple(plain(state, Connection(source, pod, *wire)) for pod in state.pods)
        assert oracle.row(source, *wire) == row


@law
@given(states, wires, st.randoms(use_true_random=False))
def test_order_never_matters(state, wire, rng):
    mixed = replace(
        state,
        policies=tuple(rng.sample(state.policies, len(state.policies))),
        pods=tuple(rng.sample(state.pods, len(state.pods))),
    )
    before, after = Oracle(state), Oracle(mixed)
    for asked in questions(state, wire):
        assert before.answer(asked) is after.answer(asked)


@law
@given(modern, wires)
def test_what_policies_allow_together_is_the_union_of_what_each_allows(state, wire):
    singly = [Oracle(replace(state, policies=(policy,))) for policy in state.policies]
    together = Oracle(state)
    for asked in questions(state, wire):
        decision, alone = together.decide(asked), [one.decide(asked) for one in singly]
        for side in ("egress", "ingress"):
            union = {match for one in alone for match in getattr(one, side).allowed_by}
            assert set(getattr(decision, side).allowed_by) == union


@law
@given(modern, words.policies.map(lambda policy: replace(policy, name="added")), wires)
def test_a_policy_added_where_pods_are_isolated_takes_nothing_away(state, added, wire):
    before, after = Oracle(state), Oracle(state.with_objects(added))
    for asked in questions(state, wire):
        old, new = before.decide(asked), after.decide(asked)
        newly_isolated = any(
            not getattr(old, side).isolated_by and getattr(new, side).isolated_by
            for side in ("egress", "ingress")
        )
        if old.answer is Answer.ALLOWED and not newly_isolated:
            assert new.answer is Answer.ALLOWED


@law
@given(states, wires)
def test_a_rule_equals_one_rule_for_each_pair_of_its_peers_and_ports(state, wire):
    def split(rules):
        return tuple(
            PolicyRule((peer,) if peer else (), (port,) if port else ())
            for rule in rules
            for peer, port in product(rule.peers or (None,), rule.ports or (None,))
        )

    pairs = tuple(
        replace(policy, ingress=split(policy.ingress), egress=split(policy.egress))
        for policy in state.policies
    )
    assert answers(replace(state, policies=pairs), wire) == answers(state, wire)


@law
@given(modern, wires)
def test_rules_of_a_direction_left_out_have_no_effect(state, wire):
    bare = tuple(
        replace(
            policy,
            ingress=policy.ingress if Direction.INGRESS in policy.policy_types else (),
            egress=policy.egress if Direction.EGRESS in policy.policy_types else (),
        )
        for policy in state.policies
    )
    assert answers(replace(state, policies=bare), wire) == answers(state, wire)


def assert_exists(state, name, field):
    """A field that an explanation names is really in the policy it names."""
    (policy,) = (p for p in state.policies if f"{p.namespace}/{p.name}" == name)
    word, rule, _, peer, port = re.fullmatch(
        r"spec\.(ingress|egress)(?:\[(\d+)\])?(?:\.(from|to)\[(\d+)\].*|\.ports\[(\d+)\].*)?", field
    ).groups()
    found = getattr(policy, word)
    if rule is None:
        assert found == ()
    if peer is not None:
        assert found[int(rule)].peers[int(peer)]
    if port is not None:
        assert found[int(rule)].ports[int(port)]


@law
@given(states, wires)
def test_an_explanation_names_what_exists_and_accounts_for_the_answer(state, wire):
    oracle = Oracle(state)
    names = {f"{policy.namespace}/{policy.name}" for policy in state.policies}
    for asked in questions(state, wire):
        decision = oracle.decide(asked)
        for side in (decision.egress, decision.ingress):
            assert set(side.isolated_by) <= names
            for match in side.allowed_by:
                assert_exists(state, match.policy, match.field)
            if side.nearest_miss:
                assert_exists(state, side.nearest_miss.policy, side.nearest_miss.field)
            if side.answer is Answer.DENIED:
                assert not side.allowed_by
                assert (side.nearest_miss is None) == (side.isolated_by == ())
            assert side.rule in side.reason
        assert decision.explanation
        assert decision.rules
