"""Broken enforcers are found soon; and what is found is a scenario that finds it again."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.fuzz.asking import IN_FORCE_AT_ONCE, disagreements
from netpol_conformance.fuzz.cases import scenario_of
from netpol_conformance.fuzz.drawing import case_of
from netpol_conformance.fuzz.finding import as_text
from netpol_conformance.fuzz.shrinking import shrink, smallest
from netpol_conformance.fuzz.trimming import trim
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import NetworkPolicy
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.lint import lint
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import Expectation

from ..run.playing import play
from .searching import MUTANTS, search, target

SOON = 400
FIRST = 1
BROKEN = (
    "AndIsOr",
    "EndPortIgnored",
    "ExceptIgnored",
    "LastPolicyWins",
    "NamedPortOfTheSource",
    "RelabelledPodsIgnored",
    "RepliesAreJudged",
    "ServicePortIsMeant",
)


def outcome(text: str, implementation: str) -> Outcome:
    ended, _ = play(load(text, "fuzz.yaml"), EmbeddedCluster(implementation), Timeouts())
    return ended


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_enforcer_is_found_and_the_scenario_of_it_is_sound(name: str) -> None:
    done = search(target(f"{MUTANTS}:{name}"), FIRST, SOON)
    assert done.found, f"not within {done.cases} cases"
    for found in done.found:
        text = as_text(found.case, found.wrong, found.seed, name)
        scenario = load(text, "fuzz.yaml")
        assert lint([scenario], expectation, needed_features) == [], text
        last = {cell for cell, _ in scenario.steps[-1].expected}
        assert last & {one.cell for one in found.wrong}


def test_the_same_is_found_however_many_search() -> None:
    alone, together = (search(target("none"), FIRST, 50, jobs).found[0] for jobs in (1, 6))
    assert alone.seed == together.seed
    assert alone.case == together.case


def test_what_was_found_shrinks_to_a_scenario_that_only_the_broken_fail() -> None:
    name = "DeletionIgnored"
    implementation = f"{MUTANTS}:{name}"
    where = target(implementation)
    found = search(where, FIRST, SOON).found[0]
    least = smallest(where, found, time.monotonic() + 10, lambda tried, kept: None)
    assert len(repr(least.case)) < len(repr(found.case))
    text = as_text(least.case, least.wrong, least.seed, name)
    opening = load(text, "fuzz.yaml").steps[0]
    assert {word for _, word in opening.expected} == {Expectation.CONNECTED}
    assert outcome(text, implementation) is Outcome.FAIL
    assert outcome(text, "reference") is Outcome.PASS


def test_shrinking_ends_with_the_least_that_holds() -> None:
    where = target()
    tried = []

    def two_pods_and_a_change(case) -> bool:
        tried.append(case)
        return len(case.pods) >= 2 and len(case.changes) >= 2

    least = shrink(3, where.shape, two_pods_and_a_change)
    assert (len(least.pods), len(least.changes), least.hosts) == (2, 2, ())
    assert len(tried) < 500


def test_trimming_drops_every_part_that_does_not_matter() -> None:
    def has_two_pods_and_a_policy(case) -> bool:
        kept = [item for change in case.changes for item in change.apply]
        return len(case.pods) >= 2 and any(isinstance(item, NetworkPolicy) for item in kept)

    case = case_of(4, target().shape)
    least = trim(case, has_two_pods_and_a_policy)
    assert (len(least.pods), len(least.changes), least.hosts) == (2, 1, ())
    ((policy,),) = (change.apply for change in least.changes)
    assert policy.ingress + policy.egress == ()
    assert [pod.ports for pod in least.pods] == [(), ()]


def test_shrinking_tries_nothing_when_the_time_is_up() -> None:
    def never(case) -> bool:
        raise AssertionError

    assert shrink(3, target().shape, never, until=0.0) is not None


def test_a_disagreement_is_told_in_full() -> None:
    found = search(target("none"), FIRST, 50).found[0]
    told = str(found.wrong[0])
    for text in ("expected blocked, seen connected", ": denied", "applies  ", "answered by"):
        assert text in told


def test_a_case_is_asked_until_something_is_wrong() -> None:
    found = search(target("none"), FIRST, 50).found[0]
    counted = []
    with closing(EmbeddedCluster("none")) as cluster:
        wrong = disagreements(
            cluster, scenario_of(found.case), IN_FORCE_AT_ONCE, lambda: counted.append(1)
        )
    assert {one.cell for one in wrong} == {one.cell for one in found.wrong}
    assert {one.index for one in wrong} == {len(counted) + 1}
