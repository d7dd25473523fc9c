"""Connections judged by where they come along: nodes, Services, the way in and the way out.

Names and networks are those of the embedded cluster: a node's way to others is ``eth0``, its pods
have links of their own.
"""

from __future__ import annotations

from ipaddress import ip_network

from netpol_conformance.api.addresses import FABRIC, LOAD_BALANCERS, SERVICES
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.model.objects import Direction

from .registry import mutant, swapped
from .services import by_dialled_port

NODES = ip_network(f"{FABRIC[4]}/24", strict=False)
INSIDE = f"{{ 10.244.0.0/16, {SERVICES[4]}, {NODES} }}"


class Exempting(Compiler):
    """Does not judge packets that ``exempt``, an nft expression, holds for."""

    exempt: str

    def hook(self, table: str) -> str:
        accept = "ct state established,related accept\n"
        return swapped(super().hook(table), accept, f"{accept}\t\t{self.exempt} accept\n")


class JudgingAt(Compiler):
    """Judges at another hook, too: what a node's own programs send (output) or get (input)."""

    at: str

    def hook(self, table: str) -> str:
        both = super().hook(table)
        other = swapped(both, "chain forward ", f"chain {self.at} ")
        return both + swapped(other, "hook forward", f"hook {self.at}")


# Nodes


@mutant("S3", "paths/pod-address")
class SameNodeNotJudged(Exempting):
    """What stays on a node is not judged."""

    exempt = 'iifname != "eth0" oifname != "eth0"'


@mutant("S3", "paths/pod-address")
class OtherNodesNotJudged(Exempting):
    """What comes from another node is not judged where it arrives."""

    exempt = f'iifname "eth0" ip saddr {INSIDE}'


@mutant("S6", "paths/own-node")
class OwnNodeJudged(JudgingAt):
    """A pod's own node is let in only where a policy says so."""

    at = "output"


@mutant("S6", "paths/other-node")
class EveryNodeExempt(Exempting):
    """Every node is let in, not just the pod's own."""

    exempt = f"ip saddr {NODES}"


@mutant("S6", "paths/to-own-node")
class OwnNodeNotReached(JudgingAt):
    """A pod reaches its own node only where a policy says so."""

    at = "input"


@mutant("S7", "paths/host-network-server")
class WayToNodesNotJudged(Exempting):
    """Egress to nodes, and so to pods on their network, is not judged."""

    exempt = f"ip daddr {NODES}"


# Outside


@mutant("S14", "paths/from-outside")
class OutsideNotJudged(Exempting):
    """Clients outside the cluster are let in: selectors speak of pods."""

    exempt = f"ip saddr != {INSIDE}"


@mutant("S3", "paths/to-outside")
class WayOutsideNotJudged(Exempting):
    """Egress to addresses outside the cluster is not judged."""

    exempt = f"ip daddr != {INSIDE}"


@mutant("S41", "paths/node-port")
class NodePortEscapes(Exempting):
    """What enters by a node port is taken for the node and let in."""

    exempt = f"ct status dnat ct original ip daddr {NODES}"


@mutant("S41", "paths/load-balancer-local")
class LoadBalancerEscapes(Exempting):
    """What enters by a load balancer is taken for the node and let in."""

    exempt = f'iifname "eth0" ct status dnat ct original ip daddr {LOAD_BALANCERS[4]}'


# Services and DNS


class EgressByDialled(Compiler):
    """Judges egress by the packet as it was before translation."""

    def chains(self, table: str) -> str:
        text, egress = super().chains(table), f"chain judge_{Direction.EGRESS.lower()}4 {{\n"
        before, rules = text.split(egress)
        rules, after = rules.split("\tcounter drop", 1)
        dialled = "".join(map(self.dialled, rules.splitlines(keepends=True)))
        return f"{before}{egress}{dialled}\tcounter drop{after}"

    def dialled(self, line: str) -> str:
        """The rule that looks at what was dialled in the place of ``line``."""
        raise NotImplementedError


@mutant("S40", "paths/cluster-ip")
class DialledAddressIsMeant(EgressByDialled):
    """An egress rule's peer is the address that was dialled, a Service's for one."""

    def dialled(self, line: str) -> str:
        return line.replace("ip daddr", "ct original ip daddr")


@mutant("S21", "paths/target-port-egress")
class DialledPortIsMeant(EgressByDialled):
    """An egress rule's port is the one that was dialled."""

    def dialled(self, line: str) -> str:
        return by_dialled_port(line)


@mutant("S43", "paths/dns-not-allowed")
class DNSAlwaysOpen(Exempting):
    """Look-ups of names are never blocked."""

    exempt = "udp dport 53"
