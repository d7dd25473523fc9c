"""What lasted through a change, in words."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.plain.continuous import remarks, wrong_remarks
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.run.events import HeldResult, MeanwhileResult, StepResult

OPENED = MeanwhileResult(
    source="client",
    destination="db:5432",
    protocol="TCP",
    expected="blocked",
    explanation="default/db is isolated for ingress.",
    rules=("S2",),
    outcome=Outcome.FAIL,
    reason="It was open for 35 ms: 7 of 378 probes connected to default/db.",
    probes=378,
    seconds=1.9,
    rate=199.0,
    resolution=0.012,
    unexpected=7,
    first_unexpected=0.002,
    gap=0.035,
)
QUIET = OPENED.model_copy(update={"outcome": Outcome.PASS, "reason": "Blocked at every moment."})
KEPT = HeldResult(
    source="client",
    destination="web:80",
    protocol="TCP",
    fate="survives",
    outcome=Outcome.UNSPECIFIED,
    reason="The specification is silent; recorded: the connection survives.",
)


def continuous(step: StepResult, **changes: object) -> StepResult:
    return step.model_copy(update=changes)


def test_all_that_lasted_is_told_with_its_outcome(open_step):
    step = continuous(
        open_step,
        enforcer="restarted",
        reused={"Pod default/new": "Pod default/old"},
        meanwhile=(OPENED, QUIET),
        held=(KEPT,),
    )
    told = remarks(step, width=200)
    assert [remark.outcome for remark in told] == [
        None,
        None,
        Outcome.FAIL,
        Outcome.PASS,
        Outcome.UNSPECIFIED,
    ]
    assert "stopped before the change" in told[0].text
    assert told[1].text == "Pod default/new got the address of Pod default/old."
    assert told[2].text == f"meanwhile  client -> db:5432: {OPENED.reason}"
    assert told[4].text == f"held       client -> web:80: {KEPT.reason}"


def test_a_plain_step_has_nothing_to_add(open_step):
    assert remarks(open_step, width=80) == []
    assert wrong_remarks(open_step, width=80) == ""


def test_a_failure_says_what_was_open_for_how_long_and_why_it_must_not_be(open_step):
    step = continuous(open_step, meanwhile=(QUIET, OPENED), held=(KEPT,), outcome=Outcome.FAIL)
    text = failure_text([step])
    assert text.count("meanwhile") == 1
    assert "open for 35 ms" in text
    assert "expected blocked (S2)" in text
    assert "recorded" not in text


def test_hostile_names_are_spelled_out(open_step):
    hostile = OPENED.model_copy(update={"source": "a\x1b[2Jb", "reason": "x\ny"})
    (remark,) = remarks(continuous(open_step, meanwhile=(hostile,)), width=80)
    assert "\x1b" not in remark.text
    assert "\n" not in remark.text
