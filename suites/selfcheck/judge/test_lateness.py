"""Whether something was late, for who demands a time."""

from __future__ import annotations

import pytest

from netpol_conformance.judge.lateness import lateness
from netpol_conformance.judge.outcome import Outcome


@pytest.mark.parametrize("seconds", [0.0, 4.9, 5.0])
def test_what_is_in_time_is_not_judged(seconds):
    assert lateness(seconds, [0.1, 4.8], 5) is None


def test_what_was_seen_twice_to_be_late_fails():
    found = lateness(7.3, [0.1, 4.8, 5.1, 6.9], 5)
    assert found.outcome is Outcome.FAIL
    assert found.reason == "In force after 7.3 s; --enforce-within 5."


@pytest.mark.parametrize("not_yet", [[], [0.1, 4.9], [4.9, 5.2]])
def test_a_machine_that_did_not_look_in_time_fails_nobody(not_yet):
    found = lateness(25.0, not_yet, 5)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reason.startswith("In force after 25.0 s; --enforce-within 5. ")
