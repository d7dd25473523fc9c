"""A cluster's policies compiled to bitmasks over its pods, for the oracle's fast answers.

A mask's bit ``i`` stands for ``state.pods[i]``; the bit after the last pod for any end that is
none (a node, an outside address): selectors never set it, "everyone" (-1) does.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netpol_conformance.model.cluster_scoped import named_by_label
from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION
from netpol_conformance.oracle.labels import LabelIndex
from netpol_conformance.oracle.places import EVERYONE, Block, Place, PlaceIndex, mask_of


def default_deny(namespace: Namespace) -> bool:
    """Whether the annotation isolates the namespace's pods for ingress, up to 1.6 (S70)."""
    try:
        wanted = json.loads(namespace.annotations.get(ISOLATION_ANNOTATION, ""))
    except ValueError:
        return False
    ingress = wanted.get("ingress") if isinstance(wanted, dict) else None
    return isinstance(ingress, dict) and ingress.get("isolation") == "DefaultDeny"


class Rule(NamedTuple):
    """A rule: the pods its selectors match (everyone if it names no peer), blocks, ports."""

    selected: int
    blocks: tuple[Block, ...]
    ports: tuple[PolicyPort, ...]

    def admits(self, peer: Place) -> bool:
        """Whether the peer is one of the rule's, whatever the port."""
        if self.selected & peer.bit:
            return True
        return any(block.holds(peer) for block in self.blocks)

    def peers(self, places: PlaceIndex) -> int:
        """The mask of the pods that the rule admits, whatever the port."""
        mask = self.selected
        for block in self.blocks:
            mask |= block.pods(places)
        return mask

    def peers_as_nodes(self, places: PlaceIndex) -> int:
        """The same when each pod is taken for a node with its address (S7)."""
        if self.selected == EVERYONE:
            return EVERYONE
        return self._replace(selected=0).peers(places)


class Applied(NamedTuple):
    """A policy in one direction in which it isolates: the pods it selects and its rules."""

    policy: NetworkPolicy
    selected: int
    rules: tuple[Rule, ...]


class Index:
    """The masks of one state. Nothing in it changes but memos."""

    def __init__(self, state: ClusterState) -> None:
        self.state = state
        pods = state.pods
        self.everybody = (1 << len(pods)) - 1
        self.numbers = {(pod.namespace, pod.name): i for i, pod in enumerate(pods)}
        self.host = mask_of((i for i, pod in enumerate(pods) if pod.host_network), len(pods))
        self.finished = mask_of((i for i, pod in enumerate(pods) if pod.finished), len(pods))
        self.places = {family: PlaceIndex(pods, family) for family in (4, 6)}
        self._nodes = {
            family: [
                places.other(int(ip), node.name)
                for node in state.nodes
                for ip in node.ips
                if ip.version == family
            ]
            for family, places in self.places.items()
        }
        self.namespaces = _namespaces(state)
        self._labels = LabelIndex(pod.labels for pod in pods)
        self.namespace_labels = {
            name: named_by_label(item, state.version).labels
            for name, item in self.namespaces.items()
        }
        self._namespace_index = LabelIndex(self.namespace_labels.values())
        self._namespace_pods = self._group(pod.namespace for pod in pods)
        self._node_pods = self._group(pod.node for pod in pods)
        self._names: dict[tuple[str, Protocol, int], int] | None = None
        self._selected_namespaces: dict[LabelSelector, int] = {}
        self._applying: dict[tuple[int, Direction], tuple[Applied, ...]] = {}
        self.applied = {direction: self._apply(direction) for direction in Direction}
        self.isolated = {direction: self._isolated(direction) for direction in Direction}

    def _group(self, names: Iterable[str]) -> dict[str, int]:
        members: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(names):
            members[name].append(number)
        size = len(self.state.pods)
        return {name: mask_of(numbers, size) for name, numbers in members.items()}

    def on_node(self, node: str) -> int:
        """The mask of a node's pods; of nobody for no node."""
        return self._node_pods.get(node, 0) if node else 0

    def applying(self, number: int, direction: Direction) -> tuple[Applied, ...]:
        """The policies that select a pod in a direction, in the state's order."""
        found = self._applying.get((number, direction))
        if found is None:
            bit = 1 << number
            namespace = self.state.pods[number].namespace
            policies = self.applied[direction].get(namespace, ())
            found = tuple(policy for policy in policies if policy.selected & bit)
            self._applying[number, direction] = found
        return found

    def may_hold(self, rule: Rule, family: int) -> bool:
        """Whether a block of the rule holds a pod or a node, and so, perhaps, an address that one
        of the nodes puts in a client's place (S41).
        """
        places, nodes = self.places[family], self._nodes[family]
        return any(
            block.pods(places) or any(block.holds(node) for node in nodes) for block in rule.blocks
        )

    def ports(self, ports: Sequence[PolicyPort], port: int, protocol: Protocol) -> int:
        """The mask of the destinations on which ``port`` is one of ``ports`` (S14, S20-S23)."""
        if not ports:
            return EVERYONE
        mask = 0
        for item in ports:
            if item.protocol != protocol:
                continue
            if isinstance(item.port, str):
                mask |= self._named(item.port, protocol, port)
            elif item.port is None or item.port <= port <= (item.end_port or item.port):
                return EVERYONE
        return mask

    def _named(self, name: str, protocol: Protocol, port: int) -> int:
        if self._names is None:
            self._names = defaultdict(int)
            for number, pod in enumerate(self.state.pods):
                for item in pod.ports:
                    self._names[item.name, item.protocol, item.number] |= 1 << number
        return self._names.get((name, protocol, port), 0)

    def _apply(self, direction: Direction) -> dict[str, list[Applied]]:
        applied: dict[str, list[Applied]] = defaultdict(list)
        for policy in self.state.policies:
            if self._in_force(policy, direction):
                rules = tuple(self._rule(policy, rule) for rule in policy.rules(direction))
                selected = self._labels.select(policy.pod_selector)
                selected &= self._namespace_pods.get(policy.namespace, 0)
                applied[policy.namespace].append(Applied(policy, selected, rules))
        return applied

    def _in_force(self, policy: NetworkPolicy, direction: Direction) -> bool:
        """Up to 1.6 there is ingress only, no policyTypes, and only where annotated (S70)."""
        if self.state.version.annotation_isolates:
            namespace = self.namespaces[policy.namespace]
            return direction is Direction.INGRESS and default_deny(namespace)
        return direction in policy.policy_types

    def _isolated(self, direction: Direction) -> int:
        mask = 0
        if self.state.version.annotation_isolates:
            for name, pods in self._namespace_pods.items():
                if direction is Direction.INGRESS and default_deny(self.namespaces[name]):
                    mask |= pods
            return mask
        for policies in self.applied[direction].values():
            for policy in policies:
                mask |= policy.selected
        return mask

    def _rule(self, policy: NetworkPolicy, rule: PolicyRule) -> Rule:
        if not rule.peers:
            return Rule(EVERYONE, (), rule.ports)
        selected = 0
        blocks = []
        for peer in rule.peers:
            if peer.ip_block is None:
                selected |= self._selected(policy, peer)
            else:
                blocks.append(Block(peer.ip_block))
        return Rule(selected, tuple(blocks), rule.ports)

    def _selected(self, policy: NetworkPolicy, peer: PolicyPeer) -> int:
        """The pods that a peer's selectors match, together (S11); nobody without any (S62)."""
        if peer.pod_selector is None and peer.namespace_selector is None:
            return 0
        if peer.namespace_selector is None:
            mask = self._namespace_pods.get(policy.namespace, 0)
        else:
            mask = self._in_namespaces(peer.namespace_selector)
        if peer.pod_selector is not None:
            mask &= self._labels.select(peer.pod_selector)
        return mask

    def _in_namespaces(self, selector: LabelSelector) -> int:
        mask = self._selected_namespaces.get(selector)
        if mask is None:
            mask = 0
            matched = self._namespace_index.select(selector)
            for number, name in enumerate(self.namespaces):
                if matched >> number & 1:
                    mask |= self._namespace_pods.get(name, 0)
            self._selected_namespaces[selector] = mask
        return mask


def _namespaces(state: ClusterState) -> dict[str, Namespace]:
    """The namespaces by name; one that only a pod or policy mentions has no labels of its own."""
    mentioned = [pod.namespace for pod in state.pods]
    mentioned += [policy.namespace for policy in state.policies]
    found = {name: Namespace(name) for name in mentioned}
    found.update((item.name, item) for item in state.namespaces)
    return found
