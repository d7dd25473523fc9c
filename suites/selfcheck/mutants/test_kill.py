"""Every broken enforcer is noticed: by the scenario that owns the rule, which the reference passes.

And a scenario that denies anything at all fails where nothing is enforced.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import Event, ScenarioFinished, StepFinished
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Expectation, Scenario

from .netpol_mutants import MUTANTS

FILE = Path(__file__).with_name("netpol_mutants.py")
PACKS = ("handbook", "errata", "legacy")
CORPUS = {scenario.path: scenario for scenario in load_corpus()}
OWNERS = {name: CORPUS[f"{mutant.owner}.yaml"] for name, mutant in MUTANTS.items()}
DENIALS = (Expectation.BLOCKED, Expectation.UNRESOLVED)
WITHOUT_DENIALS = ["handbook/no-policy.yaml"]

# The embedded cluster returns from a change once it is in force: what is wrong then stays wrong.
IMPATIENT = Timeouts(enforce=0.3, hold=1.0)
# A run mostly waits for what must stay silent.
AT_ONCE = 8


class FailedError(Exception):
    """A step failed: the rest of the scenario cannot change that."""


def fails(scenario: Scenario, implementation: str) -> str:
    """Nothing if a step fails, else how the scenario ended."""
    told: list[str] = []

    def consume(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step.outcome is Outcome.FAIL:
            raise FailedError
        if isinstance(event, ScenarioFinished):
            told.append(f"{event.outcome.value} {event.reason}")

    cluster = EmbeddedCluster(implementation)
    try:
        ScenarioRun(scenario, cluster, IMPATIENT, consume).run()
    except FailedError:
        return ""
    finally:
        cluster.close()
    return f"{scenario.path} with {implementation}: {' '.join(told)}"


def passes(scenario: Scenario, implementation: str = "reference") -> str:
    """Nothing if the scenario passes, else how it ended."""
    events: list[Event] = []
    cluster = EmbeddedCluster(implementation)
    try:
        if ScenarioRun(scenario, cluster, Timeouts(), events.append).run() is Outcome.PASS:
            return ""
    finally:
        cluster.close()
    (end,) = (event for event in events if isinstance(event, ScenarioFinished))
    return f"{scenario.path} with {implementation}: {end.outcome.value} {end.reason}"


def denies(scenario: Scenario) -> bool:
    return any(word in DENIALS for step in scenario.steps for _, word in step.expected)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutant_fails_its_owner(name: str) -> None:
    assert not fails(OWNERS[name], f"{FILE}:{name}")


def test_the_reference_passes_every_owner() -> None:
    owners = {scenario.path: scenario for scenario in OWNERS.values()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert not list(filter(None, pool.map(passes, owners.values())))


@pytest.mark.parametrize("pack", PACKS)
def test_whatever_denies_fails_where_nothing_is_enforced(pack: str) -> None:
    denying = [
        scenario for scenario in CORPUS.values() if scenario.pack == pack and denies(scenario)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert not list(filter(None, pool.map(fails, denying, ["none"] * len(denying))))


def test_every_other_scenario_is_known_to_deny_nothing() -> None:
    packs = [scenario for scenario in CORPUS.values() if scenario.pack in PACKS]
    assert [scenario.path for scenario in packs if not denies(scenario)] == WITHOUT_DENIALS
