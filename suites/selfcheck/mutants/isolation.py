"""Pods isolated that must not be, or in the wrong direction, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.ranges import PeerRange
from netpol_conformance.model.objects import (
    Direction,
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    PolicyRule,
    WatchEvent,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion

from .registry import mutant


@mutant("S1", "handbook/web-deny-all")
class NothingEnforced(Controller):
    """Policies are accepted and nothing comes of them."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Nothing."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Nothing."""


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

    def union(
        self, allowances: Sequence[tuple[NetworkPolicy, frozenset[PeerRange]]]
    ) -> frozenset[PeerRange]:
        return super().union(allowances[-1:])


@mutant("S1", "handbook/no-policy")
class NewNamespacesShut(Compiler):
    """Pods of namespaces that users make are isolated until a policy selects them."""

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        theirs = namespace is not None and namespace.name not in {"default", "kube-system"}
        shut = theirs and not policies and direction is Direction.INGRESS
        return shut or super().isolated(namespace, policies, direction)


class _OthersShut(Compiler):
    """Isolates both ways, while it is to ``shut``, whatever pod no policy selects; but never the
    system's, DNS among them.
    """

    shut = True

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        theirs = namespace is not None and namespace.name != "kube-system"
        shut = self.shut and theirs and not policies
        return shut or super().isolated(namespace, policies, direction)


@mutant("S1", "handbook/no-policy")
class ShutUntilSelected(_OthersShut):
    """Every pod is isolated both ways, from its first moment until a policy selects it."""


@mutant("S1", "semantics/isolation")
class AnyPolicyShutsTheOthers(Controller):
    """As soon as there is any policy, pods that none selects are isolated both ways."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        self._others = _OthersShut(version)
        self._objects: dict[ObjectKey, KubernetesObject] = {}
        super().__init__(node, apply, version, lambda _version: self._others)

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        self._objects = {item.key: item for item in objects}
        self._others.shut = self._any_policy()
        super().start(self._objects.values())

    def handle(self, events: Sequence[WatchEvent]) -> None:
        for event in events:
            self._objects.pop(event.object.key, None)
            if event.type != "DELETED":
                self._objects[event.object.key] = event.object
        if self._any_policy() is self._others.shut:
            super().handle(events)
        else:
            self.start(tuple(self._objects.values()))

    def _any_policy(self) -> bool:
        return any(isinstance(item, NetworkPolicy) for item in self._objects.values())
