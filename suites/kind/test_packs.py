"""The packs on a real cluster: as embedded with the reference, and red without an enforcer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import CellResult
from netpol_conformance.scenario.types import Expectation

from .real_cluster import LIFECYCLE, MUTANTS, Ended, Kind, owner_of

DENIALS = {Expectation.BLOCKED, Expectation.UNRESOLVED}
NO_ENFORCER = (
    "handbook/simple-example.yaml",
    "handbook/default-deny-both.yaml",
    "handbook/web-allow-external.yaml",
    "errata/h9-names-under-egress-deny.yaml",
)
BROKEN = (
    "EgressNotEnforced",
    "ExceptIgnored",
    "NamedPortOfTheSource",
    "NamespaceSelectorIgnored",
    "NoRulesAllowAll",
    "ServicePortIsMeant",
)
"""Broken enforcers, of several kinds of mistake; each names the scenario that owns its rule."""

Key = tuple[str, int, str, str]
"""A cell: scenario, step, source, destination."""


def _cells(ended: Ended) -> Iterator[tuple[Key, CellResult]]:
    for scenario in ended.scenarios:
        if scenario.outcome is Outcome.UNSUPPORTED:
            continue
        for step in scenario.steps:
            for cell in step.cells:
                yield (scenario.path, step.index, cell.source, cell.destination), cell


def test_the_reference_conforms(on_kind: Ended) -> None:
    """A pause of the probes on a busy machine may leave lifecycle scenarios inconclusive."""
    paused = {"INCONCLUSIVE"} if on_kind.code == 3 else set()
    assert on_kind.code in {0, 3}, on_kind.output
    for path, outcome in on_kind.outcomes.items():
        borne = paused if path.startswith(f"{LIFECYCLE}/") else set()
        assert outcome in {"PASS", "UNSUPPORTED", *borne}, on_kind.output


def test_what_is_not_supported_says_why(on_kind: Ended) -> None:
    skipped = [s for s in on_kind.scenarios if s.outcome is Outcome.UNSUPPORTED]
    assert all(scenario.reason for scenario in skipped)


def test_the_embedded_cluster_gives_the_same_matrix(on_kind: Ended, embedded: Ended) -> None:
    """Every cell that both could ask came to the same, and was expected to."""
    seen = {key: (cell.expected, cell.outcome) for key, cell in _cells(embedded)}
    real = {key: (cell.expected, cell.outcome) for key, cell in _cells(on_kind)}
    both = {key[0] for key in seen} & {key[0] for key in real}
    assert both
    assert {key: value for key, value in real.items() if key[0] in both} == {
        key: value for key, value in seen.items() if key[0] in both
    }


def test_without_an_enforcer_every_denied_cell_fails(kind: Kind) -> None:
    ended = kind.run_here(*NO_ENFORCER, enforce=1, plugin="none")
    assert ended.code == 1, ended.output
    denied = {key: cell for key, cell in _cells(ended) if cell.expected in DENIALS}
    others = {key: cell for key, cell in _cells(ended) if cell.expected not in DENIALS}
    assert {key[0] for key in denied} == set(NO_ENFORCER)
    assert {
        key: cell.reason for key, cell in denied.items() if cell.outcome is not Outcome.FAIL
    } == {}
    assert {key: cell.reason for key, cell in others.items() if cell.outcome is Outcome.FAIL} == {}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_enforcer_fails_the_scenario_that_owns_the_rule(kind: Kind, name: str) -> None:
    owner = owner_of(name)
    ended = kind.run_here(owner, enforce=2, implementation=f"{MUTANTS}:{name}")
    assert (ended.code, ended.outcomes) == (1, {owner: "FAIL"}), ended.output


def test_what_one_scenario_left_in_force_fails_no_other(kind: Kind) -> None:
    """The enforcer forgets no policy; what reuses namespaces under one is asked afresh."""
    name, alike = "DeletionIgnored", ("upstream/by-port.yaml", "upstream/stacked-policies.yaml")
    owner = owner_of(name)
    ended = kind.run_here(*alike, owner, jobs=1, enforce=2, implementation=f"{MUTANTS}:{name}")
    assert ended.outcomes == {**dict.fromkeys(alike, "PASS"), owner: "FAIL"}, ended.output
    reasons = {scenario.path: scenario.reason for scenario in ended.scenarios}
    assert "It passed in fresh namespaces" in reasons[alike[1]]
