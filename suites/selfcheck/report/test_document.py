"""The collector: every order of events gives the report that the events say, and no better."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.summary import headline, sentence
from netpol_conformance.run.events import Event, RunFinished, StepFinished

from .conftest import SCENARIOS, collect


def test_scenarios_stand_in_the_order_announced_however_they_interleave(
    interleaved_events: list[Event], report: Report
) -> None:
    assert collect(interleaved_events) == report


def test_counts_are_of_all_scenarios_and_all_cells(report: Report) -> None:
    assert sum(report.counts.scenarios.values()) == len(report.scenarios)
    cells = [cell for item in report.scenarios for step in item.steps for cell in step.cells]
    assert sum(report.counts.cells.values()) == len(cells)
    assert report.counts.scenarios[Outcome.PASS] == 3
    assert set(report.counts.cells) == set(Outcome)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_run_cut_anywhere_is_partial_and_never_better_than_inconclusive(
    data: st.DataObject, interleaved_events: list[Event]
) -> None:
    end = data.draw(st.integers(1, len(interleaved_events) - 1))
    cut = collect(interleaved_events[:end])
    assert cut.partial
    assert cut.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
    assert cut.exit_code in (1, 3)
    assert [scenario.path for scenario in cut.scenarios] == list(SCENARIOS)
    assert all(
        scenario.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
        for scenario in cut.scenarios
        if scenario.state != "finished"
    )
    kept = sum(isinstance(event, StepFinished) for event in interleaved_events[:end])
    assert sum(len(scenario.steps) for scenario in cut.scenarios) == kept


def test_a_finished_run_that_says_it_is_partial_gets_no_good_verdict(events: list[Event]) -> None:
    end = RunFinished(
        outcome=Outcome.PASS,
        exit_code=0,
        partial=True,
        reason="Interrupted.",
        finished=1,
        duration=1,
    )
    report = collect([*events[:-1], end])
    assert report.partial
    assert headline(report) == "No verdict on reference"


def test_the_headline_says_whether_it_conforms(report: Report) -> None:
    def said(outcome: Outcome, *, whole: bool = True) -> str:
        return headline(report.model_copy(update={"outcome": outcome, "whole": whole}))

    assert said(Outcome.PASS, whole=False) == "reference conforms in what was asked"
    assert said(Outcome.FAIL, whole=False) == "reference does not conform"
    assert said(Outcome.FAIL) == "reference does not conform"
    assert said(Outcome.PASS) == "reference conforms"
    assert said(Outcome.XFAIL) == "reference conforms, except where declared"
    assert said(Outcome.INCONCLUSIVE) == "No verdict on reference"
    assert said(Outcome.UNSPECIFIED) == "No verdict on reference"
    assert sentence(report).startswith("3 of 9 scenarios passed, 2 failed, 1 inconclusive")


def test_there_is_no_report_before_a_run() -> None:
    with pytest.raises(ValueError, match="no event said that a run started"):
        Collector().report()
