"""Fixtures of the tests of runs."""

from __future__ import annotations

import pytest

from netpol_conformance.run import change, execution, scenario, settle, waiting

from .slow import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A time that a run goes by, and that passes only where it waits or asks."""
    made = Clock()
    for module in (change, execution, scenario, settle, waiting):
        monkeypatch.setattr(module, "time", made)
    return made
