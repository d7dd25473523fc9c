"""A connection held across a change: whether it survived is recorded, never failed (S8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Observation, Verdict

_CUT = {Verdict.TIMED_OUT: "nothing came back", Verdict.REFUSED: "it was reset"}


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
