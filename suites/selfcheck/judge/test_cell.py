"""A cell's outcome: never a default, never a collapse, each deny with its control and witness."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.judge.cell import NOT_CARRIED, CellRound, Proof, judge
from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.probe.verdict import Verdict
from netpol_conformance.scenario.types import Expectation

from .observations import CONNECTED, seen


def rounds(*verdicts: Verdict) -> list[CellRound]:
    """A held look, and every further one a second look at it."""
    return [
        CellRound((seen(verdict),), confirms=index > 0) for index, verdict in enumerate(verdicts)
    ]


UNRESOLVED = rounds(Verdict.NAME_NOT_RESOLVED, Verdict.NAME_NOT_RESOLVED)
SOUND = Proof(controls=(CONNECTED,), witness=CONNECTED, names_resolve=True, carried=True)


@pytest.mark.parametrize(
    ("expected", "verdicts", "outcome", "blocked"),
    [
        (Expectation.CONNECTED, [Verdict.CONNECTED], Outcome.PASS, None),
        (Expectation.BLOCKED, [Verdict.TIMED_OUT], Outcome.PASS, "dropped"),
        (Expectation.BLOCKED, [Verdict.REFUSED], Outcome.PASS, "rejected"),
        (Expectation.BLOCKED, [Verdict.CONNECTED] * 2, Outcome.FAIL, None),
        (Expectation.CONNECTED, [Verdict.TIMED_OUT] * 2, Outcome.FAIL, "dropped"),
        (Expectation.CONNECTED, [Verdict.REFUSED] * 2, Outcome.FAIL, "rejected"),
        (Expectation.UNRESOLVED, [Verdict.NAME_NOT_RESOLVED], Outcome.PASS, None),
        (Expectation.UNRESOLVED, [Verdict.CONNECTED] * 2, Outcome.FAIL, None),
        (Expectation.UNRESOLVED, [Verdict.TIMED_OUT] * 2, Outcome.FAIL, "dropped"),
        (Expectation.UNSPECIFIED, [Verdict.TIMED_OUT], Outcome.UNSPECIFIED, "dropped"),
        (Expectation.UNSPECIFIED, [Verdict.CONNECTED], Outcome.UNSPECIFIED, None),
    ],
)
def test_believable_evidence_is_judged(expected, verdicts, outcome, blocked):
    judgement = judge(expected, rounds(*verdicts), SOUND)
    assert (judgement.outcome, judgement.blocked) == (outcome, blocked)
    assert judgement.reason


@pytest.mark.parametrize("verdict", [Verdict.TIMED_OUT, Verdict.REFUSED])
@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (Proof(witness=CONNECTED), "no control"),
        (Proof((seen(Verdict.TIMED_OUT),), CONNECTED), "control failed"),
        (Proof((CONNECTED, seen(Verdict.ERROR)), CONNECTED), "control failed"),
        (Proof((CONNECTED,)), "listening"),
        (Proof((CONNECTED,), seen(Verdict.REFUSED)), "inside its own pod"),
    ],
)
def test_a_denial_without_proof_is_inconclusive(verdict, proof, told):
    judgement = judge(Expectation.BLOCKED, rounds(verdict), proof)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert told in judgement.reason


@pytest.mark.parametrize("expected", [Expectation.CONNECTED, Expectation.BLOCKED])
@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.WRONG_SERVER])
def test_a_broken_probe_or_a_wrong_server_says_nothing(expected, verdict):
    assert judge(expected, rounds(verdict, verdict), SOUND).outcome is Outcome.INCONCLUSIVE


def test_a_failed_lookup_is_not_a_blocked_connection():
    judgement = judge(Expectation.BLOCKED, UNRESOLVED, SOUND)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "S43" in judgement.reason


@pytest.mark.parametrize("expected", list(Expectation))
def test_no_evidence_is_inconclusive(expected):
    assert judge(expected, [], SOUND).outcome is Outcome.INCONCLUSIVE
    assert judge(expected, [CellRound(())], SOUND).outcome is Outcome.INCONCLUSIVE


OPEN, SHUT = Expectation.CONNECTED, Expectation.BLOCKED
YES, SILENT, REFUSED = Verdict.CONNECTED, Verdict.TIMED_OUT, Verdict.REFUSED
NO_NAMES, DOWN = replace(SOUND, names_resolve=False), replace(SOUND, witness=seen(REFUSED))
RETRANSMITTED = (seen(SILENT), CONNECTED)
LEAKY = [CellRound(RETRANSMITTED), CellRound(RETRANSMITTED, confirms=True)]


@pytest.mark.parametrize(
    ("expected", "looks", "proof", "outcome"),
    [
        # A failed look-up counts against the plugin only where other names resolve.
        (OPEN, UNRESOLVED, SOUND, Outcome.FAIL),
        (OPEN, UNRESOLVED, NO_NAMES, Outcome.INCONCLUSIVE),
        # That a server is down is not the plugin's fault.
        (OPEN, rounds(REFUSED, REFUSED), DOWN, Outcome.INCONCLUSIVE),
        # One unexpected look is never a failure.
        (SHUT, rounds(YES), SOUND, Outcome.INCONCLUSIVE),
        (OPEN, rounds(SILENT), SOUND, Outcome.INCONCLUSIVE),
        # A busy machine's single time-out does not spoil what then held.
        (OPEN, [*rounds(SILENT, YES), *rounds(YES)], SOUND, Outcome.PASS),
        # A denial that leaks again and again fails, though the last look was closed.
        (SHUT, [*rounds(YES, SILENT) * 2, *rounds(SILENT)], SOUND, Outcome.FAIL),
        # Leaks from before the denial was ever seen are those of a plugin still at it.
        (SHUT, [*rounds(YES, YES), *rounds(SILENT)], SOUND, Outcome.PASS),
        # A first SYN dropped and its retransmission accepted is a leak.
        (SHUT, LEAKY, SOUND, Outcome.FAIL),
    ],
)
def test_what_looks_come_to_together(expected, looks, proof, outcome):
    assert judge(expected, looks, proof).outcome is outcome


LATE = replace(CONNECTED, resent=1)


def test_what_comes_only_once_its_syn_is_sent_again_fails_where_first_packets_count():
    twice = [
        CellRound((CONNECTED, LATE), prompt=True),
        CellRound((LATE,), confirms=True, prompt=True),
    ]
    judgement = judge(Expectation.CONNECTED, twice, SOUND)
    assert judgement.outcome is Outcome.FAIL
    assert "sent again" in judgement.reason
    slow_network = replace(SOUND, controls=(LATE,))
    assert judge(Expectation.CONNECTED, twice, slow_network).outcome is Outcome.INCONCLUSIVE
    assert judge(Expectation.CONNECTED, twice[:1], SOUND).outcome is Outcome.INCONCLUSIVE
    assert judge(Expectation.CONNECTED, [CellRound((LATE,))], SOUND).outcome is Outcome.PASS


def test_a_rejection_that_a_short_wget_reads_as_a_timeout_is_reported_as_a_rejection():
    both = CellRound((seen(Verdict.TIMED_OUT), seen(Verdict.REFUSED)))
    assert judge(Expectation.BLOCKED, [both], SOUND).blocked == "rejected"


ANY = st.sampled_from(list(Verdict))


@given(
    expected=st.sampled_from([Expectation.CONNECTED, Expectation.BLOCKED, Expectation.UNRESOLVED]),
    rounds=st.lists(st.lists(ANY, min_size=1, max_size=2), max_size=4),
    controls=st.lists(ANY, max_size=2),
    witness=st.none() | ANY,
)
def test_a_pass_always_rests_on_a_last_look_as_expected_and_a_fail_on_two_against_it(
    expected, rounds, controls, witness
):
    proof = Proof(tuple(map(seen, controls)), witness and seen(witness), names_resolve=True)
    taken = [
        CellRound(tuple(map(seen, verdicts)), confirms=index % 2 == 1)
        for index, verdicts in enumerate(rounds)
    ]
    outcome = judge(expected, taken, proof).outcome
    wrong = sum(not look.is_as(expected) for look in taken)
    if outcome is Outcome.PASS:
        assert taken[-1].is_as(expected)
        if expected is not Expectation.CONNECTED:
            assert set(controls) == {Verdict.CONNECTED}
        if expected is Expectation.BLOCKED:
            assert witness is Verdict.CONNECTED
    if outcome is Outcome.FAIL:
        assert wrong >= 2


def test_a_whole_is_as_bad_as_its_worst_part_and_nothing_is_inconclusive():
    assert combine([]) is Outcome.INCONCLUSIVE
    for parts in itertools.product(Outcome, repeat=2):
        whole = combine(parts)
        assert whole in parts
        assert (whole is Outcome.FAIL) == (Outcome.FAIL in parts)
        if Outcome.INCONCLUSIVE in parts:
            assert whole in (Outcome.FAIL, Outcome.INCONCLUSIVE)


NEVER = replace(SOUND, controls=(seen(Verdict.TIMED_OUT),), carried=False)


@pytest.mark.parametrize("verdict", [Verdict.TIMED_OUT, Verdict.REFUSED, Verdict.ERROR])
def test_what_the_network_does_not_carry_is_no_policys_fault(verdict):
    judgement = judge(Expectation.CONNECTED, rounds(verdict, verdict), NEVER)
    assert (judgement.outcome, judgement.not_carried) == (Outcome.INCONCLUSIVE, True)
    assert judgement.reason == NOT_CARRIED


@pytest.mark.parametrize("verdict", [Verdict.TIMED_OUT, Verdict.REFUSED])
def test_a_denial_of_what_the_network_does_not_carry_shows_nothing(verdict):
    judgement = judge(Expectation.BLOCKED, rounds(verdict), NEVER)
    assert (judgement.outcome, judgement.not_carried) == (Outcome.INCONCLUSIVE, True)


def test_a_connection_proves_itself_whatever_the_network_was_measured_to_carry():
    through = rounds(Verdict.CONNECTED, Verdict.CONNECTED)
    assert judge(Expectation.CONNECTED, through[:1], NEVER).outcome is Outcome.PASS
    assert judge(Expectation.BLOCKED, through, NEVER).outcome is Outcome.FAIL


def test_without_a_policy_silence_is_isolation_only_where_the_network_carries():
    closed = replace(NEVER, carried=True, isolated=True)
    denied = rounds(Verdict.TIMED_OUT)
    assert judge(Expectation.BLOCKED, denied, closed).outcome is Outcome.FAIL
    for doubt in ({"isolated": False}, {"carried": None}, {"carried": False}):
        judgement = judge(Expectation.BLOCKED, denied, replace(closed, **doubt))
        assert judgement.outcome is Outcome.INCONCLUSIVE


def test_silence_on_a_path_that_was_not_measured_says_nothing():
    unknown = replace(SOUND, carried=None)
    lost = rounds(Verdict.TIMED_OUT, Verdict.TIMED_OUT)
    assert judge(Expectation.CONNECTED, lost, unknown).outcome is Outcome.INCONCLUSIVE
    assert judge(Expectation.CONNECTED, lost, SOUND).outcome is Outcome.FAIL
