"""The mutants themselves: each is described, and wrong in its meaning only."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ..mutants import MUTANTS


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutant_says_what_it_breaks_and_who_must_notice(name: str) -> None:
    mutant = MUTANTS[name]
    assert mutant.name == name
    assert re.fullmatch(r"[A-Z].*\.", mutant.description), "one line, one sentence"
    assert re.fullmatch(r"[SH]\d+", mutant.rule)
    assert re.fullmatch(r"[a-z]+/[a-z0-9-]+(#[a-z0-9-]+)?", mutant.owner)
    assert re.fullmatch(r"([\w-]+/[\w.-]+#\d+)?", mutant.bug)


def test_nft_takes_the_rules_of_every_mutant(in_namespaces: Callable[[str], None]) -> None:
    """A mutant that nft refuses would be killed by its error, not by a scenario."""
    in_namespaces("suites.selfcheck.mutation.loading.all_mutants_load")
