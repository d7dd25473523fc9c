"""The controller's side of a run on workers of pytest-xdist: their events, and what they leave.

Here: when the run begins, events that arrive, and the end of what was cut off. Not here: pytest's
hooks, which the plugin has; what a worker does, which is a run like any other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document import Collector
from netpol_conformance.run.events import (
    Consumer,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    SelfTested,
    StepFinished,
)
from netpol_conformance.run.scenario import rerun_command, scenario_started
from netpol_conformance.scenario.types import Scenario
from netpol_conformance.spool import EVENTS, Spools


class Plan(Protocol):
    """What the controller knows of the run before any worker tells."""

    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios that may run."""

    def begin(self, chosen: Sequence[Scenario]) -> RunStarted:
        """The first event of a run of these."""

    def rerun_options(self) -> Sequence[str]:
        """The options that running a scenario again needs."""


class Workers:
    """Tells ``tell``, which feeds ``collector``, all that the workers saw, each event once."""

    def __init__(self, plan: Plan, tell: Consumer, collector: Collector) -> None:
        self._plan = plan
        self._tell = tell
        self._collector = collector
        self._spools = Spools()
        self.lost = ""

    @property
    def folder(self) -> str:
        """Where workers keep what they have not sent yet."""
        return self._spools.folder

    def collected(self, ids: Iterable[str]) -> None:
        """Begin the run with the scenarios that a worker has collected, as all of them have."""
        names = set(map(_path, ids))
        chosen = [scenario for scenario in self._plan.scenarios() if scenario.path in names]
        if chosen and not self._collector.begun:
            self._tell(self._plan.begin(chosen))

    def receive(self, events: Iterable[object]) -> None:
        """Hand on what came with a test's report; every worker begins the same run."""
        for data in events:
            event = EVENTS.validate_python(data, strict=False)
            if isinstance(event, RunStarted):
                if not self._collector.begun:
                    own = self._plan.begin(()).command
                    self._tell(event.model_copy(update={"command": own}))
            elif not (isinstance(event, SelfTested) and self._is_known(event)):
                self._tell(event)

    def died(self, worker: str, item: str) -> None:
        """End the scenario at which a worker died: nobody knows what it would have come to."""
        path = _path(item)
        scenario = next((one for one in self._plan.scenarios() if one.path == path), None)
        if scenario is None:
            return
        self.lost = "A worker process died, and with it the scenario that it ran."
        self.take_left(worker)
        if self._collector.scenario(path).state == "not run":
            self._tell(scenario_started(scenario, time.time()))
        self._tell(
            ScenarioFinished(
                path=path,
                outcome=Outcome.INCONCLUSIVE,
                reason=f"The worker process {worker} died while it ran this scenario.",
                duration=0.0,
                rerun=rerun_command(path, self._plan.rerun_options()),
            )
        )

    def take_left(self, worker: str = "*") -> None:
        """Tell what workers saw of scenarios whose events have not arrived."""
        arrived = {item.path for item in self._collector.report().scenarios if item.started}
        for event in self._spools.events(worker):
            if isinstance(event, ScenarioStarted | StepFinished) and event.path not in arrived:
                self._tell(event)

    def close(self) -> None:
        """Remove what the workers kept."""
        self._spools.close()

    def _is_known(self, event: SelfTested) -> bool:
        """Whether another worker told it already; that a probe does not work is told each time."""
        return event.outcome is Outcome.PASS and self._collector.report().self_test is not None


def _path(item: str) -> str:
    """The scenario of a test, by the test's id: ``test_packs.py::test_scenario[PATH]``."""
    return item.partition("[")[2].removesuffix("]")
