"""What the tests of searching share: a search on embedded clusters, and its end as text."""

from __future__ import annotations

import time
from pathlib import Path

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.fuzz.asking import Target
from netpol_conformance.fuzz.cases import Shape
from netpol_conformance.fuzz.finding import as_text
from netpol_conformance.fuzz.search import Budget, Found, Search, Searched
from netpol_conformance.fuzz.shrinking import smallest

MUTANTS = Path(__file__).parents[1] / "mutants"
AT_ONCE = 6
SHRINKING = 30.0
"""Seconds, where a test fails."""


def target(implementation: str = "reference", shape: Shape | None = None) -> Target:
    return Target(lambda: EmbeddedCluster(implementation), shape or Shape())


def search(where: Target, first: int, cases: int, jobs: int = AT_ONCE) -> Searched:
    done = Search(where, first, Budget(cases=cases), jobs).run()
    assert not done.faults, done.faults
    return done


def describe(where: Target, found: Found) -> str:
    """The smallest case of what was found, and why it is wrong."""
    until = time.monotonic() + SHRINKING
    least = smallest(where, found, until, lambda tried, kept: None)
    return f"{least.wrong[0]}\n\n{as_text(least.case, least.wrong, least.seed, 'reference')}"
