"""What a plugin's declaration may say of a scenario, for tests of what is made of that."""

from __future__ import annotations

from netpol_conformance.plugins.types import Declared, KnownFailure, Lack

LINK = "https://example.org/1"
LACKING = Declared("plugins/p.yaml", lacks=(Lack("sctp", "no kernel", LINK, line=3),))


def known(steps=(), cells=()) -> Declared:
    """A failure known in these steps and cells; in all of them if none are named."""
    failure = KnownFailure("x.yaml", "a bug", LINK, steps, cells, line=7)
    return Declared("plugins/p.yaml", failures=(failure,))
