"""Every broken enforcer is noticed: by the scenario that owns the rule, which the reference passes.

And a scenario that denies anything at all fails where nothing is enforced.
"""

from __future__ import annotations

from collections.abc import Iterable

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.scenario.types import Expectation, Scenario

from ..corpus import BY_PATH, CORPUS
from ..mutants import MUTANTS
from .matrix import NOBODY
from .running import Pair, ends

OWNERS = {name: BY_PATH[mutant.owner_path] for name, mutant in MUTANTS.items()}
DENIALS = (Expectation.BLOCKED, Expectation.UNRESOLVED)
WITHOUT_DENIALS = ["handbook/no-policy.yaml"]


def not_ending(outcome: Outcome, pairs: Iterable[Pair]) -> list[str]:
    """The runs that end otherwise."""
    return [
        f"{path} with {enforcer}: {end.outcome.value} {end.reason}"
        for (path, enforcer), end in ends(pairs).items()
        if end.outcome is not outcome
    ]


def denies(scenario: Scenario) -> bool:
    return any(
        word in DENIALS for step in scenario.steps for _, word in (*step.expected, *step.meanwhile)
    )


def test_every_mutant_fails_its_owner() -> None:
    """One test for all, for they wait together: ``script/mutants --owners`` tells the same."""
    pairs = [Pair(owner, name) for name, owner in OWNERS.items()]
    assert not_ending(Outcome.FAIL, pairs) == []


def test_the_reference_passes_every_owner() -> None:
    owners = {scenario.path: scenario for scenario in OWNERS.values()}
    pairs = [Pair(scenario, "reference") for scenario in owners.values()]
    assert not_ending(Outcome.PASS, pairs) == []


def test_whatever_denies_fails_where_nothing_is_enforced() -> None:
    pairs = [Pair(scenario, NOBODY) for scenario in CORPUS if denies(scenario)]
    assert not_ending(Outcome.FAIL, pairs) == []


def test_every_other_scenario_is_known_to_deny_nothing() -> None:
    silent = [scenario.path for scenario in CORPUS if not denies(scenario)]
    assert silent == WITHOUT_DENIALS
