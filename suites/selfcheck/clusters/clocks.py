"""A clock that only waits move on."""

from __future__ import annotations

from functools import partial

import pytest
from tenacity import Retrying

from netpol_conformance.clusters.kubernetes import cluster
from netpol_conformance.clusters.kubernetes.objects import removal, waits
from netpol_conformance.clusters.kubernetes.objects.patience import Patience


class Clock:
    """Seconds, from 0."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have this clock timed by, and moved on by pauses, for all that is waited for."""
        monkeypatch.setattr(waits, "Retrying", partial(Retrying, sleep=self.sleep))
        for module in (cluster, removal, waits):
            monkeypatch.setattr(module, "Patience", partial(Patience, clock=self))
