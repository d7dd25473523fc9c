"""Mistakes that plugins have shipped, each as reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from netpol_conformance.api.addresses import LOAD_BALANCERS
from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.compile import PROTOCOL_NUMBERS, Compiler, End, Member, Members
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.ranges import PeerRange, PortRange
from netpol_conformance.enforcer.selectors import Selection
from netpol_conformance.model.objects import (
    Direction,
    IPBlock,
    NetworkPolicy,
    ObjectKey,
    Pod,
    PolicyPort,
    PolicyRule,
    Protocol,
    Service,
    WatchEvent,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion

from .registry import mutant, swapped

ACCEPT = "ct state established,related accept\n"

# Blocks and ports


@mutant("S32", "regressions/host-bits-in-a-block", bug="antrea-io/antrea#1764")
class HostBitsMatchNothing(Compiler):
    """A block that is written with host bits matches no address."""

    def block(self, block: IPBlock) -> Iterator[End]:
        return super().block(block) if block.canonical else iter(())


@mutant(
    "S15",
    "regressions/one-block-in-two-rules",
    bug="aws/amazon-network-policy-controller-k8s#197",
)
class OneEntryForEachBlock(Compiler):
    """Of two rules for one block, with ports and without, the ports of the one hold for both."""

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        rules = super().rules(policy, direction)
        ports = {
            peer.ip_block: rule.ports
            for rule in rules
            for peer in rule.peers
            if peer.ip_block and rule.ports
        }
        return tuple(
            replace(rule, ports=rule.ports or ports.get(rule.peers[0].ip_block, ()))
            if rule.peers
            else rule
            for rule in rules
        )


@mutant("S20", "regressions/port-without-protocol", bug="projectcalico/calico#4373")
class PortOfAnyProtocol(Compiler):
    """A number without a protocol is a port of every protocol."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        port_ranges = super().port(port, destination)
        if port.protocol is not Protocol.TCP or not isinstance(port.port, int):
            return port_ranges
        numbers = PROTOCOL_NUMBERS.values()
        return [
            port_range._replace(protocol_low=n, protocol_high=n)
            for port_range in port_ranges
            for n in numbers
        ]


@mutant("S24", "regressions/sctp-rules-dropped", bug="noironetworks/aci-containers#1753")
class SCTPRulesDropped(Compiler):
    """A rule's ports of SCTP are left out."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [] if port.protocol is Protocol.SCTP else super().port(port, destination)


@mutant("S22", "regressions/named-port-numbered-twice", bug="cilium/cilium#30003")
class NamedPortNumberedOnce(Compiler):
    """A port's name has one number, that of the first pod that was asked for it."""

    def __init__(self, version: KubernetesVersion = LATEST) -> None:
        super().__init__(version)
        self._numbers: dict[tuple[str, Protocol], tuple[int, ...]] = {}

    def named(self, name: str, protocol: Protocol, destination: Pod) -> tuple[int, ...]:
        numbers = super().named(name, protocol, destination)
        return self._numbers.setdefault((name, protocol), numbers) if numbers else ()


# Peers


@mutant("S11", "regressions/nine-namespaces", bug="weaveworks/weave#3289")
class EightNamespaces(Compiler):
    """A selector has room for eight namespaces."""

    def ends(
        self, policy: NetworkPolicy, rule: PolicyRule, direction: Direction, members: Members
    ) -> Iterator[End]:
        return super().ends(policy, rule, direction, lambda chosen: self.fitting(members(chosen)))

    def fitting(self, members: Iterable[Member]) -> list[Member]:
        """The members that are in the first eight of their namespaces."""
        found = list(members)
        room = sorted({member.pod.namespace for member in found})[:8]
        return [member for member in found if member.pod.namespace in room]


@mutant("S1", "regressions/unusual-selectors")
class UnreadSelectorsFailOpen(Compiler):
    """A policy whose podSelector has a key with a prefix is skipped."""

    def target(self, policy: NetworkPolicy) -> Selection:
        selector = policy.pod_selector
        keys = [key for key, _ in selector.match_labels]
        keys += [requirement.key for requirement in selector.match_expressions]
        skipped = any("/" in key for key in keys)
        return Selection("", selector) if skipped else super().target(policy)


@mutant("S51", "regressions/ipv6-not-updated", bug="cloudnativelabs/kube-router#1927")
class IPv6NotUpdated(Compiler):
    """What a policy allows over IPv6 is looked up once."""

    def __init__(self, version: KubernetesVersion = LATEST) -> None:
        super().__init__(version)
        self._first: dict[tuple[ObjectKey, Direction], frozenset[PeerRange]] = {}

    def allowance(
        self, policy: NetworkPolicy, direction: Direction, pod: Pod, members: Members
    ) -> frozenset[PeerRange]:
        peer_ranges = super().allowance(policy, direction, pod, members)
        six = frozenset(peer_range for peer_range in peer_ranges if peer_range.family == 6)
        return (peer_ranges - six) | self._first.setdefault((policy.key, direction), six)


# On the way


@mutant(
    "S40",
    "regressions/load-balancer-from-the-same-node",
    bug="Azure/azure-container-networking#940",
)
class LoadBalancerEscapesNearby(Compiler):
    """What goes to a load balancer's address and stays on its node is not judged."""

    def hook(self, table: str) -> str:
        nearby = f'iifname != "eth0" oifname != "eth0" ct original ip daddr {LOAD_BALANCERS[4]}'
        return swapped(super().hook(table), ACCEPT, f"{ACCEPT}\t\t{nearby} accept\n")


class _Escaping(Compiler):
    """Does not judge what goes to the Services in the set ``escaped``."""

    def chains(self, table: str) -> str:
        services = "set escaped { type ipv4_addr . inet_service; }"
        return f"{super().chains(table)}table {table} {{\n\t{services}\n}}\n"

    def hook(self, table: str) -> str:
        dialled = "meta l4proto 6 ct original ip daddr . ct original proto-dst"
        return swapped(super().hook(table), ACCEPT, f"{ACCEPT}\t\t{dialled} @escaped accept\n")


@mutant(
    "S22",
    "regressions/named-target-port-bypass",
    bug="aws/amazon-network-policy-controller-k8s#210",
)
class NamedTargetPortEscapes(Controller):
    """What goes through a Service whose target port is a name is not judged."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version, _Escaping)

    def handle(self, events: Sequence[WatchEvent]) -> None:
        super().handle(events)
        for service in (event.object for event in events if isinstance(event.object, Service)):
            for port in service.ports:
                if isinstance(port.target_port, str):
                    element = f"{service.cluster_ips[0]} . {port.port}"
                    self._apply(f"add element {ruleset.TABLES[0]} escaped {{ {element} }}\n")


@mutant("S2", "regressions/first-packet-dropped", bug="antrea-io/antrea#219")
class FirstPacketDropped(Compiler):
    """The first SYN that a rule allows is dropped, the one sent again is let through."""

    def chains(self, table: str) -> str:
        key = "ip saddr . ip daddr . tcp sport . tcp dport"
        kind = "type ipv4_addr . ipv4_addr . inet_service . inet_service"
        once = (
            f"table {table} {{\n"
            f"\tset seen {{ {kind}; flags dynamic; timeout 30s; size 65535; }}\n"
            "\tchain once {\n"
            f"\t\tmeta l4proto 6 {key} != @seen add @seen {{ {key} }} drop\n"
            "\t}\n}\n"
        )
        lines = super().chains(table).splitlines(True)
        return once + "".join(map(self.twice, lines))

    def twice(self, line: str) -> str:
        """A rule that lets through, after one that looks whether the SYN has been here."""
        lets = line.endswith(" return\n") and "ip daddr" in line
        return swapped(line, " return", " jump once") + line if lets else line
