"""Runs are repeated where that may show more, and only there."""

from __future__ import annotations

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome

from . import running
from .running import PASSES, End, Pair, ends

(SCENARIO,) = load_corpus(["handbook/web-deny-all.yaml"])
OPEN = End(Outcome.INCONCLUSIVE, "Its control failed.")
WAVERED = End(Outcome.INCONCLUSIVE, "Step 2: a -> b:80: It did not hold: 1 of 2 looks differ.")


@pytest.fixture
def runs(monkeypatch):
    """The patience of each run; the ends that they come to are taken from ``ends``."""
    patience, planned = [], []

    def run(_pair, way):
        patience.append(way.timeouts)
        return planned.pop(0)

    monkeypatch.setattr(running, "_run", run)
    return patience, planned


@pytest.mark.parametrize(
    ("decisive", "planned", "made"),
    [
        (True, [End(Outcome.PASS)], 1),
        (True, [OPEN, WAVERED, End(Outcome.FAIL)], 3),
        (True, [OPEN, OPEN, OPEN], 3),
        (False, [OPEN, End(Outcome.FAIL)], 2),
        (False, [OPEN, OPEN], 2),
        (False, [WAVERED], 1),
    ],
)
def test_an_open_end_is_sought_again_as_far_as_it_matters(runs, decisive, planned, made):
    patience, left = runs
    left += planned
    told = []
    pair = Pair(SCENARIO, "none", decisive)
    assert ends([pair], lambda *end: told.append(end)) == {pair.name: planned[-1]}
    assert told == [(pair, planned[-1])]
    assert patience == [way.timeouts for way in PASSES[:made]]


def test_a_run_ends_at_the_first_step_that_fails():
    (end,) = ends([Pair(SCENARIO, "none")]).values()
    assert end.outcome is Outcome.FAIL
    assert end.reason in {step.title for step in SCENARIO.steps}
