"""Enforcers that disturb the cluster's own process, for ``test_lasting``: each is the reference."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.ruleset import TABLES
from netpol_conformance.model.objects import KubernetesObject
from netpol_conformance.probe import prober


class _AtRestart(Controller):
    """Does something when it is started again, before its rules are loaded."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        if self._in_force(TABLES[0]):
            self.disturb()
        super().start(objects)

    def disturb(self) -> None:
        """What it does."""


class SilentServers(_AtRestart):
    """The servers, which run in the cluster's own loop, do not answer for a time."""

    def disturb(self) -> None:
        time.sleep(0.8)


class StarvedProbes(_AtRestart):
    """No other thread gets a turn for a time: not that of the continuous probes either."""

    def disturb(self) -> None:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(10.0)
        over = time.monotonic() + 0.4
        while time.monotonic() < over:
            pass
        sys.setswitchinterval(usual)


class DeadProbes(_AtRestart):
    """From the restart on every continuous probe fails by itself."""

    def disturb(self) -> None:
        async def fail(*_: object) -> None:
            raise ValueError("this probe is broken")

        prober.exchange = fail  # type: ignore[assignment]
