"""The committed mutation matrix: of corpus and mutants as they are, and it finds no fault."""

from __future__ import annotations

from ..corpus import CORPUS
from .__main__ import MATRIX
from .judging import faults
from .matrix import MutationMatrix, outdated

COMMITTED = MutationMatrix.load(MATRIX.read_text(encoding="utf-8"))


def test_every_scenario_and_mutant_is_in_it_as_it_is_now() -> None:
    assert outdated(COMMITTED, CORPUS) == [], "run script/mutants"


def test_every_mutant_is_noticed_and_every_scenario_has_a_reason() -> None:
    assert faults(COMMITTED, CORPUS) == []


def test_it_is_written_as_the_command_writes_it() -> None:
    assert COMMITTED.dump() == MATRIX.read_text(encoding="utf-8")
