"""What each policy means, as ranges of peers, protocols and ports. Pure.

``Compiler`` has one small method for each decision that the specification leaves to a plugin;
``compilation`` calls them with the pods it has indexed. A rule's meaning does not depend on the
pod it applies to, save for a named port on ingress (``Compiler.context``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.ranges import EVERYTHING, PeerRange, PortRange
from netpol_conformance.enforcer.selectors import (
    EVERY_POD,
    InexpressibleError,
    LabelMatching,
    Selection,
)
from netpol_conformance.model.objects import (
    Direction,
    IPAddress,
    IPBlock,
    IPNetwork,
    Namespace,
    NetworkPolicy,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION, LATEST, KubernetesVersion

PROTOCOL_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
ANYONE = (IPBlock(ip_network("0.0.0.0/0")), IPBlock(ip_network("::/0")))

Peer = Selection | IPBlock


class Member(NamedTuple):
    """A pod and the addresses it has now: a hostNetwork pod's are its node's (S7)."""

    pod: Pod
    addresses: tuple[IPAddress, ...]


Members = Callable[[Selection], Iterable[Member]]
"""Who is selected as a peer."""


class End(NamedTuple):
    """A stretch of peer addresses, and the pod where it is one pod's."""

    family: int
    low: int
    high: int
    pod: Pod | None = None


class Compiler(LabelMatching):
    """The specification's meaning of policies under one version of Kubernetes.

    Methods are small so that a deliberately wrong enforcer overrides just what it breaks.
    """

    def __init__(self, version: KubernetesVersion = LATEST) -> None:
        self.version = version

    def chains(self, table: str) -> str:
        """The sets and chains that the elements go into."""
        return ruleset.chains(table)

    def hook(self, table: str) -> str:
        """The chain that the kernel hands packets to."""
        return ruleset.hook(table)

    # Isolation

    def target(self, policy: NetworkPolicy) -> Selection:
        """The pods that a policy applies to: of its own namespace only (S10)."""
        return Selection(policy.namespace, policy.pod_selector)

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        """Whether a policy isolates the pods it selects for ``direction`` (S1, S60)."""
        return direction in policy.policy_types

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        """Whether a pod selected by ``policies`` is isolated.

        Up to 1.6 its namespace alone decides, and only on ingress (S70). A namespace not known
        there isolates: it may be annotated.
        """
        if self.version.annotation_isolates:
            annotated = namespace is None or self.default_deny(namespace)
            return direction is Direction.INGRESS and annotated
        return any(self.isolates(policy, direction) for policy in policies)

    def default_deny(self, namespace: Namespace) -> bool:
        """Whether the annotation of versions up to 1.6 says DefaultDeny; anything else doesn't."""
        try:
            annotation = json.loads(namespace.annotations.get(ISOLATION_ANNOTATION, "{}"))
            return bool(annotation["ingress"]["isolation"] == "DefaultDeny")
        except (ValueError, KeyError, TypeError):
            return False

    # Peers

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        """The rules that count: none of a direction that the policy leaves out (S60)."""
        return policy.rules(direction) if self.isolates(policy, direction) else ()

    def peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...]:
        """Whom a rule names: anyone where it names nobody (S14), any of the items else (S11)."""
        if not rule.peers:
            return ANYONE
        return tuple(peer for item in rule.peers for peer in self.peer(policy, item))

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        """Whom one item of ``from`` or ``to`` names (S11)."""
        if peer.ip_block is not None:
            return (peer.ip_block,)
        if peer.pod_selector is None and peer.namespace_selector is None:
            raise InexpressibleError(
                "a peer has neither podSelector, namespaceSelector nor ipBlock"
            )
        selection = EVERY_POD
        if peer.pod_selector is not None:
            selection = Selection(policy.namespace, peer.pod_selector)
        if peer.namespace_selector is not None:
            selection = Selection(peer.namespace_selector, selection.pods)
        return (selection,)

    def block(self, block: IPBlock) -> Iterator[End]:
        """The stretches of ``cidr`` that ``except`` leaves (S30)."""
        low, high = bounds(block.cidr)
        for start, end in sorted(bounds(network) for network in block.excepted):
            if low < start:
                yield End(block.cidr.version, low, start - 1)
            low = max(low, end + 1)
        if low <= high:
            yield End(block.cidr.version, low, high)

    # Ports

    def port_ranges(self, rule: PolicyRule, destination: Pod | None) -> list[PortRange]:
        """The ports that a rule opens on ``destination``: all where it names none (S14)."""
        if not rule.ports:
            return [EVERYTHING]
        return [port_range for port in rule.ports for port_range in self.port(port, destination)]

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        """One item of ``ports``: all of the protocol, a name, a number or a range (S20-S23)."""
        protocol = self.protocol(port)
        if port.port is None:
            return [PortRange(protocol, protocol, 0, 65535)]
        if isinstance(port.port, str):
            numbers = self.named(port.port, port.protocol, destination) if destination else ()
            return [PortRange(protocol, protocol, number, number) for number in numbers]
        return [PortRange(protocol, protocol, port.port, self.last(port, port.port))]

    def protocol(self, port: PolicyPort) -> int:
        """The IP protocol number of a port item."""
        if port.protocol not in PROTOCOL_NUMBERS:
            raise InexpressibleError(f'the protocol "{port.protocol}" is not known')
        return PROTOCOL_NUMBERS[port.protocol]

    def last(self, port: PolicyPort, first: int) -> int:
        """The last port of the range that begins at ``first`` (S23)."""
        return first if port.end_port is None else port.end_port

    def named(self, name: str, protocol: Protocol, destination: Pod) -> tuple[int, ...]:
        """The numbers that ``destination`` gives to a port's name and protocol (S22)."""
        return tuple(
            port.number
            for port in destination.ports
            if port.name == name and port.protocol == protocol
        )

    # The whole

    def context(self, policy: NetworkPolicy, direction: Direction, pod: Pod) -> Hashable:
        """What of ``pod`` the meaning of ``policy`` depends on, beyond that it applies to it."""
        return pod.ports if direction is Direction.INGRESS and names_ports(policy) else None

    def allowance(
        self, policy: NetworkPolicy, direction: Direction, pod: Pod, members: Members
    ) -> frozenset[PeerRange]:
        """All that ``policy`` allows ``pod``, a pod it selects, in ``direction``.

        Raises InexpressibleError where the policy says what this enforcer does not know.
        """
        return frozenset(
            PeerRange(end.family, end.low, end.high, port_range)
            for rule in self.rules(policy, direction)
            for end in self.ends(policy, rule, direction, members)
            for port_range in self.port_ranges(rule, self.destination(direction, pod, end))
        )

    def destination(self, direction: Direction, pod: Pod, end: End) -> Pod | None:
        """The pod that a named port is resolved on (S22)."""
        return pod if direction is Direction.INGRESS else end.pod

    def ends(
        self, policy: NetworkPolicy, rule: PolicyRule, direction: Direction, members: Members
    ) -> Iterator[End]:
        """The addresses of a rule's peers; of a block also its pods where ports are named."""
        named = direction is Direction.EGRESS and any(isinstance(p.port, str) for p in rule.ports)
        for peer in self.peers(policy, rule):
            if isinstance(peer, Selection):
                yield from pods_ends(members(peer))
                continue
            stretches = list(self.block(peer))
            yield from stretches
            if named:
                yield from (
                    pod
                    for pod in pods_ends(members(EVERY_POD))
                    for stretch in stretches
                    if pod.family == stretch.family and stretch.low <= pod.low <= stretch.high
                )

    def union(
        self, allowances: Sequence[tuple[NetworkPolicy, frozenset[PeerRange]]]
    ) -> frozenset[PeerRange]:
        """What several policies allow together: they only add (S2)."""
        return frozenset[PeerRange]().union(*(peer_ranges for _, peer_ranges in allowances))

    def selections(self, policy: NetworkPolicy) -> frozenset[Selection]:
        """The selections of pods whose members decide what ``policy`` allows."""
        peers = {
            peer
            for direction in Direction
            for rule in self.rules(policy, direction)
            for peer in self.peers(policy, rule)
        }
        selections = {peer for peer in peers if isinstance(peer, Selection)}
        if names_ports(policy) and len(selections) < len(peers):
            selections.add(EVERY_POD)
        return frozenset(selections)


def pods_ends(members: Iterable[Member]) -> Iterator[End]:
    """The single addresses of pods."""
    for pod, addresses in members:
        for address in addresses:
            yield End(address.version, int(address), int(address), pod)


def bounds(network: IPNetwork) -> tuple[int, int]:
    """The first and last address of a network."""
    return int(network.network_address), int(network.broadcast_address)


def names_ports(policy: NetworkPolicy) -> bool:
    """Whether a rule of ``policy`` gives a port by name."""
    return any(
        isinstance(port.port, str)
        for rule in (*policy.ingress, *policy.egress)
        for port in rule.ports
    )
