"""Each rule that evaluation rests on, with its closest neighbour: what the rule does not say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import NamedTuple

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
    Operator,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
    TranslatedSource,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, End, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle

IN, OUT = Direction.INGRESS, Direction.EGRESS
YES, NO, OPEN = Answer.ALLOWED, Answer.DENIED, Answer.UNSPECIFIED
UDP, SCTP = Protocol.UDP, Protocol.SCTP
OLD, MODERN = KubernetesVersion(1, 6), KubernetesVersion(1, 7)
ONE, TWO = rc.NODES
NAMESPACES = (
    Namespace("default"),
    Namespace("other", {"team": "a"}),
    Namespace("old", annotations=rc.DEFAULT_DENY),
)


def pod(name: str, number: int, labels: dict[str, str] | None = None, **fields) -> Pod:
    namespace, _, own = name.rpartition("/")
    node = fields.pop("node", "node-1")
    ips = (ip_address(f"10.244.0.{number}"), ip_address(f"fd00:10:244::{number}"))
    return Pod(namespace or "default", own, labels or {}, ips=ips, node=node, **fields)


WEB_PORTS = (ContainerPort(80, name="http"), ContainerPort(53, UDP, "dns"))
WEB = pod("web", 1, {"app": "web"}, ports=WEB_PORTS)
WEB2 = pod("web2", 2, {"app": "web"}, ports=(ContainerPort(8080, name="http"),))
CLIENT = pod("client", 3, {"role": "client"}, node="node-2")
PLAIN = pod("plain", 4, {"role": ""}, node="node-2")
FAR_CLIENT = pod("other/client", 5, {"role": "client"}, ports=WEB_PORTS)
FAR_PLAIN = pod("other/plain", 6)
OLD_WEB = pod("old/web", 7, {"app": "web"})
DONE = pod("done", 8, {"role": "client"}, phase="Succeeded")
HOST1 = replace(pod("host1", 9, {"role": "client"}), host_network=True, ips=ONE.ips)
HOST2 = replace(pod("host2", 10, node="node-2", ports=WEB_PORTS), host_network=True, ips=TWO.ips)
PODS = (WEB, WEB2, CLIENT, PLAIN, FAR_CLIENT, FAR_PLAIN, OLD_WEB, DONE, HOST1, HOST2)
OFFICE = OutsideAddress(ip_address("172.17.0.5"), "office")
SHED = OutsideAddress(ip_address("172.17.1.5"), "shed")
ENTERED = TranslatedSource()
OFFICE6 = OutsideAddress(ip_address("fd00:17::5"))


def labels(**pairs: str) -> LabelSelector:
    return LabelSelector(tuple(sorted(pairs.items())))


def where(key: str, operator: Operator, *values: str) -> LabelSelector:
    return LabelSelector(match_expressions=(Requirement(key, operator, values),))


def rule(*items: PolicyPeer | PolicyPort) -> PolicyRule:
    return PolicyRule(
        tuple(item for item in items if isinstance(item, PolicyPeer)),
        tuple(item for item in items if isinstance(item, PolicyPort)),
    )


def block(cidr: str, *excepted: str) -> PolicyPeer:
    holes = tuple(ip_network(hole) for hole in excepted)
    return PolicyPeer(ip_block=IPBlock(ip_network(cidr), holes))


def pods(selector: LabelSelector) -> PolicyPeer:
    return PolicyPeer(pod_selector=selector)


def spaces(selector: LabelSelector, inner: LabelSelector | None = None) -> PolicyPeer:
    return PolicyPeer(inner, selector)


def port(number: int | str | None = None, protocol: Protocol = Protocol.TCP, to=None) -> PolicyPort:
    return PolicyPort(protocol, number, to)


def ingress(*rules: PolicyRule, to: LabelSelector | None = None, name: str = "in") -> NetworkPolicy:
    return NetworkPolicy("default", name, labels(app="web") if to is None else to, (IN,), rules)


def egress(*rules: PolicyRule, name: str = "out") -> NetworkPolicy:
    return NetworkPolicy("default", name, labels(app="web"), (OUT,), (), rules)


class Case(NamedTuple):
    rule: str
    title: str
    policies: tuple[NetworkPolicy, ...]
    source: End
    destination: End
    answer: Answer
    port: int = 80
    protocol: Protocol = Protocol.TCP
    family: int = 4
    version: KubernetesVersion = LATEST


ALL = LabelSelector()
NOT_NODES = ingress(rule(block("172.16.0.0/12", "172.18.0.0/16")))
DENY_IN, DENY_OUT = ingress(), egress()
FROM_CLIENT = ingress(rule(pods(labels(role="client"))))
FROM_TEAM = ingress(rule(spaces(labels(team="a"))))
AND = ingress(rule(spaces(labels(team="a"), labels(role="client"))))
OR = ingress(rule(spaces(labels(team="a")), pods(labels(role="client"))))
NOT_CLIENT = ingress(rule(pods(where("role", Operator.NOT_IN, "client"))))
NO_ROLE = ingress(rule(pods(where("role", Operator.DOES_NOT_EXIST))))
HAS_ROLE = ingress(rule(pods(where("role", Operator.EXISTS))))
IN_ROLE = ingress(rule(pods(where("role", Operator.IN, "client", "x"))))
BOTH = LabelSelector((("role", "client"),), (Requirement("role", Operator.NOT_IN, ("client",)),))
BY_NAME = ingress(rule(spaces(labels(**{"kubernetes.io/metadata.name": "other"}))))
TWO_RULES = ingress(
    rule(pods(labels(role="client")), port(80)), rule(pods(labels(role="")), port(81))
)
NAMED = ingress(rule(port("http")))
NAMED_OUT = NetworkPolicy(
    "default", "out", labels(role="client"), (OUT,), (), (rule(port("http")),)
)
RANGE = ingress(rule(port(80, to=82)))
SUBNET = ingress(rule(block("172.17.0.0/16", "172.17.1.0/24")))
HOLE_FILLED = ingress(rule(block("172.17.1.0/28")), name="fill")
OUT_NODE = egress(rule(block("172.18.0.3/32")))
OUT_CLIENT = egress(rule(block("10.244.0.3/32")))
OUT_ONLY = replace(egress(), ingress=(rule(),))
OLD_POLICY = replace(FROM_CLIENT, namespace="old", ingress=(rule(spaces(labels(team="a"))),))
DENY_ELSEWHERE = replace(DENY_IN, namespace="other")
ALSO_CLIENT = replace(FROM_CLIENT, name="b")
DENY_ALL_OUT = replace(DENY_OUT, pod_selector=ALL)
OPEN_ALL_OUT = replace(egress(rule()), pod_selector=ALL)
FROM_NODE = ingress(rule(block("172.18.0.3/32")))
EMPTY_ROLE = ingress(rule(pods(labels(role=""))))
CONTRADICTION = ingress(rule(pods(BOTH)))
ALL_UDP = ingress(rule(port(protocol=UDP)))
NAMED_UDP = ingress(rule(port("dns", UDP)))
BY_SCTP = ingress(rule(port(80, SCTP)))
SUBNET6 = ingress(rule(block("fd00:17::/64")))
CLIENTS_ADDRESS = ingress(rule(block("10.244.0.3/32")))
ALL_PODS = ingress(rule(pods(ALL), spaces(ALL)))
OLD_FOR_OTHERS = replace(OLD_POLICY, pod_selector=labels(app="x"))
V6 = {"family": 6}

CASES = [
    Case("S1", "no policy selects it", (DENY_IN,), WEB, CLIENT, YES),
    Case("S1", "one selects it", (DENY_IN,), CLIENT, WEB, NO),
    Case("S1", "isolated for egress only", (DENY_OUT,), CLIENT, WEB, YES),
    Case("S1", "isolated for egress", (DENY_OUT,), WEB, CLIENT, NO),
    Case("S1", "a policy of another namespace", (DENY_ELSEWHERE,), CLIENT, WEB, YES),
    Case("S2", "a deny takes nothing away", (DENY_IN, ALSO_CLIENT), CLIENT, WEB, YES),
    Case("S2", "what no policy allows", (DENY_IN, ALSO_CLIENT), PLAIN, WEB, NO),
    Case("S3", "only the destination allows", (FROM_CLIENT, DENY_ALL_OUT), CLIENT, WEB, NO),
    Case("S3", "both allow", (FROM_CLIENT, OPEN_ALL_OUT), CLIENT, WEB, YES),
    Case("S5", "itself", (DENY_IN, DENY_OUT), WEB, WEB, YES),
    Case("S5", "its twin", (DENY_IN, DENY_OUT), WEB, WEB2, NO),
    Case("S6", "its own node", (DENY_IN,), ONE, WEB, YES),
    Case("S6", "another node", (DENY_IN,), TWO, WEB, NO),
    Case("S6", "to its own node", (DENY_OUT,), WEB, ONE, YES),
    Case("S6", "to another node", (DENY_OUT,), WEB, TWO, NO),
    Case("S6", "another node by ipBlock", (ingress(rule(block("172.18.0.0/24"))),), TWO, WEB, YES),
    Case("S6", "another node is in no namespace", (ingress(rule(spaces(ALL))),), TWO, WEB, NO),
    Case("S6", "its own node on IPv6", (DENY_IN,), ONE, WEB, YES, **V6),
    Case("S7", "a host pod selected", (ingress(to=ALL),), CLIENT, HOST1, OPEN),
    Case("S7", "a host pod selected, allowed", (ingress(rule(), to=ALL),), CLIENT, HOST1, YES),
    Case("S7", "a host pod of the own node", (DENY_IN,), HOST1, WEB, OPEN),
    Case("S7", "the same, allowed as a pod", (FROM_CLIENT,), HOST1, WEB, YES),
    Case("S7", "a host pod of another node", (DENY_IN,), HOST2, WEB, NO),
    Case("S7", "the same, allowed as a pod only", (ingress(rule(pods(ALL))),), HOST2, WEB, OPEN),
    Case("S7", "the same, allowed by its address", (FROM_NODE,), HOST2, WEB, YES),
    Case("S7", "to a host pod of the own node", (DENY_OUT,), WEB, HOST1, OPEN),
    Case("S7", "to a host pod of another node", (DENY_OUT,), WEB, HOST2, NO),
    Case("S7", "the same, allowed by its address", (OUT_NODE,), WEB, HOST2, YES),
    Case("S7", "the same, allowed as a pod only", (egress(rule(pods(ALL))),), WEB, HOST2, OPEN),
    Case("S7", "a name on a host pod", (egress(rule(port("http"))),), WEB, HOST2, OPEN),
    Case("S7", "a number on a host pod", (egress(rule(port(80))),), WEB, HOST2, YES),
    Case("S7", "from a host pod", (DENY_ALL_OUT,), HOST2, CLIENT, OPEN),
    Case("S7", "a host pod to itself", (DENY_ALL_OUT,), HOST2, HOST2, YES),
    Case("S10", "every pod of the namespace", (ingress(to=ALL),), CLIENT, PLAIN, NO),
    Case("S10", "no pod of another", (ingress(to=ALL),), CLIENT, FAR_PLAIN, YES),
    Case("S11", "podSelector: own namespace", (FROM_CLIENT,), CLIENT, WEB, YES),
    Case("S11", "podSelector: no other namespace", (FROM_CLIENT,), FAR_CLIENT, WEB, NO),
    Case("S11", "namespaceSelector: all its pods", (FROM_TEAM,), FAR_PLAIN, WEB, YES),
    Case("S11", "namespaceSelector: not the own", (FROM_TEAM,), CLIENT, WEB, NO),
    Case("S11", "one item: both", (AND,), FAR_CLIENT, WEB, YES),
    Case("S11", "one item: the namespace only", (AND,), FAR_PLAIN, WEB, NO),
    Case("S11", "one item: the pod only", (AND,), CLIENT, WEB, NO),
    Case("S11", "two items: the namespace only", (OR,), FAR_PLAIN, WEB, YES),
    Case("S11", "two items: neither", (OR,), PLAIN, WEB, NO),
    Case("S12", "NotIn lets an absent key pass", (NOT_CLIENT,), WEB2, WEB, YES),
    Case("S12", "NotIn stops its value", (NOT_CLIENT,), CLIENT, WEB, NO),
    Case("S12", "DoesNotExist lets an absent key pass", (NO_ROLE,), WEB2, WEB, YES),
    Case("S12", "DoesNotExist stops an empty value", (NO_ROLE,), PLAIN, WEB, NO),
    Case("S12", "Exists lets an empty value pass", (HAS_ROLE,), PLAIN, WEB, YES),
    Case("S12", "Exists stops an absent key", (HAS_ROLE,), WEB2, WEB, NO),
    Case("S12", "In lets its value pass", (IN_ROLE,), CLIENT, WEB, YES),
    Case("S12", "In stops another", (IN_ROLE,), PLAIN, WEB, NO),
    Case("S12", "an empty value is matched", (EMPTY_ROLE,), PLAIN, WEB, YES),
    Case("S12", "an empty value is no absent key", (EMPTY_ROLE,), WEB2, WEB, NO),
    Case("S12", "labels and expressions are ANDed", (CONTRADICTION,), CLIENT, WEB, NO),
    Case("S13", "a namespace by its name", (BY_NAME,), FAR_PLAIN, WEB, YES),
    Case("S13", "another by its name", (BY_NAME,), CLIENT, WEB, NO),
    Case("S13", "before 1.21", (BY_NAME,), FAR_PLAIN, WEB, NO, version=KubernetesVersion(1, 20)),
    Case("S14", "an empty rule", (ingress(rule()),), OFFICE, WEB, YES, 9),
    Case("S14", "no rule", (DENY_IN,), OFFICE, WEB, NO, 9),
    Case("S14", "no peers: from outside too", (ingress(rule(port(80))),), OFFICE, WEB, YES),
    Case("S14", "no peers: but the port counts", (ingress(rule(port(80))),), OFFICE, WEB, NO, 81),
    Case("S14", "no ports: every protocol", (FROM_CLIENT,), CLIENT, WEB, YES, 9, SCTP),
    Case("S14", "no ports: but the peer counts", (FROM_CLIENT,), PLAIN, WEB, NO, 9, SCTP),
    Case("S15", "a rule's own port", (TWO_RULES,), CLIENT, WEB, YES),
    Case("S15", "the other rule's port", (TWO_RULES,), CLIENT, WEB, NO, 81),
    Case("S20", "every port of the protocol", (ALL_UDP,), CLIENT, WEB, YES, 9, UDP),
    Case("S20", "no port of another", (ALL_UDP,), CLIENT, WEB, NO, 9),
    Case("S20", "the same number on UDP", (ingress(rule(port(80))),), CLIENT, WEB, NO, 80, UDP),
    Case("S20", "TCP by default", (ingress(rule(port(80))),), CLIENT, WEB, YES),
    Case("S21", "the pod's port", (ingress(rule(port(8080))),), CLIENT, WEB2, YES, 8080),
    Case("S21", "the Service's port", (ingress(rule(port(80))),), CLIENT, WEB2, NO, 8080),
    Case("S22", "its number on one pod", (NAMED,), CLIENT, WEB, YES),
    Case("S22", "that number on another pod", (NAMED,), CLIENT, WEB2, NO),
    Case("S22", "the other pod's number", (NAMED,), CLIENT, WEB2, YES, 8080),
    Case("S22", "on egress, of the destination", (NAMED_OUT,), CLIENT, WEB2, YES, 8080),
    Case("S22", "a destination without the name", (NAMED_OUT,), CLIENT, FAR_PLAIN, NO),
    Case("S22", "an outside destination", (NAMED_OUT,), CLIENT, OFFICE, NO),
    Case("S22", "a name of another protocol", (ingress(rule(port("dns"))),), CLIENT, WEB, NO, 53),
    Case("S22", "a name of its protocol", (NAMED_UDP,), CLIENT, WEB, YES, 53, UDP),
    Case("S23", "the range's end", (RANGE,), CLIENT, WEB, YES, 82),
    Case("S23", "past the range's end", (RANGE,), CLIENT, WEB, NO, 83),
    Case("S23", "before its start", (RANGE,), CLIENT, WEB, NO, 79),
    Case("S24", "SCTP by an SCTP rule", (BY_SCTP,), CLIENT, WEB, YES, 80, SCTP),
    Case("S24", "TCP by an SCTP rule", (BY_SCTP,), CLIENT, WEB, NO),
    Case("S30", "in the cidr", (SUBNET,), OFFICE, WEB, YES),
    Case("S30", "in its exception", (SUBNET,), SHED, WEB, NO),
    Case("S30", "excepted here, allowed there", (SUBNET, HOLE_FILLED), SHED, WEB, YES),
    Case("S30", "a connection of the other family", (SUBNET,), OFFICE6, WEB, NO, **V6),
    Case("S30", "a block of the same family", (SUBNET6,), OFFICE6, WEB, YES, **V6),
    Case("S30", "all of the other family", (egress(rule(block("::/0"))),), WEB, CLIENT, NO),
    Case("S31", "a pod's address", (CLIENTS_ADDRESS,), CLIENT, WEB, YES),
    Case("S31", "another pod's address", (CLIENTS_ADDRESS,), PLAIN, WEB, NO),
    Case("S31", "its other family's address", (CLIENTS_ADDRESS,), CLIENT, WEB, NO, **V6),
    Case("S31", "an outside address is no pod's", (ALL_PODS,), OFFICE, WEB, NO),
    Case("S31", "to a pod's address", (OUT_CLIENT,), WEB, CLIENT, YES),
    Case("S31", "to its other family's", (OUT_CLIENT,), WEB, CLIENT, NO, **V6),
    Case("S41", "in the client's place: not isolated", (), ENTERED, WEB, YES),
    Case("S41", "nobody is admitted", (DENY_IN,), ENTERED, WEB, NO),
    Case("S41", "pods are admitted", (ALL_PODS,), ENTERED, WEB, NO),
    Case("S41", "the port counts", (ingress(rule(port(80))),), ENTERED, WEB, NO, 81),
    Case("S41", "everyone is admitted", (ingress(rule(port(80))),), ENTERED, WEB, YES),
    Case("S41", "a block outside the cluster", (SUBNET,), ENTERED, WEB, NO),
    Case("S41", "a block of nodes", (ingress(rule(block("172.18.0.0/24"))),), ENTERED, WEB, OPEN),
    Case("S41", "a block of pods", (CLIENTS_ADDRESS,), ENTERED, WEB, OPEN),
    Case("S41", "the nodes excepted", (NOT_NODES,), ENTERED, WEB, NO),
    Case("S41", "a block of the other family", (CLIENTS_ADDRESS,), ENTERED, WEB, NO, **V6),
    Case("S51", "to a finished pod", (), CLIENT, DONE, OPEN),
    Case("S51", "a finished pod", (DENY_IN,), DONE, WEB, OPEN),
    Case("S51", "a running one", (DENY_IN,), CLIENT, WEB, NO),
    Case("S60", "rules of a direction left out isolate nothing", (OUT_ONLY,), PLAIN, WEB, YES),
    Case("S60", "and allow nothing", (OUT_ONLY, DENY_IN), PLAIN, WEB, NO),
    Case("S62", "a peer of nothing is nobody", (ingress(rule(PolicyPeer())),), CLIENT, WEB, NO),
    Case("S70", "not annotated", (DENY_IN,), CLIENT, WEB, YES, version=OLD),
    Case("S70", "annotated, no policy", (), CLIENT, OLD_WEB, NO, version=OLD),
    Case(
        "S70", "annotated, others allowed", (OLD_FOR_OTHERS,), FAR_PLAIN, OLD_WEB, NO, version=OLD
    ),
    Case("S70", "annotated, allowed", (OLD_POLICY,), FAR_PLAIN, OLD_WEB, YES, version=OLD),
    Case("S70", "no egress", (DENY_OUT,), WEB, CLIENT, YES, version=OLD),
    Case("S71", "the annotation means nothing", (), CLIENT, OLD_WEB, YES, version=MODERN),
    Case("S71", "policies isolate", (DENY_IN,), CLIENT, WEB, NO, version=MODERN),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.title}")
def test_rule(case: Case) -> None:
    oracle = Oracle(ClusterState(NAMESPACES, rc.NODES, PODS, (), case.policies, case.version))
    asked = Connection(case.source, case.destination, case.port, case.protocol, case.family)
    assert oracle.decide(asked).answer is case.answer
    assert oracle.answer(asked) is case.answer
    if isinstance(case.destination, Pod):
        row = oracle.row(case.source, case.port, case.protocol, case.family)
        assert row[PODS.index(case.destination)] is case.answer
