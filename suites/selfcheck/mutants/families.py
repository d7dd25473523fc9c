"""One address family forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from netpol_conformance.enforcer.compile import Compiler, End
from netpol_conformance.model.objects import IPBlock

from .registry import mutant
from .ways import Exempting


@mutant("S1", "semantics/egress-block-ipv6")
class IPv6NotJudged(Exempting):
    """What comes and goes over IPv6 is let through."""

    exempt = "ip6 saddr ::/0"


@mutant("S30", "semantics/egress-block-ipv6")
class IPv6BlocksDropped(Compiler):
    """A block of IPv6 addresses matches nothing."""

    def block(self, block: IPBlock) -> Iterator[End]:
        return super().block(block) if block.cidr.version == 4 else iter(())
