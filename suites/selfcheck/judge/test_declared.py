"""What declarations make of outcomes: strict both ways for known failures, lenient for features."""

from __future__ import annotations

import pytest

from netpol_conformance.judge.declared import Part, broken_promises, excuse
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.plugins.types import Declared

from .declarations import LACKING, known

A, B = "a -> web:80", "b -> web:80"


@pytest.mark.parametrize(
    ("declared", "step", "cell", "outcome"),
    [
        (known(), 1, A, Outcome.XFAIL),
        (known(), 1, "", Outcome.XFAIL),
        (known(steps=(2,)), 2, A, Outcome.XFAIL),
        (known(steps=(2,)), 1, A, None),
        (known(cells=(A,)), 3, A, Outcome.XFAIL),
        (known(cells=(A,)), 3, B, None),
        (known(cells=(A,)), 3, "", None),
        (known(steps=(2,), cells=(A,)), 2, A, Outcome.XFAIL),
        (known(steps=(2,), cells=(A,)), 3, A, None),
        (LACKING, 1, A, Outcome.UNSUPPORTED),
        (LACKING, 1, "", Outcome.UNSUPPORTED),
        (Declared(""), 1, A, None),
    ],
)
def test_a_failure_is_excused_where_it_is_declared_and_nowhere_else(declared, step, cell, outcome):
    found = excuse(declared, step, cell)
    assert (found and found.outcome) == outcome
    if found:
        assert "https://example.org/" in found.reason


def parts(*told: tuple[int, str, Outcome]) -> list[Part]:
    return [Part(*each) for each in told]


PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("declared", "seen", "where"),
    [
        (known(), parts((1, A, PASS), (2, A, FAIL)), None),
        (known(), parts((1, A, PASS), (2, A, PASS)), "it passes: remove"),
        (known(), parts((1, A, PASS), (2, A, UNKNOWN)), None),
        (known(steps=(2,)), parts((1, A, FAIL), (2, A, PASS)), "passes in step 2"),
        (known(steps=(1, 2)), parts((1, A, FAIL), (2, A, PASS)), "passes in step 2"),
        (known(cells=(A,)), parts((1, A, PASS), (2, A, FAIL)), None),
        (known(cells=(A, B)), parts((1, A, FAIL), (1, B, PASS)), f"passes ({B})"),
        (known(steps=(2,), cells=(A,)), parts((1, A, FAIL), (2, A, PASS)), f"({A} in step 2)"),
        (known(steps=(2,), cells=(A,)), parts((2, A, UNKNOWN)), None),
        (known(steps=(2,), cells=(A,)), parts((2, B, FAIL)), f"({A} in step 2)"),
        (LACKING, parts((1, A, PASS)), None),
    ],
)
def test_a_declared_failure_must_happen(declared, seen, where):
    broken = broken_promises(declared, seen)
    assert bool(broken) == bool(where)
    if where:
        assert where in broken[0]
        assert "remove it from plugins/p.yaml:7" in broken[0]
