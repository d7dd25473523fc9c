"""The packs as tests: one for each scenario, its id the scenario's path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netpol_conformance.scenario.types import Scenario
    from netpol_conformance.suite import Conformance


def test_scenario(scenario: Scenario, conformance: Conformance) -> None:
    """The scenario passes: every cell of every step is as the specification says."""
    conformance.check(scenario)
