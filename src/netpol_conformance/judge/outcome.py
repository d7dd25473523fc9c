"""The words for results: Outcome of a cell, a step, a scenario, a run; how they add up, and what
they make a command exit with.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """What a cell came to. There is no default: without evidence it is INCONCLUSIVE."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    XFAIL = "XFAIL"
    UNSUPPORTED = "UNSUPPORTED"
    UNSPECIFIED = "UNSPECIFIED"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def is_wrong(self) -> bool:
        """Whether it needs somebody's attention: a fault, or too little evidence to say."""
        return self in (Outcome.FAIL, Outcome.INCONCLUSIVE)


_WORST_FIRST = (
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.XFAIL,
    Outcome.PASS,
    Outcome.UNSUPPORTED,
    Outcome.UNSPECIFIED,
)


class ExitCode(IntEnum):
    """What a process ends with, whichever command it was."""

    YES = 0
    """Conformant, allowed, no worse, nothing found."""
    NO = 1
    """Not conformant, denied, worse, something found."""
    USAGE = 2
    """Wrong words, or input that cannot be read."""
    NO_ANSWER = 3
    """Inconclusive, interrupted, or the machine's fault."""


def exit_code(outcome: Outcome) -> ExitCode:
    """The exit code of what came to ``outcome``."""
    no = {Outcome.FAIL: ExitCode.NO, Outcome.INCONCLUSIVE: ExitCode.NO_ANSWER}
    return no.get(outcome, ExitCode.YES)


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a whole from its parts'; of nothing at all, INCONCLUSIVE.

    FAIL outranks INCONCLUSIVE: a proven fault stays one, whatever else could not be seen.
    """
    seen = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in seen), Outcome.INCONCLUSIVE)
