"""What lasted from before a change until after it: a series of probes, or a held connection ->
outcome, and why.

The rules are those of docs/verdicts.md. An opening is proven by one connection to the right
server: a busy machine can lose packets, but cannot connect. A cut takes more: a packet may get
lost, and who sends it again does not notice. Whether a held connection survived is recorded, never
failed (S8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from netpol_conformance.judge.cell import NOT_CARRIED, NOT_MEASURED, Proof
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Observation, Sample, Series, Verdict
from netpol_conformance.scenario.types import Expectation

LEAST_RATE = 100.0
"""Probes a second, on average, that a cell needs before nothing seen means anything."""
LONGEST_PAUSE = 0.1
"""Seconds between two probes, at the critical moment, beyond which something may have happened
unseen. Critical is the time from the beginning of the change until shortly after its end, and
shortly after a pod has come."""
LONGEST_IDLE = 0.5
"""The same for the rest of the time, when nothing is being changed."""
_AFTERMATH = 0.25
"""Seconds after the end of the change that are critical still."""
MOST_LOST = 2
"""Probes in a row that may be lost packets."""
CUT_SECONDS = 1.2
"""Seconds for which every probe must fail before it is a cut: a client sends its SYN again after
1 s, so that anything shorter is a delay to it."""
_WITNESS_PAUSE = 0.5
"""Seconds between two answers of a server to its own pod beyond which it may have been down."""

_BLOCKED = (Verdict.TIMED_OUT, Verdict.REFUSED)
_KNOWN = (Verdict.CONNECTED, *_BLOCKED)
_CUT = {Verdict.TIMED_OUT: "nothing came back", Verdict.REFUSED: "it was reset"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; as ``run.events.MeanwhileResult`` has it, times in seconds.

    ``critical`` is the longest pause that reaches into the critical moment.
    """

    probes: int
    seconds: float
    rate: float
    resolution: float | None
    critical: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """From when to when the change was made, in seconds since the epoch."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A series judged. ``unexpected`` are the samples that were not as expected, ``gap`` the
    longest time for which they were; ``not_carried`` as of a Judgement.
    """

    outcome: Outcome
    reason: str
    figures: Figures
    unexpected: tuple[Sample, ...] = ()
    gap: float | None = None
    not_carried: bool = False


def judge_series(
    expected: Expectation,
    series: Series,
    witnesses: Sequence[Series],
    proof: Proof,
    change: ChangeWindow,
) -> Finding:
    """Judge one cell that had to be ``expected`` from before ``change`` until all had settled.

    ``witnesses`` are the servers, asked all the while from inside their own pods; ``proof`` has
    the cell's controls.
    """
    known = [seen for seen in series.samples if seen.verdict in _KNOWN]
    figures = _figures(known, series.presence, change)
    judge = _judge_blocked if expected is Expectation.BLOCKED else _judge_connected
    finding = judge(known, figures, change.began)
    if finding.outcome is Outcome.FAIL and expected is Expectation.BLOCKED:
        return finding
    connects = any(seen.verdict is Verdict.CONNECTED for seen in known)
    carried = True if connects else proof.carried
    if carried is False:
        return Finding(Outcome.INCONCLUSIVE, NOT_CARRIED, figures, not_carried=True)
    doubt = _doubt(series, figures) or _silent(witnesses, finding)
    if doubt is None and expected is Expectation.BLOCKED and not proof.connected_without_policy:
        doubt = "It was never seen to connect without the policy, so that silence shows nothing."
    if doubt is None and finding.outcome is Outcome.FAIL and carried is None:
        doubt = NOT_MEASURED
    if doubt is None:
        return finding
    return Finding(Outcome.INCONCLUSIVE, doubt, figures, finding.unexpected, finding.gap)


def _figures(
    known: Sequence[Sample], presence: Sequence[tuple[float, float]], change: ChangeWindow
) -> Figures:
    seconds = sum(end - start for start, end in presence)
    pauses = [pause for window in presence for pause in _pauses(known, window)]
    arrivals = [ChangeWindow(start, start) for start, _ in presence if start > change.began]
    critical = [
        pause
        for pause in pauses
        for moment in (change, *arrivals)
        if pause.ended > moment.began and pause.began < moment.ended + _AFTERMATH
    ]
    return Figures(
        len(known),
        seconds,
        len(known) / seconds if seconds > 0 else 0.0,
        max(map(_seconds, pauses)) if known else None,
        max(map(_seconds, critical), default=0.0),
    )


def _pauses(known: Sequence[Sample], window: tuple[float, float]) -> Iterator[ChangeWindow]:
    """The times between two probes while the source was there, its coming and going included."""
    start, end = window
    times = [start, *(seen.at for seen in known if start <= seen.at <= end), end]
    return (ChangeWindow(earlier, later) for earlier, later in pairwise(times))


def _seconds(window: ChangeWindow) -> float:
    return window.ended - window.began


def _judge_blocked(known: Sequence[Sample], figures: Figures, changed_at: float) -> Finding:
    leaks = tuple(seen for seen in known if seen.verdict is Verdict.CONNECTED)
    if not leaks:
        reason = f"Blocked at every moment: {_describe(figures)}. Without the policy it connects."
        return Finding(Outcome.PASS, reason, figures)
    gap = max(_length(run, known) for run in _runs(known, (Verdict.CONNECTED,)))
    who = ", ".join(sorted({leak.identity or "" for leak in leaks}))
    reason = (
        f"It was open for {_ms(gap)}: {len(leaks)} of {figures.probes} probes connected to {who}, "
        f"the first sent {_when(leaks[0].at, changed_at)}."
    )
    return Finding(Outcome.FAIL, reason, figures, leaks, gap)


def _judge_connected(known: Sequence[Sample], figures: Figures, changed_at: float) -> Finding:
    missed = tuple(seen for seen in known if seen.verdict in _BLOCKED)
    runs = _runs(known, _BLOCKED)
    if not missed:
        return Finding(Outcome.PASS, f"Connected at every moment: {_describe(figures)}.", figures)
    worst = max(runs, key=lambda run: _length(run, known))
    gap = _length(worst, known)
    # Of a pod that is gone at once there may be one probe or two: lost, they show no connection.
    if max(map(len, runs)) <= MOST_LOST and len(missed) < len(known):
        lost = f"{len(missed)} lost, never more than {MOST_LOST} in a row"
        reason = f"Connected at every moment: {_describe(figures)}; {lost}."
        return Finding(Outcome.PASS, reason, figures, missed, gap)
    cut = f"{len(worst)} probes in a row did not connect, for {_ms(gap)}"
    when = f"the first sent {_when(worst[0].at, changed_at)}"
    refused = sum(seen.verdict is Verdict.REFUSED for seen in worst) > MOST_LOST
    if gap < CUT_SECONDS and not refused:
        reason = f"{cut}, {when}: too long for a lost packet, too short for a cut to be certain."
        return Finding(Outcome.INCONCLUSIVE, reason, figures, missed, gap)
    return Finding(Outcome.FAIL, f"It was cut: {cut}, {when}.", figures, missed, gap)


def _runs(known: Sequence[Sample], verdicts: Sequence[Verdict]) -> list[list[Sample]]:
    """The samples with these verdicts, consecutive ones grouped."""
    groups = groupby(known, key=lambda seen: seen.verdict in verdicts)
    return [list(run) for such, run in groups if such]


def _length(run: Sequence[Sample], known: Sequence[Sample]) -> float:
    """How long a run lasted: to the probe that saw otherwise again, if one was sent."""
    later = (seen.at for seen in known if seen.at > run[-1].at)
    return next(later, run[-1].at) - run[0].at


def _doubt(series: Series, figures: Figures) -> str | None:
    """Why the series does not show what happened; None if it does."""
    if series.fault:
        return f"The probing ended before its time: {series.fault}."
    strangers = [seen for seen in series.samples if seen.verdict is Verdict.WRONG_SERVER]
    if strangers:
        return f"Somebody else answered: {strangers[0].remark}."
    errors = [seen.remark for seen in series.samples if seen.verdict not in _KNOWN]
    failed = f" {len(errors)} probes failed by themselves: {errors[0]}" if errors else ""
    if not series.presence or figures.resolution is None:
        return f"It was never probed.{failed}"
    thin = _thin(figures, figures.resolution)
    return thin and thin + failed


def _thin(figures: Figures, resolution: float) -> str | None:
    """Whether there were too few probes, and where."""
    if figures.rate < LEAST_RATE:
        return f"Only {figures.rate:.0f} probes a second were sent, {LEAST_RATE:.0f} are needed."
    if figures.critical > LONGEST_PAUSE:
        pause = _ms(figures.critical)
        return f"At the critical moment no probe was sent for {pause}: what happened is unknown."
    if resolution > LONGEST_IDLE:
        return f"For {_ms(resolution)} no probe was sent: what happened then is unknown."
    return None


def _silent(witnesses: Sequence[Series], finding: Finding) -> str | None:
    """Why the server may not have listened throughout; None if it did."""
    for witness in witnesses:
        answered = [seen for seen in witness.samples if seen.verdict is Verdict.CONNECTED]
        pauses = [_seconds(p) for window in witness.presence for p in _pauses(answered, window)]
        if witness.fault or not answered or max(pauses, default=_WITNESS_PAUSE) > _WITNESS_PAUSE:
            return (
                "The server did not answer inside its own pod all the while, so nothing is known "
                f"about the path to it. {finding.reason}"
            )
    return None


def _describe(figures: Figures) -> str:
    apart = f"never more than {_ms(figures.resolution or 0.0)} apart"
    if (figures.resolution or 0.0) > LONGEST_PAUSE:
        apart += f", {_ms(figures.critical)} at the critical moment"
    return (
        f"{figures.probes} probes in {figures.seconds:.1f} s ({figures.rate:.0f} a second), {apart}"
    )


def _when(at: float, changed_at: float) -> str:
    side = "after" if at >= changed_at else "before"
    return f"{_ms(abs(at - changed_at))} {side} the change began"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a held connection; ``fate`` is None where nothing shows it."""

    outcome: Outcome
    reason: str
    fate: Literal["survives", "cut"] | None = None


def record(before: Observation, after: Observation, witness: Observation | None) -> Record:
    """What became of it, by an exchange before the change, one after it, and whether the server
    answered inside its own pod then.
    """
    if before.verdict is not Verdict.CONNECTED:
        reason = f"It could not be opened before the change: {before.verdict.value}."
        return Record(Outcome.INCONCLUSIVE, reason)
    if after.verdict is Verdict.CONNECTED:
        reason = "The specification is silent; recorded: the connection survives."
        return Record(Outcome.UNSPECIFIED, reason, "survives")
    if after.verdict not in _CUT:
        reason = f"What became of it is not known: {after.verdict.value} ({after.output})."
        return Record(Outcome.INCONCLUSIVE, reason)
    if witness is None or witness.verdict is not Verdict.CONNECTED:
        reason = "It ended, but nothing shows that its server was still listening."
        return Record(Outcome.INCONCLUSIVE, reason)
    reason = f"The specification is silent; recorded: the connection is cut, {_CUT[after.verdict]}."
    return Record(Outcome.UNSPECIFIED, reason, "cut")
