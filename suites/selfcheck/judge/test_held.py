"""Held connections: recorded, never failed, and never guessed."""

from __future__ import annotations

import pytest

from netpol_conformance.judge.continuous import record
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Verdict

from .observations import CONNECTED, seen


@pytest.mark.parametrize("after", Verdict)
@pytest.mark.parametrize("witness", [None, *map(seen, Verdict)])
def test_whatever_becomes_of_it_nothing_fails(after, witness):
    told = record(CONNECTED, seen(after), witness)
    if after is Verdict.CONNECTED:
        assert (told.outcome, told.fate) == (Outcome.UNSPECIFIED, "survives")
    elif after in (Verdict.TIMED_OUT, Verdict.REFUSED) and witness == CONNECTED:
        assert (told.outcome, told.fate) == (Outcome.UNSPECIFIED, "cut")
    else:
        assert (told.outcome, told.fate) == (Outcome.INCONCLUSIVE, None)


@pytest.mark.parametrize("before", [verdict for verdict in Verdict if verdict != "connected"])
def test_a_connection_that_was_never_open_shows_nothing(before):
    told = record(seen(before), seen(Verdict.TIMED_OUT), CONNECTED)
    assert (told.outcome, told.fate) == (Outcome.INCONCLUSIVE, None)
