"""Reference enforcers that disturb the cluster's own process, for ``test_continuous``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.ruleset import TABLES
from netpol_conformance.model.objects import KubernetesObject, WatchEvent
from netpol_conformance.probe import prober

_GAP = 0.03
_FLUSHED = "".join(map(ruleset.clear, TABLES))


class _AtRestart(Controller):
    """Does something when it is started again, before its rules are loaded."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        if self._in_force(TABLES[0]):
            self.disturb()
        super().start(objects)

    def disturb(self) -> None:
        """What it does."""


class FlushesBriefly(_AtRestart):
    """Its rules are gone for 30 ms when it is started again."""

    def disturb(self) -> None:
        self._apply(_FLUSHED)
        time.sleep(_GAP)


class OpensBriefly(Controller):
    """Its rules are gone for 30 ms at each change."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        self._apply(_FLUSHED)
        time.sleep(_GAP)
        super().handle(events)
        self._load()


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
