"""The lives of pods and enforcer on a real cluster: measured there as on the embedded one."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome

from .real_cluster import MUTANTS, Ended, Kind

ONLY_EMBEDDED = {"lifecycle/address-used-again.yaml", "lifecycle/api-unreachable.yaml"}
"""What only the owner of the machines can do; each says so."""
RESTART = "lifecycle/enforcer-restarted.yaml"


def test_what_a_real_cluster_permits_is_measured_and_the_rest_says_why_not(kind: Kind) -> None:
    ended = kind.run("lifecycle")
    assert ended.report is not None, ended.output
    unsupported = {path for path, outcome in ended.outcomes.items() if outcome == "UNSUPPORTED"}
    assert unsupported == ONLY_EMBEDDED
    assert "FAIL" not in ended.outcomes.values(), ended.output
    asked = [
        cell
        for scenario in ended.report.scenarios
        for step in scenario.steps
        for cell in step.meanwhile
    ]
    assert asked
    assert all(cell.probes and not cell.unexpected for cell in asked if cell.outcome == "PASS")
    kept = [
        held for scenario in ended.report.scenarios for step in scenario.steps for held in step.held
    ]
    assert {held.fate for held in kept} == {"survives"}


def test_an_opening_at_a_restart_is_found_and_the_enforcer_is_there_afterwards(kind: Kind) -> None:
    ended = kind.run(RESTART, "--implementation", f"{MUTANTS}:FlushesAtStart")
    assert ended.outcomes == {RESTART: "FAIL"}, ended.output
    assert _opened(ended)
    assert kind.run(RESTART).outcomes[RESTART] != "FAIL"


def _opened(ended: Ended) -> list[float]:
    """How long cells were open that had to be closed."""
    assert ended.report is not None
    return [
        cell.gap
        for scenario in ended.report.scenarios
        for step in scenario.steps
        for cell in step.meanwhile
        if cell.outcome is Outcome.FAIL and cell.gap is not None
    ]
