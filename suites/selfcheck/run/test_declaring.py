"""A scenario's events once a plugin's declaration has been at them."""

from __future__ import annotations

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.plugins.types import Declared
from netpol_conformance.probe.verdict import Probe, Verdict
from netpol_conformance.run.declaring import Declaring
from netpol_conformance.run.events import Event, ScenarioFinished
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts

from ..judge.declarations import LACKING, LINK, known
from .fakes import FakeCluster
from .playing import steps

(SCENARIO,) = load_corpus(["handbook/api-allow.yaml"])


def run(declared: Declared, *, strict: bool = False, **options) -> tuple[list[Event], object]:
    events: list[Event] = []
    cluster = FakeCluster(SCENARIO, **options)
    consumer = Declaring(declared, events.append, strict=strict)
    ScenarioRun(SCENARIO, cluster, Timeouts(enforce=0.05), consumer).run()
    (end,) = [event for event in events if isinstance(event, ScenarioFinished)]
    return events, end


def outcomes(events: list[Event]) -> set[Outcome]:
    return {cell.outcome for step in steps(events) for cell in step.cells}


def failing(events: list[Event]) -> list[tuple[int, str]]:
    return [
        (step.index, f"{cell.source} -> {cell.destination}")
        for step in steps(events)
        for cell in step.cells
        if cell.outcome is Outcome.FAIL
    ]


ALL_FAILING = failing(run(Declared(""), enforces=False)[0])


def test_without_declarations_nothing_changes():
    _, end = run(Declared(""), enforces=False)
    assert end.outcome is Outcome.FAIL
    assert end.declared == ()
    assert len(ALL_FAILING) > 1, "the tests below need more than one failing cell"


def test_a_declared_failure_is_expected_cell_by_cell():
    events, end = run(known(), enforces=False)
    assert end.outcome is Outcome.XFAIL
    assert end.reason == f"Declared: a bug ({LINK})"
    assert [item.holds for item in end.declared] == [True]
    assert Outcome.XFAIL in outcomes(events)
    assert Outcome.FAIL not in outcomes(events)


def test_a_failure_outside_the_declared_cells_stays_one():
    step, cell = ALL_FAILING[0]
    events, end = run(known(steps=(step,), cells=(cell,)), enforces=False)
    assert end.outcome is Outcome.FAIL
    assert failing(events) == ALL_FAILING[1:]
    assert end.reason.startswith(f"Step {ALL_FAILING[1][0]}: {ALL_FAILING[1][1]}")


def test_exactly_the_declared_cells_may_fail():
    numbers = tuple(dict.fromkeys(step for step, _ in ALL_FAILING))
    cells = tuple(dict.fromkeys(cell for _, cell in ALL_FAILING))
    assert run(known(cells=cells), enforces=False)[1].outcome is Outcome.XFAIL
    assert run(known(steps=numbers), enforces=False)[1].outcome is Outcome.XFAIL


def test_a_declared_failure_that_passes_is_a_failure():
    events, end = run(known())
    assert end.outcome is Outcome.FAIL
    assert "Declared as failing, but it passes: remove it from plugins/p.yaml:7" in end.reason
    assert [item.holds for item in end.declared] == [False]
    assert outcomes(events) == {Outcome.PASS}


def test_a_declared_cell_that_passes_is_a_failure_though_others_fail_as_declared():
    declared = known(cells=(*dict.fromkeys(cell for _, cell in ALL_FAILING), "x -> y:80"))
    _, end = run(declared, enforces=False)
    assert end.outcome is Outcome.FAIL
    assert "passes (x -> y:80)" in end.reason


def test_what_needs_an_unsupported_feature_may_fail():
    events, end = run(LACKING, enforces=False)
    assert end.outcome is Outcome.UNSUPPORTED
    assert end.reason == f"sctp is declared as unsupported: no kernel ({LINK})"
    assert [(item.feature, item.holds) for item in end.declared] == [("sctp", True)]
    assert Outcome.UNSUPPORTED in outcomes(events)
    assert Outcome.FAIL not in outcomes(events)
    failed = {step for step, _ in ALL_FAILING}
    assert {step.outcome for step in steps(events) if step.index in failed} == {Outcome.UNSUPPORTED}


def test_what_needs_an_unsupported_feature_and_passes_is_told():
    _, end = run(LACKING)
    assert end.outcome is Outcome.PASS
    assert [(item.feature, item.holds) for item in end.declared] == [("sctp", False)]


def test_strict_features_fail_what_passes_all_the_same():
    _, end = run(LACKING, strict=True)
    assert end.outcome is Outcome.FAIL
    assert "sctp is declared as unsupported, but this passes: see plugins/p.yaml:3" in end.reason
    assert run(LACKING, strict=True, enforces=False)[1].outcome is Outcome.UNSUPPORTED


def wrong_server(_: Probe, verdict: Verdict) -> Verdict:
    return Verdict.WRONG_SERVER if verdict is Verdict.CONNECTED else verdict


@pytest.mark.parametrize("declared", [known(), LACKING])
@pytest.mark.parametrize("options", [{"fault": wrong_server}, {"starts": False}])
def test_what_is_inconclusive_stays_so(declared, options):
    _, end = run(declared, **options)
    assert end.outcome is Outcome.INCONCLUSIVE
    assert [item.holds for item in end.declared] == [None]
