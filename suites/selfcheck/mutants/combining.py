"""Mutants that are wrong about what policies come to together, and about replies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from netpol_conformance.enforcer.compile import Compiler, Members, pods_ends
from netpol_conformance.enforcer.ranges import PeerRange
from netpol_conformance.enforcer.ruleset import exact_set, ranges_set
from netpol_conformance.enforcer.selectors import Selection
from netpol_conformance.model.objects import (
    Direction,
    NetworkPolicy,
    Pod,
    PolicyRule,
)

from .registry import mutant, swapped

Allowances = Sequence[tuple[NetworkPolicy, frozenset[PeerRange]]]
_ESTABLISHED = "\t\tct state established,related accept\n"
_JUMPS = "\t\tmeta nfproto vmap"


# Isolation, and how policies combine


@mutant("S1", "semantics/isolation")
class WholeNamespaceIsolated(Compiler):
    """A policy applies to every pod of its namespace, not to those it selects."""

    def target(self, policy: NetworkPolicy) -> Selection:
        return Selection(policy.namespace)


@mutant("S2", "semantics/policies-add-up")
class FirstPolicyWins(Compiler):
    """Of several policies of a pod only the first one, by name, counts."""

    def union(self, allowances: Allowances) -> frozenset[PeerRange]:
        return super().union(sorted(allowances, key=lambda item: item[0].name)[:1])


@mutant("S2", "semantics/policies-add-up")
class NothingTakesAll(Compiler):
    """A policy that allows nothing takes away what others allow."""

    def union(self, allowances: Allowances) -> frozenset[PeerRange]:
        return super().union(
            allowances if all(peer_ranges for _, peer_ranges in allowances) else ()
        )


@mutant("S3", "semantics/both-ends")
class EgressIsEnough(Compiler):
    """What the source's egress rules allow needs no place in the destination's ingress."""

    def chains(self, table: str) -> str:
        text = super().chains(table)
        for family in (4, 6):
            for name in (exact_set, ranges_set):
                allowed = f"@{name(Direction.EGRESS, family)}"
                text = swapped(text, f"{allowed} return\n", f"{allowed} accept\n")
        return text


@mutant("S3", "semantics/open-one-way")
class OneChainForBothWays(Compiler):
    """What a policy lets its pods send, it lets them receive from each other."""

    def selections(self, policy: NetworkPolicy) -> frozenset[Selection]:
        return super().selections(policy) | {self.target(policy)}

    def context(self, policy: NetworkPolicy, direction: Direction, pod: Pod) -> Hashable:
        return pod.key

    def allowance(
        self, policy: NetworkPolicy, direction: Direction, pod: Pod, members: Members
    ) -> frozenset[PeerRange]:
        received = super().allowance(policy, direction, pod, members)
        if direction is Direction.EGRESS or not self.isolates(policy, Direction.EGRESS):
            return received
        sent = super().allowance(policy, Direction.EGRESS, pod, members)
        return received | {
            PeerRange(peer.family, peer.low, peer.high, to.port_range)
            for peer in pods_ends(members(self.target(policy)))
            for to in sent
            for ip in pod.ips
            if peer.family == to.family == ip.version and to.low <= int(ip) <= to.high
        }


@mutant("S4", "semantics/replies")
class RepliesByUDPAreJudged(Compiler):
    """Replies pass by themselves over TCP only."""

    def hook(self, table: str) -> str:
        return swapped(super().hook(table), "\t\tct state", "\t\tmeta l4proto != 17 ct state")


@mutant("S4", "semantics/replies")
class RepliesOpenTheWayBack(Compiler):
    """A pod that has answered another may connect to it from then on."""

    def chains(self, table: str) -> str:
        answered = "\tset answered {\n\t\ttype ipv4_addr . ipv4_addr; flags dynamic\n\t}\n"
        return super().chains(table).replace("{\n", f"{{\n{answered}", 1)

    def hook(self, table: str) -> str:
        note = "\t\tct direction reply update @answered { ip saddr . ip daddr }\n"
        text = swapped(super().hook(table), _ESTABLISHED, note + _ESTABLISHED)
        return swapped(text, _JUMPS, f"\t\tip saddr . ip daddr @answered accept\n{_JUMPS}")


# Directions that policyTypes leaves out


@mutant("S60", "semantics/unlisted-direction")
class UnlistedRulesIsolate(Compiler):
    """A policy isolates for every direction that it has rules for."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        return bool(policy.rules(direction)) or super().isolates(policy, direction)


@mutant("S60", "semantics/unlisted-direction")
class UnlistedRulesOpen(Compiler):
    """Rules of a direction that policyTypes leaves out open what another policy closes."""

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        return policy.rules(direction)
