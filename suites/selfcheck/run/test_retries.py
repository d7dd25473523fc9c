"""Retries: for what was inconclusive, or asked in reused namespaces; never a fourth attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    Event,
    MeanwhileResult,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)
from netpol_conformance.run.retries import with_retries

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


@dataclass
class Played:
    """An attempt whose events are known; how it was run is kept."""

    events: list[Event]
    consume: Callable[[Event], object]
    reused: bool
    probes_continuously: bool
    fresh: bool | None = None

    def run(self, *, fresh: bool = False) -> None:
        self.fresh = fresh
        if fresh:
            self.reused = False
        for event in self.events:
            self.consume(event)


def run(
    *attempts: list[Event],
    stopping: bool = False,
    reused: bool = False,
    probes_continuously: bool = True,
) -> tuple[list[Event], list[bool | None]]:
    """The events of the attempts, and which were made: whether each was fresh."""
    left, told, made = list(attempts), [], []

    def prepare(consume: Callable[[Event], object]) -> Played:
        events = left.pop(0)
        made.append(Played(events, consume, reused, probes_continuously))
        return made[-1]

    with_retries(prepare, told.append, lambda: stopping)
    return told, [played.fresh for played in made]


PASSED = attempt(Outcome.PASS, Outcome.PASS, 2)
THIN = attempt(Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)


def test_what_could_not_be_told_is_tried_again_and_the_second_attempt_counts():
    told, made = run(THIN, PASSED)
    assert made == [False, True]
    assert told == PASSED


def test_a_third_attempt_is_the_last():
    assert run(THIN, THIN, PASSED) == (PASSED, [False, True, True])
    assert run(THIN, THIN, THIN, PASSED) == (THIN, [False, True, True])


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
    assert run(events, PASSED) == (events, [False])


def test_a_run_that_is_stopping_tries_nothing_again():
    assert run(THIN, PASSED, stopping=True) == (THIN, [False])


FAILED = attempt(Outcome.PASS, Outcome.FAIL)
UNTOLD = attempt(Outcome.PASS, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("suspect", [FAILED, UNTOLD])
def test_what_failed_with_what_another_left_is_tried_with_all_of_it_fresh(suspect):
    told, made = run(suspect, PASSED, reused=True, probes_continuously=False)
    assert made == [False, True]
    assert told[:-1] == PASSED[:-1]


def test_that_it_failed_with_what_another_left_is_told_though_it_passed():
    told, _ = run(FAILED, PASSED, reused=True, probes_continuously=False)
    end = told[-1]
    assert isinstance(end, ScenarioFinished)
    assert end.outcome is Outcome.PASS
    assert "came to FAIL" in end.reason


@pytest.mark.parametrize("fresh", [FAILED, UNTOLD])
def test_what_does_not_pass_fresh_either_is_not_tried_again(fresh):
    told, made = run(UNTOLD, fresh, PASSED, reused=True, probes_continuously=False)
    assert (told, made) == (fresh, [False, True])


@pytest.mark.parametrize("ended", [Outcome.PASS, Outcome.UNSUPPORTED])
def test_what_another_left_is_no_reason_to_doubt_a_pass(ended):
    events = attempt(Outcome.PASS, ended)
    assert run(events, FAILED, reused=True) == (events, [False])


def test_what_failed_with_nothing_of_others_is_not_tried_again():
    assert run(FAILED, PASSED, probes_continuously=False) == (FAILED, [False])


def test_events_that_count_for_sure_are_told_at_once():
    heard: list[int] = []
    told: list[Event] = []

    class Watched(Played):
        def run(self, *, fresh: bool = False) -> None:
            for event in self.events:
                self.consume(event)
                heard.append(len(told))

    with_retries(
        lambda consume: Watched(PASSED, consume, False, False),
        told.append,
        lambda: False,
    )
    assert heard == [1, 2, 3]
