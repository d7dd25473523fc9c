"""The wrong peers: selectors combined wrongly, the wrong namespaces, rules pooled."""

from __future__ import annotations

from dataclasses import replace

from netpol_conformance.enforcer.compile import Compiler, Peer
from netpol_conformance.enforcer.selectors import ALL, Selection
from netpol_conformance.model.objects import Direction, NetworkPolicy, PolicyPeer, PolicyRule

from .registry import mutant


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
