"""Ports, ranges, names of ports and protocols misread."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from netpol_conformance.enforcer.compile import (
    ANYONE,
    PROTOCOL_NUMBERS,
    Compiler,
    End,
    Members,
    bounds,
    names_ports,
)
from netpol_conformance.enforcer.ranges import PeerRange, PortRange
from netpol_conformance.enforcer.selectors import EVERY_POD, Selection
from netpol_conformance.model.objects import (
    Direction,
    NetworkPolicy,
    Pod,
    PolicyPort,
    PolicyRule,
    Protocol,
)

from .registry import mutant, swapped


@mutant("S20", "semantics/protocols-apart")
class ProtocolIgnored(Compiler):
    """A port of one protocol is open for all three."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [
            port_range._replace(protocol_low=number, protocol_high=number)
            for port_range in super().port(port, destination)
            for number in PROTOCOL_NUMBERS.values()
        ]


@mutant("S14", "errata/h8-empty-from")
class PortIgnored(Compiler):
    """A rule opens every port of its protocols."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
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


@mutant("S24", "semantics/protocols-apart")
class OnlyTCPIsJudged(Compiler):
    """UDP and SCTP are never blocked."""

    def hook(self, table: str) -> str:
        accept = "ct state established,related accept\n"
        return swapped(super().hook(table), accept, f"{accept}\t\tmeta l4proto != 6 accept\n")


@mutant("S20", "upstream/udp-by-port")
class UDPRulesDropped(Compiler):
    """A rule's ports of UDP are left out."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [] if port.protocol is Protocol.UDP else super().port(port, destination)


@mutant("S22", "semantics/named-port-of-nobody")
class UnknownNameIsEveryPort(Compiler):
    """A port's name that the pod lacks opens every port of its protocol."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return super().port(port, destination) or super().port(PolicyPort(port.protocol), None)


class _NamesPooled(Compiler):
    """Opens on each pod the numbers that any of ``pooled`` gives to a port's name."""

    def pooled(self, policy: NetworkPolicy) -> Selection:
        """The pods whose numbers are taken together."""
        raise NotImplementedError

    def selections(self, policy: NetworkPolicy) -> frozenset[Selection]:
        return super().selections(policy) | {self.pooled(policy)}

    def allowance(
        self, policy: NetworkPolicy, direction: Direction, pod: Pod, members: Members
    ) -> frozenset[PeerRange]:
        own = super().allowance(policy, direction, pod, members)
        if direction is Direction.EGRESS:
            return own
        for other in [member.pod for member in members(self.pooled(policy))]:
            own |= super().allowance(policy, direction, other, members)
        return own


@mutant("S22", "regressions/named-port-numbered-twice")
class NamesPooledByPolicy(_NamesPooled):
    """A port's name is open at every number that a pod of the policy gives to it."""

    def pooled(self, policy: NetworkPolicy) -> Selection:
        return self.target(policy)


@mutant("S22", "semantics/named-port-of-nobody")
class NamesPooledByCluster(_NamesPooled):
    """A port's name is open at every number that any pod gives to it."""

    def pooled(self, policy: NetworkPolicy) -> Selection:
        return EVERY_POD


@mutant("S22", "regressions/named-port-of-own-namespace", bug="cloudnativelabs/kube-router#1036")
class EgressNamesOfOwnNamespace(Compiler):
    """A named port of an egress rule is looked up on pods of the policy's own namespace only."""

    def destination(self, direction: Direction, pod: Pod, end: End) -> Pod | None:
        found = super().destination(direction, pod, end)
        return found if found and found.namespace == pod.namespace else None


@mutant("S22", "regressions/named-port-of-own-namespace", bug="cloudnativelabs/kube-router#1036")
class EgressNamesOpenToEveryone(Compiler):
    """What a named port of an egress rule without peers is on one pod, is open to everyone."""

    def ends(
        self, policy: NetworkPolicy, rule: PolicyRule, direction: Direction, members: Members
    ) -> Iterator[End]:
        yield from super().ends(policy, rule, direction, members)
        if direction is Direction.EGRESS and not rule.peers and names_ports(policy):
            for member in members(EVERY_POD):
                yield End(4, *bounds(ANYONE[0].cidr), member.pod)
