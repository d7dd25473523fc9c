"""The sentences that users read: why a connection is allowed, denied, or left open."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from suites.selfcheck import random_clusters as rc

from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    IPBlock,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Operator,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, Match, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle, UnknownEndError
from netpol_conformance.oracle.explain import explain
from netpol_conformance.oracle.sentences import SENTENCES

ROLE = LabelSelector((("role", "frontend"),))
PROJECT = LabelSelector((("project", "mine"),))
NODE = Node("node-1", (ip_address("172.18.0.2"),))
REDIS = ContainerPort(6379, name="redis")
DB = Pod("default", "db", {"role": "db"}, ports=(REDIS,), node="node-1")
FRONTEND = Pod("default", "frontend", {"role": "frontend"}, ips=(ip_address("10.244.0.3"),))
OTHER = Pod("default", "other", {"role": "backend"})
FAR = Pod("far", "frontend", {"role": "frontend"})
HOST = Pod("default", "host", host_network=True, node="node-2", ips=(ip_address("172.18.0.3"),))
DONE = Pod("default", "job", phase="Succeeded")
OFFICE = OutsideAddress(ip_address("172.17.1.5"), "office")
EXCEPTED = "172.17.1.5 is in 172.17.1.0/24, which is excepted from 172.17.0.0/16"
NOBODY = OutsideAddress(ip_address("10.9.9.9"))
FROM = (
    PolicyPeer(ip_block=IPBlock(ip_network("172.17.0.0/16"), (ip_network("172.17.1.0/24"),))),
    PolicyPeer(namespace_selector=PROJECT),
    PolicyPeer(ROLE),
)
POLICY = NetworkPolicy(
    "default",
    "test-network-policy",
    LabelSelector((("role", "db"),)),
    (Direction.INGRESS, Direction.EGRESS),
    (PolicyRule(FROM, (PolicyPort(port=6379),)),),
)
TCP, UDP = Protocol.TCP, Protocol.UDP
DENY = NetworkPolicy("default", "deny")
STATE = ClusterState(
    (Namespace("default"), Namespace("far", {"project": "x"})),
    (NODE,),
    (DB, FRONTEND, OTHER, FAR, HOST, DONE),
    policies=(POLICY,),
)
ISOLATED = "default/db is isolated for ingress by default/test-network-policy"
NEAREST = f"{ISOLATED}, and no rule of it allows TCP 6379 from {{}}: nearest is spec.ingress[0]{{}}"


def ingress(source, port=6379, *, state=STATE, protocol=Protocol.TCP, target=DB):
    return Oracle(state).decide(Connection(source, target, port, protocol)).ingress


def with_rule(*peers, ports=()):
    return replace(STATE, policies=(replace(POLICY, ingress=(PolicyRule(peers, ports),)),))


@pytest.mark.parametrize(
    ("source", "field", "reason"),
    [
        (OTHER, ".from[2].podSelector", "default/other has label role=backend, not role=frontend"),
        (HOST, ".from[2].podSelector", "default/host lacks label role=frontend"),
        (FAR, ".from[1].namespaceSelector", "namespace far has label project=x, not project=mine"),
        (OFFICE, ".from[0].ipBlock.except[0]", EXCEPTED),
        (NOBODY, ".from[0].ipBlock.cidr", "10.9.9.9 is not in 172.17.0.0/16"),
    ],
)
def test_a_denial_names_the_nearest_peer_and_what_it_lacks(source, field, reason):
    side = ingress(source)
    name = {OFFICE: "office (172.17.1.5)"}.get(source) or reason.split(" is")[0]
    if isinstance(source, Pod):
        name = f"{source.namespace}/{source.name}"
    assert side.reason == NEAREST.format(name, field) + f", but {reason} (S2)."
    assert side.nearest_miss.reason == reason
    assert side.isolated_by == ("default/test-network-policy",)


@pytest.mark.parametrize(
    ("ports", "asked", "protocol", "reason", "rule"),
    [
        ((80,), 6379, TCP, "port 6379 is not 80", "S21"),
        ((80, 90), 91, TCP, "port 91 is not in 80-90", "S23"),
        ((53,), 53, UDP, "it is for TCP, not UDP", "S20"),
        (("http",), 80, TCP, 'default/db has no TCP port named "http"', "S22"),
        (("redis",), 80, TCP, 'port "redis" of default/db is TCP 6379, not 80', "S22"),
    ],
)
def test_a_port_that_fails_after_its_peer_matched_is_the_nearest(
    ports, asked, protocol, reason, rule
):
    state = with_rule(PolicyPeer(ROLE), ports=(PolicyPort(TCP, *ports),))
    miss = ingress(FRONTEND, asked, state=state, protocol=protocol).nearest_miss
    assert miss.field.startswith("spec.ingress[0].ports[0]")
    assert (miss.reason, miss.rule) == (reason, rule)


@pytest.mark.parametrize(
    ("operator", "values", "reason"),
    [
        (Operator.IN, ("a", "b"), "has label role=backend (wanted: a or b)"),
        (Operator.NOT_IN, ("backend",), "has label role=backend (wanted: not backend)"),
        (Operator.DOES_NOT_EXIST, (), "has label role=backend (wanted: no label role)"),
    ],
)
def test_a_requirement_says_what_it_found_and_what_it_wants(operator, values, reason):
    selector = LabelSelector(match_expressions=(Requirement("role", operator, values),))
    miss = ingress(OTHER, state=with_rule(PolicyPeer(selector))).nearest_miss
    assert miss.reason == f"default/other {reason}"


def test_selectors_are_told_apart_from_the_outside_and_from_other_namespaces():
    state = with_rule(PolicyPeer(ROLE))
    assert ingress(OFFICE, state=state).nearest_miss.reason == (
        "selectors match pods only, and office (172.17.1.5) is none"
    )
    assert ingress(FAR, state=state).nearest_miss.reason == (
        "a podSelector alone means pods of the policy's namespace default, "
        "and far/frontend is in namespace far"
    )


def test_the_rule_that_failed_last_is_nearest_whatever_the_order():
    near = replace(POLICY, name="near", ingress=(PolicyRule(FROM[2:], (PolicyPort(port=80),)),))
    for policies in ((DENY, POLICY, near), (near, POLICY, DENY)):
        side = ingress(FRONTEND, 81, state=replace(STATE, policies=policies))
        first = policies[1] if policies[0] is DENY else near
        assert side.nearest_miss.policy == f"default/{first.name}"
        assert f"nearest is spec.ingress[0].ports[0].port of default/{first.name}" in side.reason


def test_a_policy_without_rules_is_said_to_have_none():
    side = ingress(OTHER, state=replace(STATE, policies=(DENY,)))
    assert (
        side.reason == "default/db is isolated for ingress by default/deny, "
        "and default/deny has no ingress rule (S2)."
    )
    assert (side.nearest_miss.field, side.nearest_miss.rule) == ("spec.ingress", "S14")


def test_an_allowance_names_each_rule_that_allows():
    state = with_rule(PolicyPeer(ROLE), PolicyPeer(LabelSelector()))
    side = ingress(FRONTEND, state=state)
    name = "default/test-network-policy"
    assert side.allowed_by == (
        Match(name, "spec.ingress[0].from[0]"),
        Match(name, "spec.ingress[0].from[1]"),
    )
    assert side.reason == (
        f"{ISOLATED}; spec.ingress[0].from[0] of {name} and spec.ingress[0].from[1] of {name} "
        "allow TCP 6379 from default/frontend (S2)."
    )


def test_a_rule_without_peers_is_named_as_a_whole():
    assert ingress(OFFICE, state=with_rule()).allowed_by == (
        Match("default/test-network-policy", "spec.ingress[0]"),
    )


def test_many_policies_are_counted():
    many = tuple(replace(DENY, name=f"deny-{i}") for i in range(5))
    reason = ingress(OTHER, state=replace(STATE, policies=many)).reason
    assert (
        "by default/deny-0, default/deny-1, default/deny-2 and 2 more, and none of them has an"
        in reason
    )


NOT_ISOLATED = (
    "default/other is not isolated for ingress: no policy in namespace default selects it for "
    "ingress (S1)."
)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (FRONTEND, OTHER, NOT_ISOLATED),
        (DB, DB, "default/db reaches itself, which no policy can block (S5)."),
        (NODE, DB, "node node-1, which default/db runs on, is exempt from its policies (S6)."),
        (DB, NODE, "node node-1 is no pod, and policies isolate only pods (S1)."),
        (DONE, DB, "default/job has finished (Succeeded) and owns no address (S51)."),
    ],
)
def test_an_end_without_a_say_says_why(source, target, reason):
    assert ingress(source, target=target).reason == reason


def test_an_unspecified_answer_says_what_is_unspecified_and_what_one_reading_is():
    side = ingress(HOST, state=with_rule(PolicyPeer(LabelSelector())))
    assert (side.answer, side.rule) == (Answer.UNSPECIFIED, "S7")
    assert side.reason.startswith(
        "what policies mean for default/host on the node's network is unspecified; "
        "on one reading default/db is isolated for ingress by"
    )


def test_the_annotation_of_old_versions_is_named():
    state = replace(
        STATE,
        namespaces=(Namespace("default", annotations=rc.DEFAULT_DENY),),
        policies=(),
        version=KubernetesVersion(1, 6),
    )
    assert ingress(OTHER, state=state).reason == (
        "default/db is isolated for ingress by the DefaultDeny annotation of namespace default, "
        "and no policy selects it (S70)."
    )
    assert ingress(OTHER, state=replace(state, policies=(DENY,))).reason == (
        "default/db is isolated for ingress by the DefaultDeny annotation of namespace default, "
        "and default/deny has no ingress rule (S2)."
    )
    opened = replace(state, namespaces=())
    assert "has no DefaultDeny annotation (S70)" in ingress(OTHER, state=opened).reason


def test_rules_cite_both_ends_where_both_had_a_say():
    everything = replace(POLICY, pod_selector=LabelSelector(), egress=(PolicyRule(),))
    decision = Oracle(replace(STATE, policies=(everything,))).decide(Connection(FRONTEND, DB, 6379))
    assert decision.rules == ("S3", "S2")
    assert "egress" in decision.explanation
    assert "ingress" in decision.explanation


@pytest.mark.parametrize("end", [replace(DB, name="ghost"), replace(NODE, name="ghost")])
def test_an_end_that_does_not_exist_is_an_error_that_names_it(end):
    oracle = Oracle(STATE)
    for ask in (oracle.decide, oracle.answer):
        with pytest.raises(UnknownEndError, match=r"ghost is not in the state.*add it"):
            ask(Connection(end, DB, 80))
    with pytest.raises(UnknownEndError):
        oracle.row(end, 80)


def test_the_states_own_labels_count_not_those_of_an_older_pod():
    stale = replace(OTHER, labels={"role": "frontend"})
    assert ingress(stale).answer is Answer.DENIED


def test_explain_prints_the_verdict_both_ends_and_the_rules(golden):
    golden("denied.txt", explain(STATE, Connection(OTHER, DB, 6379)) + "\n")
    golden("allowed.txt", explain(STATE, Connection(FRONTEND, DB, 6379)) + "\n")


SEMANTICS = (Path(__file__).parents[3] / "docs" / "semantics.md").read_text(encoding="utf-8")


def test_every_rule_of_the_semantics_has_its_sentence():
    assert sorted(SENTENCES) == sorted(re.findall(r"^- (S\d+)\.", SEMANTICS, re.MULTILINE))


def test_links_into_the_semantics_lead_to_a_heading():
    headings = re.findall(r"^## (.*)$", SEMANTICS, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
    for sentence in SENTENCES.values():
        page, _, anchor = sentence.link.partition("#")
        if page == "docs/semantics.md":
            assert anchor in slugs
        else:
            assert page.startswith("https://kubernetes.io/docs/")
