"""Every broken enforcer is noticed: by the scenario that owns the rule, which the reference passes.

And a scenario that denies anything at all fails where nothing is enforced.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import Event, ScenarioFinished, StepFinished
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Expectation, Scenario

from ..mutants import MUTANTS

FOLDER = Path(__file__).parent.with_name("mutants")
PACKS = ("handbook", "errata", "legacy", "recipes", "upstream", "semantics", "regressions")
CORPUS = {scenario.path: scenario for scenario in load_corpus()}
OWNERS = {name: CORPUS[mutant.owner_path] for name, mutant in MUTANTS.items()}
DENIALS = (Expectation.BLOCKED, Expectation.UNRESOLVED)
WITHOUT_DENIALS = ["handbook/no-policy.yaml"]

# The embedded cluster returns from a change once it is in force: what is wrong then stays wrong.
# Where a busy machine leaves it open whether it is, a second run has more patience.
ATTEMPTS = (Timeouts(enforce=1.0), Timeouts())
# A run mostly waits for what must stay silent.
AT_ONCE = 8


class End(NamedTuple):
    """How a scenario ended, and who enforced."""

    outcome: Outcome
    scenario: str
    implementation: str
    reason: str = ""


class FailedError(Exception):
    """A step failed: the rest of the scenario cannot change that."""


def end(scenario: Scenario, implementation: str) -> End:
    """The end of a run, which is at the first step that fails."""
    for timeouts in ATTEMPTS:
        ended = attempt(scenario, implementation, timeouts)
        if ended.outcome is not Outcome.INCONCLUSIVE:
            break
    return ended


def attempt(scenario: Scenario, implementation: str, timeouts: Timeouts) -> End:
    events: list[Event] = []

    def consume(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepFinished) and event.step.outcome is Outcome.FAIL:
            raise FailedError

    cluster = EmbeddedCluster(implementation)
    try:
        outcome = ScenarioRun(scenario, cluster, timeouts, consume).run()
    except FailedError:
        return End(Outcome.FAIL, scenario.path, implementation)
    finally:
        cluster.close()
    reasons = [event.reason for event in events if isinstance(event, ScenarioFinished)]
    return End(outcome, scenario.path, implementation, *reasons)


def not_ending(outcome: Outcome, scenarios: Iterable[Scenario], implementation: str) -> list[End]:
    """The scenarios that end otherwise; many run at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = pool.map(lambda scenario: end(scenario, implementation), scenarios)
        return [ended for ended in ends if ended.outcome is not outcome]


def denies(scenario: Scenario) -> bool:
    return any(word in DENIALS for step in scenario.steps for _, word in step.expected)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutant_fails_its_owner(name: str) -> None:
    ended = end(OWNERS[name], f"{FOLDER}:{name}")
    assert ended.outcome is Outcome.FAIL, ended


def test_the_reference_passes_every_owner() -> None:
    owners = {scenario.path: scenario for scenario in OWNERS.values()}
    assert not_ending(Outcome.PASS, owners.values(), "reference") == []


@pytest.mark.parametrize("pack", PACKS)
def test_whatever_denies_fails_where_nothing_is_enforced(pack: str) -> None:
    scenarios = [scenario for scenario in CORPUS.values() if scenario.pack == pack]
    assert not_ending(Outcome.FAIL, filter(denies, scenarios), "none") == []


def test_every_other_scenario_is_known_to_deny_nothing() -> None:
    packs = [scenario for scenario in CORPUS.values() if scenario.pack in PACKS]
    assert [scenario.path for scenario in packs if not denies(scenario)] == WITHOUT_DENIALS
