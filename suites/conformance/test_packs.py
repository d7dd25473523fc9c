"""The packs as tests: one for each scenario, its id the scenario's path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netpol_conformance.pytest_plugin.adapter import Conformance
    from netpol_conformance.scenario.types import Scenario


def test_scenario(scenario: Scenario, conformance: Conformance) -> None:
    """The scenario passes: every cell of every step is as the specification says."""
    conformance.check(scenario)
