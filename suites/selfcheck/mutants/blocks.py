"""ipBlock and its exceptions misread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from netpol_conformance.enforcer.compile import Compiler, End, bounds
from netpol_conformance.enforcer.ranges import PeerRange
from netpol_conformance.model.objects import IPBlock, NetworkPolicy

from .registry import mutant


@mutant("S30", "handbook/test-network-policy-both", bug="aws/aws-network-policy-agent#92")
class ExceptIgnored(Compiler):
    """The exceptions of an ipBlock are not seen."""

    def block(self, block: IPBlock) -> Iterator[End]:
        return super().block(replace(block, excepted=()))


@mutant("S30", "regressions/except-is-no-deny", bug="ovn-org/ovn-kubernetes#845")
class ExceptIsDeny(Compiler):
    """An exception of an ipBlock takes away what other peers and policies allow."""

    def union(
        self, allowances: Sequence[tuple[NetworkPolicy, frozenset[PeerRange]]]
    ) -> frozenset[PeerRange]:
        rules = chain.from_iterable((*p.ingress, *p.egress) for p, _ in allowances)
        blocks = [peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block]
        denied = [bounds(network) for block in blocks for network in block.excepted]
        return frozenset(
            peer_range
            for peer_range in super().union(allowances)
            if not any(low <= peer_range.low and peer_range.high <= high for low, high in denied)
        )
