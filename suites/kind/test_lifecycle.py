"""The lives of pods and enforcer on a real cluster: measured there as on the embedded one."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome

from .real_cluster import LIFECYCLE, RESTART, Ended

ONLY_EMBEDDED = {"lifecycle/address-used-again.yaml", "lifecycle/api-unreachable.yaml"}
"""What only the owner of the machines can do; each says so."""


def test_what_a_real_cluster_permits_is_measured_and_the_rest_says_why_not(on_kind: Ended) -> None:
    of_lifecycle = [s for s in on_kind.scenarios if s.path.startswith(LIFECYCLE)]
    unsupported = {s.path for s in of_lifecycle if s.outcome is Outcome.UNSUPPORTED}
    assert unsupported == ONLY_EMBEDDED
    steps = [step for scenario in of_lifecycle for step in scenario.steps]
    asked = [cell for step in steps for cell in step.meanwhile]
    assert asked
    assert all(cell.probes and not cell.unexpected for cell in asked if cell.outcome == "PASS")
    kept = [held for step in steps for held in step.held]
    assert {held.fate for held in kept} == {"survives"}


def test_an_opening_at_a_restart_is_found_and_the_enforcer_is_there_afterwards(
    opening: Ended, on_kind: Ended
) -> None:
    assert opening.outcomes == {RESTART: "FAIL"}, opening.output
    asked = [cell for step in opening.scenarios[0].steps for cell in step.meanwhile]
    assert [cell.gap for cell in asked if cell.outcome is Outcome.FAIL and cell.gap is not None]
    assert on_kind.outcomes[RESTART] == "PASS", on_kind.output
