"""Slow is shown as slow, in every report; what was not waited for is told."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare.comparing import compare
from netpol_conformance.report.compare.words import about
from netpol_conformance.report.document.report import Report, TimeToEnforce
from netpol_conformance.report.formats import json_report, markdown
from netpol_conformance.report.html import render
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.report.terminal.reporter import Terminal
from netpol_conformance.run.events import (
    Event,
    LateResult,
    RunFinished,
    ScenarioFinished,
    StepFinished,
    WaitsShortened,
)

from .conftest import collect, run_events

OPEN = "handbook/all-pairs.yaml"
SHORTENED = WaitsShortened(
    what="denials of ingress over TCP", seconds=5, scenarios=("handbook/a.yaml", "handbook/b.yaml")
)
LATE = LateResult(
    within=5, seconds=7.3, outcome=Outcome.FAIL, reason="In force after 7.3 s; --enforce-within 5."
)


def with_steps(events: list[Event], **changes: object) -> Iterator[Event]:
    for event in events:
        if not isinstance(event, StepFinished):
            yield event
            continue
        step = event.step.model_copy(update=changes)
        yield event.model_copy(update={"step": step})


@pytest.fixture
def slow_events() -> list[Event]:
    return list(with_steps(list(run_events([OPEN])), seconds_to_enforce=7.3))


def shown(events: list[Event]) -> str:
    console = Console(file=io.StringIO(), width=200)
    with Terminal(console) as terminal:
        for event in events:
            terminal(event)
    return console.file.getvalue()


def test_a_slow_change_passes_and_every_report_shows_it(slow_events: list[Event]) -> None:
    report = collect(slow_events)
    assert report.scenarios[0].outcome is Outcome.PASS
    assert report.time_to_enforce == TimeToEnforce(changes=1, median=7.3, p90=7.3, max=7.3, slow=1)
    assert '"slow": 1' in json_report.dumps(report)
    said = "Slow, not failed: 1 change took longer than 5 s."
    for text in (shown(slow_events), markdown.dumps(report).replace("\\", "")):
        assert said in text
        assert f"{OPEN}, step 1: 7.30 s" in text
    assert "enforced in 7.30 s (slow)" in shown(slow_events)
    assert "Slow, not failed (1 over 5 s)" in render(report)


def test_what_was_quick_is_called_slow_nowhere() -> None:
    events = list(run_events([OPEN]))
    report = collect(events)
    texts = shown(events), markdown.dumps(report), render(report)
    assert not any("Slow, not failed" in text or "(slow)" in text for text in texts)


def test_reports_are_compared_by_how_long_their_changes_took(report: Report) -> None:
    step = next(event.step for event in run_events([OPEN]) if isinstance(event, StepFinished))
    timed = tuple(
        step.model_copy(update={"index": index, "seconds_to_enforce": took})
        for index, took in enumerate([0.1] * 8 + [2.0, 9.0], start=1)
    )
    scenario = report.scenarios[0].model_copy(update={"steps": timed})
    slower = report.model_copy(update={"scenarios": (scenario, *report.scenarios[1:])})
    found = compare({"a": report, "b": slower}).reports
    assert found[0].max_seconds_to_enforce == 0.031
    assert found[1].max_seconds_to_enforce == 9.0
    assert about(found[1]).endswith("enforced in 100 ms (median), 2.00 s (p90), 9.00 s (max)")


SAID = (
    "After 2 scenarios that waited in vain, and none that saw any, denials of ingress over TCP are "
    "waited for 5 s only."
)
ENDED = (
    "After 2 scenarios that waited in vain, denials of ingress over TCP were waited for 5 s only, "
    "until handbook/c.yaml saw them come after all: run again what failed meanwhile and says so."
)


@pytest.mark.parametrize(
    ("event", "said"),
    [(SHORTENED, SAID), (SHORTENED.model_copy(update={"ended_by": "handbook/c.yaml"}), ENDED)],
)
def test_what_is_waited_for_briefly_is_told_once(event: WaitsShortened, said: str) -> None:
    first, *others = run_events([OPEN])
    events = [first, SHORTENED, *([event] if event.ended_by else []), *others]
    report = collect(events)
    assert report.shortened_waits == (event,)
    assert json_report.loads(json_report.dumps(report)) == report
    assert shown(events).count(said) == 1
    assert markdown.dumps(report).replace("\\", "").count(said) == 1
    assert render(report).count(said) == 1


def test_what_is_late_is_told_where_somebody_demands_a_time() -> None:
    failed = {"outcome": Outcome.FAIL, "reason": LATE.reason}
    events = [
        event.model_copy(update=failed)
        if isinstance(event, ScenarioFinished | RunFinished)
        else event
        for event in with_steps(list(run_events([OPEN])), late=LATE, outcome=Outcome.FAIL)
    ]
    report = collect(events)
    assert LATE.reason in shown(events)
    assert LATE.reason in failure_text(report.scenarios[0].steps)
    assert LATE.reason in markdown.dumps(report)
    assert LATE.reason in render(report)
    other = collect(run_events([OPEN]))
    (place,) = compare({"a": other, "b": report}).differing
    assert place.outcomes == (Outcome.PASS, Outcome.FAIL)
