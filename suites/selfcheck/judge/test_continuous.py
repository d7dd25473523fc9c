"""A cell that had to be so at every moment: what its series must show, and what it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.judge.cell import Proof
from netpol_conformance.judge.continuous import ChangeWindow, Finding, judge_series
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Sample, Series, Verdict
from netpol_conformance.scenario.types import Expectation

from .observations import PROBE, SERVER, seen

SOUND = Proof(controls=(seen(Verdict.CONNECTED),))
BLOCKED, CONNECTED = Expectation.BLOCKED, Expectation.CONNECTED
YES, NO, RESET = Verdict.CONNECTED, Verdict.TIMED_OUT, Verdict.REFUSED
CHANGE = ChangeWindow(1000.5, 1000.6)


def series(
    *parts: tuple[float, Verdict | None], every: float = 0.005, start: float = 1000.0
) -> Series:
    """Probes from ``start`` on: for so many seconds each saw this, or none was sent (None)."""
    samples: list[Sample] = []
    begin = start
    for seconds, verdict in parts:
        for number in range(round(seconds / every) if verdict else 0):
            identity = SERVER if verdict is YES else None
            samples.append(Sample(begin + number * every, verdict, 0.001, identity, "remark"))
        begin += seconds
    return Series(PROBE, tuple(samples), ((start, begin),))


WITNESS = series((2, YES), every=0.05)


def judged(
    expected: Expectation, asked: Series, proof: Proof = SOUND, witness: Series = WITNESS
) -> Finding:
    return judge_series(expected, asked, [witness], proof, CHANGE)


def test_silence_at_every_moment_passes_a_denial_that_has_its_control():
    finding = judged(BLOCKED, series((2, NO)))
    assert finding.outcome is Outcome.PASS
    assert finding.figures.probes == 400
    assert finding.figures.rate == pytest.approx(200)
    assert finding.figures.resolution == pytest.approx(0.005, abs=1e-6)
    assert judged(BLOCKED, series((2, NO)), Proof()).outcome is Outcome.INCONCLUSIVE


def test_one_connection_to_the_right_server_is_an_opening_however_few_probes_there_were():
    finding = judged(BLOCKED, series((0.7, NO), (0.03, YES), (1.27, NO)))
    assert finding.outcome is Outcome.FAIL
    assert finding.gap == pytest.approx(0.03, abs=0.001)
    assert len(finding.unexpected) == 6
    assert finding.unexpected[0].at == pytest.approx(1000.7)
    assert "200 ms after the change began" in finding.reason
    assert judged(BLOCKED, series((1, NO), (0.1, YES), every=0.1)).outcome is Outcome.FAIL


def test_the_longest_of_several_openings_is_told():
    finding = judged(BLOCKED, series((0.5, NO), (0.02, YES), (0.5, NO), (0.1, YES), (0.5, NO)))
    assert finding.gap == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize("expected", [BLOCKED, CONNECTED])
def test_too_few_probes_or_none_at_the_critical_moment_show_nothing(expected):
    usual = NO if expected is BLOCKED else YES
    assert judged(expected, series((2, usual), every=0.011)).outcome is Outcome.INCONCLUSIVE
    assert judged(expected, series((2, usual), every=0.009)).outcome is Outcome.PASS
    during = series((0.52, usual), (0.15, None), (1.33, usual))
    assert judged(expected, during).outcome is Outcome.INCONCLUSIVE
    assert "critical moment" in judged(expected, during).reason
    later = series((1, usual), (0.15, None), (0.85, usual))
    assert judged(expected, later).outcome is Outcome.PASS
    much_later = series((1, usual), (0.6, None), (0.4, usual))
    assert judged(expected, much_later).outcome is Outcome.INCONCLUSIVE


def test_probing_that_began_late_or_ended_early_shows_nothing():
    late = series((0.15, None), (1.8, NO), start=1000.5)
    assert judged(BLOCKED, late).outcome is Outcome.INCONCLUSIVE
    early = series((0.6, NO), (1.0, None))
    assert judged(BLOCKED, early).outcome is Outcome.INCONCLUSIVE
    dead = replace(series((2, NO)), fault="ValueError: broken")
    assert judged(BLOCKED, dead).outcome is Outcome.INCONCLUSIVE
    assert "ValueError" in judged(BLOCKED, dead).reason
    assert judged(BLOCKED, Series(PROBE, (), ())).outcome is Outcome.INCONCLUSIVE


def test_the_first_moments_of_a_pod_are_critical_whenever_it_comes():
    late = series((0.1, NO), (0.15, None), (1.75, NO), start=1003.0)
    assert judged(BLOCKED, late).outcome is Outcome.INCONCLUSIVE
    later = series((0.5, NO), (0.15, None), (1.35, NO), start=1003.0)
    assert judged(BLOCKED, later).outcome is Outcome.PASS


def test_time_in_which_the_source_was_not_there_is_not_missed():
    before, after = series((0.52, NO)), series((1, NO), start=1000.9)
    gone = Series(PROBE, before.samples + after.samples, before.presence + after.presence)
    assert judged(BLOCKED, gone).outcome is Outcome.PASS


@pytest.mark.parametrize("expected", [BLOCKED, CONNECTED])
@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.WRONG_SERVER])
def test_an_error_is_no_answer_and_a_stranger_proves_nothing(expected, verdict):
    usual = NO if expected is BLOCKED else YES
    assert judged(expected, series((2, verdict))).outcome is Outcome.INCONCLUSIVE
    some = series((0.5, usual), (0.15, verdict), (1.35, usual))
    assert judged(expected, some).outcome is Outcome.INCONCLUSIVE


def test_a_server_that_was_down_meanwhile_shows_nothing():
    down = series((0.6, YES), (0.7, NO), (0.7, YES), every=0.05)
    for expected, usual in ((BLOCKED, NO), (CONNECTED, YES)):
        finding = judged(expected, series((2, usual)), witness=down)
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert "inside its own pod" in finding.reason
    cut = series((0.5, YES), (1.4, NO), (0.1, YES))
    assert judged(CONNECTED, cut, witness=down).outcome is Outcome.INCONCLUSIVE
    never = series((2, NO), every=0.05)
    assert judged(BLOCKED, series((2, NO)), witness=never).outcome is Outcome.INCONCLUSIVE
    # A connection proves that the server was there.
    opened = series((0.6, NO), (0.03, YES), (1.37, NO))
    assert judged(BLOCKED, opened, witness=never).outcome is Outcome.FAIL


def test_lost_packets_are_no_cut():
    lost = series((0.5, YES), (0.01, NO), (0.5, YES), (0.005, NO), (0.985, YES))
    finding = judged(CONNECTED, lost)
    assert finding.outcome is Outcome.PASS
    assert len(finding.unexpected) == 3


def test_what_never_connected_was_not_connected_at_every_moment():
    for lost in (NO, RESET):
        assert judged(CONNECTED, series((0.005, lost))).outcome is Outcome.INCONCLUSIVE


def test_a_cut_outlasts_a_packet_that_is_sent_again():
    short = series((0.6, YES), (0.9, NO), (0.5, YES))
    assert judged(CONNECTED, short).outcome is Outcome.INCONCLUSIVE
    long = series((0.5, YES), (1.3, NO), (0.2, YES))
    finding = judged(CONNECTED, long)
    assert finding.outcome is Outcome.FAIL
    assert finding.gap == pytest.approx(1.3, abs=0.01)


def test_refusals_in_a_row_are_a_cut_for_no_machine_refuses_because_it_is_busy():
    assert judged(CONNECTED, series((0.6, YES), (0.01, RESET), (1.4, YES))).outcome is Outcome.PASS
    assert judged(CONNECTED, series((0.6, YES), (0.02, RESET), (1.4, YES))).outcome is Outcome.FAIL


VERDICTS = st.lists(
    st.tuples(st.sampled_from([0.005, 0.05, 0.2, 0.6, 1.5]), st.sampled_from([*Verdict, None])),
    min_size=1,
    max_size=6,
)


@given(parts=VERDICTS, server=VERDICTS, controlled=st.booleans())
def test_nothing_passes_or_fails_without_its_evidence(
    parts: Sequence[tuple[float, Verdict | None]],
    server: Sequence[tuple[float, Verdict | None]],
    *,
    controlled: bool,
):
    asked, witness = series(*parts), series(*server, every=0.05)
    proof = SOUND if controlled else Proof()
    verdicts = {sample.verdict for sample in asked.samples}
    closed = judged(BLOCKED, asked, proof, witness).outcome
    assert (closed is Outcome.FAIL) == (YES in verdicts)
    if closed is Outcome.PASS:
        assert controlled
        assert verdicts <= {NO, RESET, Verdict.ERROR, Verdict.NAME_NOT_RESOLVED}
    opened = judged(CONNECTED, asked, proof, witness).outcome
    if opened is Outcome.FAIL:
        assert {NO, RESET} & verdicts
    if opened is Outcome.PASS:
        assert YES in verdicts
    if not witness.samples:
        assert opened is Outcome.INCONCLUSIVE
