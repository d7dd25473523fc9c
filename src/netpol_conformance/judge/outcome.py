"""The words for results: Outcome of a cell, a step, a scenario, a run; and how they add up."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """What a cell came to. There is no default: without evidence it is INCONCLUSIVE."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    XFAIL = "XFAIL"
    UNSUPPORTED = "UNSUPPORTED"
    UNSPECIFIED = "UNSPECIFIED"
    INCONCLUSIVE = "INCONCLUSIVE"


_WORST_FIRST = (
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.XFAIL,
    Outcome.PASS,
    Outcome.UNSUPPORTED,
    Outcome.UNSPECIFIED,
)

EXIT_CODES = {Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}
"""The process's exit code for a run's outcome; any other outcome exits 0."""


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a whole from its parts'; of nothing at all, INCONCLUSIVE.

    FAIL outranks INCONCLUSIVE: a proven fault stays one, whatever else could not be seen.
    """
    seen = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in seen), Outcome.INCONCLUSIVE)
