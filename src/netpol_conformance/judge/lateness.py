"""Whether a change came into force in time, where somebody demands a time.

None is promised (S50): without the demand nothing is ever failed for being late.
"""

from __future__ import annotations

from collections.abc import Sequence

from netpol_conformance.judge.cell import Judgement
from netpol_conformance.judge.outcome import Outcome

_ENOUGH = 2
"""Looks after the time that must have seen otherwise: a busy machine may lose one connection."""


def lateness(seconds: float, not_yet: Sequence[float], within: float) -> Judgement | None:
    """Judge a change that was in force after ``seconds``, and had to be ``within`` so many; None
    if it was. ``not_yet`` are the looks that saw otherwise: when they were sent.
    """
    if seconds <= within:
        return None
    said = f"In force after {seconds:.1f} s; --enforce-within {within:g}."
    if sum(sent > within for sent in not_yet) >= _ENOUGH:
        return Judgement(Outcome.FAIL, said)
    doubt = f"{said} When it came is not known: few looks after {within:g} s saw otherwise."
    return Judgement(Outcome.INCONCLUSIVE, doubt)
