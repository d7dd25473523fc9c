"""Packets judged that are part of a connection."""

from __future__ import annotations

from netpol_conformance.enforcer.compile import Compiler

from .registry import mutant, swapped


@mutant("S4", "handbook/simple-example")
class RepliesAreJudged(Compiler):
    """Replies of allowed connections must be allowed themselves."""

    def hook(self, table: str) -> str:
        return swapped(super().hook(table), "\t\tct state established,related accept\n", "")
