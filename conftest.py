"""What every pytest run in this repository shares: how hypothesis looks for counterexamples, which
tests a CI server may skip, and that the programs which tests start heed Ctrl-C.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

# On a CI server the same examples each time, so that a failure there fails here; elsewhere new
# ones. Never a deadline: what a slow machine does is no finding.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell that starts the tests in the background has them ignore SIGINT, and with them all programs
# that they start; where it is caught, it is theirs to heed again.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MAY_BE_SKIPPED = {
    "UNSUPPORTED: ": "a scenario's own outcome: the cluster lacks a feature that it needs",
    "only root has capabilities to lose": "all tests run without them then",
    "this Python lies where only root can go": "the next tests run as root without capabilities",
}
"""How the reason of a skip may begin where CI is set, and why no check is lost by it."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test, skipped before it ran or by itself."""
    return _without_holes((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole file of tests, skipped while it is read."""
    return _without_holes((yield))


def _without_holes(report: Report) -> Report:
    """``report``, failed if it skips what it may not: a CI server has all that the tests need."""
    # An expected failure counts as skipped too, but without a place and a reason.
    if os.environ.get("CI") and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(tuple(MAY_BE_SKIPPED)):
            report.outcome = "failed"
            report.longrepr = (
                f"Skipped, though CI is set: {reason}\n"
                "Have what it needs installed (script/bootstrap --dev); or, if no check is lost by "
                "it, add the reason to MAY_BE_SKIPPED in conftest.py."
            )
    return report
