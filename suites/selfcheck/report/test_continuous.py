"""What lasted through a change, in words."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.plain.continuous import remarks, wrong_remarks
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.run.events import StepResult

from .conftest import KEPT, LEAK

QUIET = LEAK.model_copy(update={"outcome": Outcome.PASS, "reason": "Blocked at every moment."})


def continuous(step: StepResult, **changes: object) -> StepResult:
    return step.model_copy(update=changes)


def test_all_that_lasted_is_told_with_its_outcome(open_step):
    step = continuous(
        open_step,
        enforcer="restarted",
        reused={"Pod default/new": "Pod default/old"},
        meanwhile=(LEAK, QUIET),
        held=(KEPT,),
    )
    told = list(remarks(step, width=200))
    assert [remark.outcome for remark in told] == [
        None,
        None,
        Outcome.FAIL,
        Outcome.PASS,
        Outcome.UNSPECIFIED,
    ]
    assert "stopped before the change" in told[0].text
    assert told[1].text == "Pod default/new got the address of Pod default/old."
    assert told[2].text == f"meanwhile  busybox -> web:80: {LEAK.reason}"
    assert told[4].text == f"held       labelled -> web:80: {KEPT.reason}"


def test_a_plain_step_has_nothing_to_add(open_step):
    assert list(remarks(open_step, width=80)) == []
    assert wrong_remarks(open_step, width=80) == ""


def test_a_failure_says_what_was_open_for_how_long_and_why_it_must_not_be(open_step):
    step = continuous(open_step, meanwhile=(QUIET, LEAK), held=(KEPT,), outcome=Outcome.FAIL)
    text = failure_text([step])
    assert text.count("meanwhile") == 1
    assert "connected for 80 ms" in text
    assert "expected blocked (S2)" in text
    assert "silent" not in text


def test_hostile_names_are_spelled_out(open_step):
    hostile = LEAK.model_copy(update={"source": "a\x1b[2Jb", "reason": "x\ny"})
    (remark,) = remarks(continuous(open_step, meanwhile=(hostile,)), width=80)
    assert "\x1b" not in remark.text
    assert "\n" not in remark.text
