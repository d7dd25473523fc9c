"""Deliberately wrong enforcers: each breaks one rule and is otherwise the reference.

A mutant is an ``EnforcerFactory``: name it ``suites/selfcheck/mutants/netpol_mutants.py:<name>``
where an implementation is asked for. A mutant that every scenario passes shows that a scenario
is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import getdoc
from itertools import chain

from netpol_conformance.enforcer.boxes import Box, Span
from netpol_conformance.enforcer.compile import PROTOCOL_NUMBERS, Compiler, End, Peer, bounds
from netpol_conformance.enforcer.controller import Controller, WatchEvent
from netpol_conformance.enforcer.selectors import ALL, Selection
from netpol_conformance.model.objects import (
    Direction,
    IPBlock,
    KubernetesObject,
    Labels,
    Namespace,
    NetworkPolicy,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion


@dataclass(frozen=True)
class Mutant:
    """A wrong enforcer and what is known of it.

    ``rule`` is the S- or H-number it breaks, ``bug`` a public report of the same mistake
    (owner/repo#number, or empty), ``owner`` the scenario, as pack/name, that must fail with it.
    """

    name: str
    description: str
    rule: str
    owner: str
    bug: str
    enforcer: type[Compiler | Controller]

    def __call__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> Controller:
        """The node's enforcer, as ``EnforcerFactory``."""
        if issubclass(self.enforcer, Controller):
            return self.enforcer(node, apply, version)
        return Controller(node, apply, version, self.enforcer)


MUTANTS: dict[str, Mutant] = {}


def mutant(rule: str, owner: str, bug: str = "") -> Callable[[type[Compiler | Controller]], Mutant]:
    """Put the decorated enforcer into MUTANTS; its docstring says what it gets wrong."""

    def register(enforcer: type[Compiler | Controller]) -> Mutant:
        name = enforcer.__name__
        MUTANTS[name] = Mutant(name, getdoc(enforcer) or "", rule, owner, bug, enforcer)
        return MUTANTS[name]

    return register


def swapped(text: str, old: str, new: str) -> str:
    """``text`` with ``old`` replaced; fails where the rules no longer have it."""
    if old not in text:
        raise ValueError(f"the rules have no {old!r} any more: the mutant must be written anew")
    return text.replace(old, new)


# Selectors


@mutant("S12", "semantics/operator-in")
class InIgnoresValues(Compiler):
    """In matches every object that has the key."""

    anchored = False

    def is_in(self, requirement: Requirement, labels: Labels) -> bool:
        return requirement.key in labels


@mutant("S12", "semantics/operator-not-in")
class NotInNeedsTheKey(Compiler):
    """NotIn doesn't match an object that lacks the key."""

    def is_not_in(self, requirement: Requirement, labels: Labels) -> bool:
        return self.exists(requirement, labels) and super().is_not_in(requirement, labels)


@mutant("S12", "semantics/operator-exists")
class ExistsMatchesAll(Compiler):
    """Exists matches every object."""

    def exists(self, requirement: Requirement, labels: Labels) -> bool:
        return True


@mutant("S12", "semantics/operator-does-not-exist")
class DoesNotExistMatchesAll(Compiler):
    """DoesNotExist matches every object."""

    def does_not_exist(self, requirement: Requirement, labels: Labels) -> bool:
        return True


@mutant("S12", "semantics/empty-label-value")
class EmptyValueMatchesAbsence(Compiler):
    """An empty value in matchLabels matches an object that lacks the key."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return labels.get(key, "") == value


@mutant("S12", "handbook/test-network-policy-ingress")
class LabelValuesIgnored(Compiler):
    """A pair of matchLabels matches every object that has the key."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return key in labels


# Peers


@mutant("S11", "legacy/combined-selectors-1-11")
class AndIsOr(Compiler):
    """Both selectors in one item match what either matches."""

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        if peer.pod_selector is None or peer.namespace_selector is None:
            return super().peer(policy, peer)
        return (
            *super().peer(policy, replace(peer, namespace_selector=None)),
            *super().peer(policy, replace(peer, pod_selector=None)),
        )


@mutant("S11", "handbook/test-network-policy-ingress")
class OrIsAnd(Compiler):
    """A podSelector and a namespaceSelector in two items must both match."""

    def peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...]:
        pods = [p for p in rule.peers if p.pod_selector and not p.namespace_selector]
        namespaces = [p for p in rule.peers if p.namespace_selector and not p.pod_selector]
        if not pods or not namespaces:
            return super().peers(policy, rule)
        both = replace(pods[0], namespace_selector=namespaces[0].namespace_selector)
        others = tuple(p for p in rule.peers if p not in (pods[0], namespaces[0]))
        return super().peers(policy, replace(rule, peers=(both, *others)))


@mutant("S11", "handbook/simple-example")
class PodSelectorCrossesNamespaces(Compiler):
    """A peer's podSelector alone matches pods of every namespace."""

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        if peer.pod_selector and not peer.namespace_selector:
            return (Selection(ALL, peer.pod_selector),)
        return super().peer(policy, peer)


@mutant("S10", "errata/h4-front-end-access")
class TargetCrossesNamespaces(Compiler):
    """A policy applies to the pods of every namespace."""

    def target(self, policy: NetworkPolicy) -> Selection:
        return Selection(ALL, policy.pod_selector)


@mutant("S11", "handbook/web-allow-prod")
class NamespaceSelectorIgnored(Compiler):
    """A namespaceSelector matches every namespace."""

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        if peer.namespace_selector:
            peer = replace(peer, namespace_selector=ALL)
        return super().peer(policy, peer)


@mutant("H8", "errata/h8-empty-from")
class EmptyFromIsNobody(Compiler):
    """A rule without peers matches nobody."""

    def peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...]:
        return super().peers(policy, rule) if rule.peers else ()


@mutant("S15", "semantics/rules-do-not-pool", bug="antrea-io/antrea#161")
class RulesArePooled(Compiler):
    """Any peer of a policy may use any port of it, whatever the rule."""

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        rules = super().rules(policy, direction)
        return tuple(PolicyRule(one.peers, other.ports) for one in rules for other in rules)


@mutant("S30", "handbook/test-network-policy-both", bug="aws/aws-network-policy-agent#92")
class ExceptIgnored(Compiler):
    """The exceptions of an ipBlock are not seen."""

    def block(self, block: IPBlock) -> Iterator[End]:
        return super().block(replace(block, excepted=()))


@mutant("S30", "regressions/except-is-no-deny", bug="ovn-org/ovn-kubernetes#845")
class ExceptIsDeny(Compiler):
    """An exception of an ipBlock takes away what other peers and policies allow."""

    def union(self, allowances: Sequence[tuple[NetworkPolicy, frozenset[Box]]]) -> frozenset[Box]:
        rules = chain.from_iterable((*p.ingress, *p.egress) for p, _ in allowances)
        blocks = [peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block]
        denied = [bounds(network) for block in blocks for network in block.excepted]
        return frozenset(
            box
            for box in super().union(allowances)
            if not any(low <= box.low and box.high <= high for low, high in denied)
        )


# Directions and isolation


@mutant("S1", "handbook/default-deny-egress")
class EgressNotEnforced(Compiler):
    """No policy isolates for egress."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        return direction is Direction.INGRESS and super().isolates(policy, direction)


@mutant("S1", "handbook/default-deny-ingress")
class IngressNotEnforced(Compiler):
    """No policy isolates for ingress."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        return direction is Direction.EGRESS and super().isolates(policy, direction)


@mutant("H7", "errata/h7-default-deny-ingress-only")
class EveryPolicyIsolatesBothWays(Compiler):
    """A policy isolates in both directions, whatever its policyTypes."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        return True


@mutant("H1", "errata/h1-allow-all-egress-closes-ingress")
class EgressRulesMeanEgressOnly(Compiler):
    """A policy with egress rules and no ingress rules doesn't isolate for ingress."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        if direction is Direction.INGRESS and policy.egress and not policy.ingress:
            return False
        return super().isolates(policy, direction)


@mutant("S14", "handbook/web-deny-all")
class NoRulesAllowAll(Compiler):
    """A policy without rules in a direction allows everything."""

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        return super().rules(policy, direction) or (PolicyRule(),)


@mutant("S2", "handbook/allow-all-ingress")
class LastPolicyWins(Compiler):
    """Of several policies of a pod only the last one, by name, counts."""

    def union(self, allowances: Sequence[tuple[NetworkPolicy, frozenset[Box]]]) -> frozenset[Box]:
        return super().union(allowances[-1:])


@mutant("S70", "handbook/annotation-1-6")
class AnnotationIgnored(Compiler):
    """Up to 1.6 policies isolate the pods they select, and the annotation nobody."""

    def default_deny(self, namespace: Namespace) -> bool:
        return False

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        return any(self.isolates(policy, direction) for policy in policies)


@mutant("S71", "legacy/annotation-1-7")
class AnnotationStillIsolates(Compiler):
    """The annotation isolates a namespace's pods in every version."""

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        if direction is Direction.INGRESS and namespace and self.default_deny(namespace):
            return True
        return super().isolated(namespace, policies, direction)


# Ports


@mutant("S20", "semantics/protocols-apart")
class ProtocolIgnored(Compiler):
    """A port of one protocol is open for all three."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[Span]:
        return [
            span._replace(protocol_low=number, protocol_high=number)
            for span in super().port(port, destination)
            for number in PROTOCOL_NUMBERS.values()
        ]


@mutant("S14", "errata/h8-empty-from")
class PortIgnored(Compiler):
    """A rule opens every port of its protocols."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[Span]:
        return super().port(PolicyPort(port.protocol), destination)


@mutant("S23", "semantics/end-port", bug="cilium/cilium#28684")
class EndPortIgnored(Compiler):
    """A range of ports is its first one."""

    def last(self, port: PolicyPort, first: int) -> int:
        return first


@mutant("S22", "semantics/named-port", bug="aws/aws-network-policy-agent#149")
class NamedPortOfTheSource(Compiler):
    """A named port is resolved on the pod that connects."""

    def destination(self, direction: Direction, pod: Pod, end: End) -> Pod | None:
        return end.pod if direction is Direction.INGRESS else pod

    def context(self, policy: NetworkPolicy, direction: Direction, pod: Pod) -> Hashable:
        return pod.ports


@mutant("S21", "semantics/target-port")
class ServicePortIsMeant(Compiler):
    """A rule's port is that of the Service that was dialled."""

    def chains(self, table: str) -> str:
        return "".join(self.dialled(line) for line in super().chains(table).splitlines(True))

    def dialled(self, line: str) -> str:
        """A rule on ports as one on TCP's ports before DNAT, and one on the other protocols'."""
        if "th dport" not in line:
            return line
        dialled = swapped(line, "th dport", "ct original proto-dst")
        return f"\t\tmeta l4proto 6 {dialled.lstrip()}\t\tmeta l4proto != 6 {line.lstrip()}"


@mutant("S40", "errata/h9-names-under-egress-deny", bug="cloudnativelabs/kube-router#609")
class ServicesEscape(Compiler):
    """What goes through a Service is not judged."""

    def hook(self, table: str) -> str:
        accept = "ct state established,related accept\n"
        return swapped(super().hook(table), accept, f"{accept}\t\tct status dnat accept\n")


# Connections


@mutant("S4", "handbook/simple-example")
class RepliesAreJudged(Compiler):
    """Replies of allowed connections must be allowed themselves."""

    def hook(self, table: str) -> str:
        return swapped(super().hook(table), "\t\tct state established,related accept\n", "")


@mutant("S5", "regressions/hairpin", bug="cilium/cilium#22107")
class SelfIsBlocked(Compiler):
    """A pod doesn't reach itself through its Service where a policy doesn't say so."""

    def chains(self, table: str) -> str:
        text = swapped(super().chains(table), "\t\tip saddr . ip daddr @self4 accept\n", "")
        return swapped(text, "\t\tip6 saddr . ip6 daddr @self6 accept\n", "")


@mutant("S24", "semantics/protocols-apart")
class OnlyTCPIsJudged(Compiler):
    """UDP and SCTP are never blocked."""

    def hook(self, table: str) -> str:
        accept = "ct state established,related accept\n"
        return swapped(super().hook(table), accept, f"{accept}\t\tmeta l4proto != 6 accept\n")


# Changes


@mutant("S1", "handbook/web-deny-all")
class NothingEnforced(Controller):
    """Policies are accepted and nothing comes of them."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Nothing."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Nothing."""


class Deaf(Controller):
    """Does not hear some events."""

    def hears(self, event: WatchEvent) -> bool:
        """Whether the event reaches the controller."""
        raise NotImplementedError

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Handle what is heard."""
        super().handle([event for event in events if self.hears(event)])


@mutant("S51", "handbook/web-deny-all")
class NewPoliciesIgnored(Deaf):
    """A policy created after the start is not enforced."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "ADDED")


@mutant("S51", "errata/h6-default-deny-replaces", bug="aws/aws-network-policy-agent#643")
class PolicyUpdatesIgnored(Deaf):
    """A policy stays what it was when it was created."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "MODIFIED")


@mutant("S51", "semantics/policy-deleted", bug="antrea-io/antrea#4985")
class DeletionIgnored(Deaf):
    """A deleted policy stays in force."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "DELETED")


@mutant("S51", "semantics/pod-relabelled", bug="ovn-org/ovn-kubernetes#1850")
class RelabelledPodsIgnored(Deaf):
    """A pod keeps the labels it first had an address with."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._first: dict[object, Labels] = {}

    def hears(self, event: WatchEvent) -> bool:
        pod = event.object
        if not isinstance(pod, Pod) or not pod.ips or event.type == "DELETED":
            return True
        return self._first.setdefault(pod.key, pod.labels) == pod.labels


@mutant("S51", "handbook/annotation-1-6")
class NamespaceUpdatesIgnored(Deaf):
    """A namespace keeps the labels and annotations it was created with."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, Namespace) and event.type == "MODIFIED")
