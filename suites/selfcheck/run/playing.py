"""A scenario run on a cluster, for tests that look at what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    Event,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)
from netpol_conformance.run.network import OWN_NETWORK
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Scenario


def play(
    scenario: Scenario, cluster: Cluster, timeouts: Timeouts
) -> tuple[Outcome, Sequence[Event]]:
    """What it came to, and its events; the cluster is closed then."""
    events: list[Event] = []
    with closing(cluster):
        outcome = ScenarioRun(
            scenario, cluster, timeouts, events.append, network=lambda: OWN_NETWORK
        ).run()
    assert isinstance(events[0], ScenarioStarted)
    assert isinstance(events[-1], ScenarioFinished)
    assert events[-1].outcome is outcome
    return outcome, events


def steps(events: Sequence[Event]) -> list[StepResult]:
    return [event.step for event in events if isinstance(event, StepFinished)]
