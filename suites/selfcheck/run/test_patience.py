"""When a run's patience for something ends, and when it does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.expectation.matrix import expected_matrix
from netpol_conformance.model.objects import Direction, Protocol
from netpol_conformance.run.patience import ENOUGH, Kind, Patience, Turn, kind_of
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import Expectation

DENIALS = Kind(Expectation.BLOCKED, (Direction.INGRESS,), Protocol.TCP)
SCTP = Kind(Expectation.CONNECTED, (), Protocol.SCTP)
NAMES = [f"handbook/{number}.yaml" for number in range(ENOUGH)]


@pytest.fixture
def turns() -> list[Turn]:
    return []


@pytest.fixture
def patience(turns: list[Turn]) -> Patience:
    return Patience(turns.append)


def test_it_ends_once_enough_scenarios_have_waited_in_vain(patience, turns):
    for name in NAMES[:-1]:
        patience.in_vain([DENIALS], name)
    assert not patience.is_over(DENIALS)
    patience.in_vain([DENIALS], NAMES[-1])
    patience.in_vain([DENIALS], "handbook/another.yaml")
    assert patience.is_over(DENIALS)
    assert turns == [Turn(DENIALS, tuple(NAMES))]


def test_a_scenario_that_waits_again_and_again_counts_once(patience, turns):
    for _ in NAMES:
        patience.in_vain([DENIALS, DENIALS], "handbook/one.yaml")
    assert not patience.is_over(DENIALS)
    assert turns == []


def test_what_never_works_costs_nothing_else_its_patience(patience):
    for name in NAMES:
        patience.in_vain([SCTP], name)
    assert patience.is_over(SCTP)
    assert not patience.is_over(DENIALS)


def test_what_was_seen_to_come_is_always_waited_for(patience, turns):
    patience.came([DENIALS], "handbook/slow.yaml")
    for name in NAMES:
        patience.in_vain([DENIALS], name)
    assert not patience.is_over(DENIALS)
    assert turns == []


def test_it_is_back_when_something_comes_after_all(patience, turns):
    for name in NAMES:
        patience.in_vain([DENIALS], name)
    for _ in range(2):
        patience.came([DENIALS], "handbook/late.yaml")
    assert not patience.is_over(DENIALS)
    assert turns[1:] == [Turn(DENIALS, tuple(NAMES), "handbook/late.yaml")]


def test_whichever_thread_ends_it_it_is_told_once(patience, turns):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: patience.in_vain([DENIALS], f"{number}"), range(200)))
    assert [turn.kind for turn in turns] == [DENIALS]
    assert len(turns[0].scenarios) == ENOUGH


def test_a_kind_says_by_what_and_over_what():
    (scenario,) = load_corpus(["semantics/pod-relabelled.yaml"])
    told = set()
    for index, step in enumerate(scenario.steps):
        matrix = expected_matrix(state_in_force(scenario, index), scenario, step)
        told |= {str(kind_of(cell, entry)) for cell, entry in matrix.items()}
    assert told >= {"denials of ingress over TCP", "connections of ingress over TCP"}
    assert str(SCTP) == "connections without policy over SCTP"
