"""What goes through a Service judged wrongly."""

from __future__ import annotations

from netpol_conformance.enforcer.compile import Compiler

from .registry import mutant, swapped


def by_dialled_port(line: str) -> str:
    """A rule on ports as one on TCP's ports before DNAT, and one on the other protocols'."""
    if "th dport" not in line:
        return line
    dialled = swapped(line, "th dport", "ct original proto-dst")
    return f"\t\tmeta l4proto 6 {dialled.lstrip()}\t\tmeta l4proto != 6 {line.lstrip()}"


@mutant("S21", "semantics/target-port")
class ServicePortIsMeant(Compiler):
    """A rule's port is that of the Service that was dialled."""

    def chains(self, table: str) -> str:
        return "".join(by_dialled_port(line) for line in super().chains(table).splitlines(True))


@mutant("S40", "errata/h9-names-under-egress-deny", bug="cloudnativelabs/kube-router#609")
class ServicesEscape(Compiler):
    """What goes through a Service is not judged."""

    def hook(self, table: str) -> str:
        accept = "ct state established,related accept\n"
        return swapped(super().hook(table), accept, f"{accept}\t\tct status dnat accept\n")


@mutant("S5", "regressions/hairpin", bug="cilium/cilium#22107")
class SelfIsBlocked(Compiler):
    """A pod doesn't reach itself through its Service where a policy doesn't say so."""

    def chains(self, table: str) -> str:
        text = swapped(super().chains(table), "\t\tip saddr . ip daddr @self4 accept\n", "")
        return swapped(text, "\t\tip6 saddr . ip6 daddr @self6 accept\n", "")
