"""The named time-outs, and which of them holds."""

from __future__ import annotations

import pytest

from netpol_conformance.run.timeouts import DEFAULT_TIMEOUTS, UNPROMISED, timeouts_for


def test_only_where_a_change_is_in_force_at_once_waits_are_short():
    assert timeouts_for(synchronous=True) is DEFAULT_TIMEOUTS
    assert (DEFAULT_TIMEOUTS.enforce, DEFAULT_TIMEOUTS.longest) == (5, 5)
    assert timeouts_for(synchronous=False) is UNPROMISED
    assert (UNPROMISED.enforce, UNPROMISED.longest) == (30, 60)


@pytest.mark.parametrize(
    ("said", "enforce", "labels"),
    [
        ([], 30, 60),
        (["enforce=8"], 8, 0),
        (["labels=90"], 30, 90),
        (["labels=20", "enforce=8"], 8, 20),
        (["enforce=8", "labels=20"], 8, 20),
        (["enforce=8", "enforce=9"], 9, 0),
    ],
)
def test_what_is_said_wins(said, enforce, labels):
    found = UNPROMISED.with_settings(said)
    assert (found.enforce, found.labels) == (enforce, labels)
    assert found.longest == max(enforce, labels)


def test_what_an_implementation_says_of_itself_only_makes_waits_longer():
    longer = UNPROMISED.at_least(enforce=10, labels=90)
    assert (longer.enforce, longer.labels) == (30, 90)


@pytest.mark.parametrize("wrong", ["enforce", "enforce=", "enforce=0", "enforce=inf", "other=1"])
def test_what_is_no_time_out_is_refused(wrong):
    with pytest.raises(ValueError, match=r"known are|write it as|more than 0"):
        UNPROMISED.with_settings([wrong])
