"""A second attempt: only for what could not be told meanwhile, and never a third."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.again import with_second_attempt
from netpol_conformance.run.events import (
    Event,
    MeanwhileResult,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)

BEGUN = ScenarioStarted(
    path="lifecycle/x.yaml",
    title="x",
    pack="lifecycle",
    rules=("S2",),
    covers=(),
    features=(),
    documented="here",
    link="",
    about="",
    steps=1,
    started=1.0,
)


def attempt(watched: Outcome, ended: Outcome, number: int = 1) -> list[Event]:
    """The events of one attempt; its step has this number."""
    cell = MeanwhileResult(
        source="client",
        destination="db:80",
        protocol="TCP",
        expected="blocked",
        explanation="",
        rules=(),
        outcome=watched,
        reason="",
        probes=1,
        seconds=1.0,
        rate=1.0,
        resolution=None,
    )
    step = StepResult(
        index=number,
        title="A step",
        applied="",
        meanwhile=(cell,),
        outcome=watched,
        started=1.0,
        duration=1.0,
    )
    end = ScenarioFinished(path=BEGUN.path, outcome=ended, duration=1.0, rerun="")
    return [BEGUN, StepFinished(path=BEGUN.path, step=step), end]


def run(*attempts: list[Event], stopping: bool = False) -> tuple[list[Event], int]:
    left, told = list(attempts), []

    def make(consume: Callable[[Event], object]) -> None:
        for event in left.pop(0):
            consume(event)

    with_second_attempt(make, told.append, lambda: stopping)
    return told, len(attempts) - len(left)


PASSED = attempt(Outcome.PASS, Outcome.PASS, 2)
THIN = attempt(Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)


def test_what_could_not_be_told_is_tried_again_and_the_second_attempt_counts():
    told, made = run(THIN, PASSED)
    assert made == 2
    assert told == PASSED


def test_there_is_no_third_attempt():
    told, made = run(THIN, THIN, PASSED)
    assert made == 2
    assert told == THIN


@pytest.mark.parametrize(
    ("watched", "ended"),
    [
        (Outcome.PASS, Outcome.PASS),
        (Outcome.FAIL, Outcome.FAIL),
        (Outcome.INCONCLUSIVE, Outcome.FAIL),
        (Outcome.PASS, Outcome.INCONCLUSIVE),
        (Outcome.PASS, Outcome.UNSUPPORTED),
    ],
)
def test_what_was_told_is_not_tried_again(watched, ended):
    events = attempt(watched, ended)
    assert run(events, PASSED) == (events, 1)


def test_a_run_that_is_stopping_tries_nothing_again():
    assert run(THIN, PASSED, stopping=True) == (THIN, 1)
