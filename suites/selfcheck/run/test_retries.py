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
from netpol_conformance.run.retries import Attempts, LastAttempts

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
    not_ready: bool = False
    from_the_start: bool = False
    fresh: bool | None = None

    def run(self, *, fresh: bool = False) -> None:
        self.fresh = fresh
        if fresh:
            self.reused = False
        late, self.not_ready = self.not_ready, False
        for event in self.events:
            ended = isinstance(event, ScenarioFinished)
            self.not_ready = late and (ended or self.from_the_start)
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

    Attempts(prepare, told.append, lambda: stopping).run()
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

    Attempts(
        lambda consume: Watched(PASSED, consume, False, False),
        told.append,
        lambda: False,
    ).run()
    assert heard == [1, 2, 3]


# -- a cluster that was not ready ------------------------------------------------------------------

NOT_READY = [
    BEGUN,
    ScenarioFinished(
        path=BEGUN.path,
        outcome=Outcome.INCONCLUSIVE,
        reason="not ready, no progress for 30 s",
        duration=1.0,
        rerun="",
    ),
]
NOT_READY_LATER = [*NOT_READY[:1], *PASSED[1:2], *NOT_READY[1:]]


@dataclass
class Sequel:
    """Attempts whose events are known; those that end as NOT_READY does were not ready."""

    left: list[list[Event]]
    sharing: bool = True
    reused: bool = False
    stopping: bool = False
    from_the_start: bool = False

    def __post_init__(self) -> None:
        self.told: list[Event] = []
        self.made: list[Played] = []
        self.attempts = Attempts(
            self._prepare, self.told.append, lambda: self.stopping, sharing=self.sharing
        )

    def _prepare(self, consume: Callable[[Event], object]) -> Played:
        events = self.left.pop(0)
        late = events[-1] == NOT_READY[-1]
        start = self.from_the_start
        self.made.append(Played(events, consume, self.reused, False, late, start))
        return self.made[-1]


@pytest.mark.parametrize(
    ("first", "sharing"), [(NOT_READY, True), (NOT_READY, False), (NOT_READY_LATER, True)]
)
def test_what_was_not_ready_is_told_of_once_it_was_tried_again(first, sharing):
    sequel = Sequel([first, PASSED], sharing)
    assert sequel.attempts.run()
    assert sequel.told == [BEGUN]
    assert sequel.attempts.run_last()
    assert sequel.told[:-1] == PASSED[:-1]
    end = sequel.told[-1]
    assert isinstance(end, ScenarioFinished)
    assert end.outcome is Outcome.PASS
    assert "not ready, no progress for 30 s" in end.reason
    assert [played.fresh for played in sequel.made] == [False, True]


def test_what_is_not_ready_twice_is_not_tried_a_third_time():
    sequel = Sequel([NOT_READY, NOT_READY_LATER])
    assert sequel.attempts.run()
    assert not sequel.attempts.run_last()
    assert sequel.told == NOT_READY_LATER


def test_what_fails_when_it_is_tried_again_has_failed():
    sequel = Sequel([NOT_READY, FAILED])
    assert sequel.attempts.run()
    sequel.attempts.run_last()
    assert sequel.told == FAILED


def test_a_failure_seen_before_the_cluster_was_not_ready_is_not_tried_away():
    failed = [BEGUN, attempt(Outcome.FAIL, Outcome.FAIL)[1], NOT_READY[1]]
    sequel = Sequel([failed, PASSED])
    assert not sequel.attempts.run()
    assert sequel.told == failed


def test_what_was_told_already_is_not_told_again():
    """Where scenarios share nothing, steps are told as they come."""
    sequel = Sequel([NOT_READY_LATER, PASSED], sharing=False)
    assert not sequel.attempts.run()
    assert sequel.told == NOT_READY_LATER


def test_a_run_that_is_stopping_tries_nothing_at_its_end():
    sequel = Sequel([NOT_READY, PASSED], stopping=True)
    assert not sequel.attempts.run()
    assert sequel.told == NOT_READY


def test_a_scenario_that_got_no_cluster_begins_with_the_attempt_that_did():
    later = [BEGUN.model_copy(update={"started": 2.0}), *PASSED[1:]]
    sequel = Sequel([NOT_READY, later], from_the_start=True)
    assert sequel.attempts.run()
    assert sequel.told == []
    sequel.attempts.run_last()
    assert sequel.told[:-1] == later[:-1]


def test_what_failed_in_reused_namespaces_and_was_not_ready_in_fresh_ones_is_tried_again():
    sequel = Sequel([FAILED, NOT_READY, PASSED], reused=True)
    assert sequel.attempts.run()
    assert sequel.told == [BEGUN]
    sequel.attempts.run_last()
    end = sequel.told[-1]
    assert isinstance(end, ScenarioFinished)
    assert end.outcome is Outcome.PASS
    assert "came to FAIL" in end.reason
    assert "not ready, no progress" in end.reason


def test_once_five_in_a_row_were_not_ready_nothing_more_is_tried():
    last = LastAttempts()
    outcomes = []
    ready = [False] * 4 + [True] + [False] * 7
    for is_ready in ready:
        sequel = Sequel([NOT_READY, PASSED if is_ready else NOT_READY])
        sequel.attempts.run()
        last.run(sequel.attempts)
        outcomes.append(len(sequel.made))
        assert isinstance(sequel.told[-1], ScenarioFinished)
    assert outcomes == [2] * 10 + [1] * 2
