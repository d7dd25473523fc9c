"""Ports, ranges, names of ports and protocols misread."""

from __future__ import annotations

from collections.abc import Hashable

from netpol_conformance.enforcer.compile import PROTOCOL_NUMBERS, Compiler, End
from netpol_conformance.enforcer.ranges import PortRange
from netpol_conformance.model.objects import Direction, NetworkPolicy, Pod, PolicyPort, Protocol

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
