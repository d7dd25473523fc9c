"""What a declaration makes of a scenario's outcomes, and whether it held.

Declared failures are strict. A failure outside the declared cells stays a FAIL; a declared cell
that passes makes the scenario FAIL, for then the declaration is wrong. An unsupported feature is
not strict: what needs it may pass or fail. INCONCLUSIVE stays INCONCLUSIVE: nothing was shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.plugins.types import Declared, KnownFailure

_ANY = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Something judged in a step: a cell, or with an empty ``cell`` the API's answer, say."""

    step: int
    cell: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Excuse:
    """What an excused failure becomes, and why."""

    outcome: Outcome
    reason: str


def excuse(declared: Declared, step: int, cell: str) -> Excuse | None:
    """What a failure of this part becomes; None if it is not declared."""
    for failure in declared.failures:
        if failure.covers(step, cell):
            return Excuse(Outcome.XFAIL, f"Declared: {failure.reason} ({failure.link})")
    for lack in declared.lacks:
        reason = f"{lack.feature} is declared as unsupported: {lack.reason} ({lack.link})"
        return Excuse(Outcome.UNSUPPORTED, reason)
    return None


def broken_promises(declared: Declared, parts: Sequence[Part]) -> list[str]:
    """Each declared failure that did not occur, in a sentence that says what to remove.

    A cell declared for a step must fail in it; one declared for no step, in some step; a step
    declared for no cell, in some cell; a scenario, anywhere.
    """
    return [
        f"Declared as failing, but it passes{where}: remove it from {declared.file}:{failure.line}."
        for failure in declared.failures
        for where in _kept_well(failure, parts)
    ]


def _kept_well(failure: KnownFailure, parts: Sequence[Part]) -> Iterator[str]:
    """Where nothing failed though it was declared to, and all there was seen."""
    for step, cell in product(failure.steps or (_ANY,), failure.cells or ("",)):
        # Of what is inconclusive nobody can say that nothing failed.
        if not any(part.outcome.is_wrong for part in parts if _is_of(part, step, cell)):
            at = f" in step {step}" if step else ""
            yield f" ({cell}{at})" if cell else at


def _is_of(part: Part, step: int, cell: str) -> bool:
    return step in (_ANY, part.step) and cell in ("", part.cell)
