"""A second attempt at a scenario whose continuous probes came out too few, on a busy machine.

A step's changes cannot be made again, but the scenario can. Nothing that was seen to be wrong is
tried again: only what could not be told.
"""

from __future__ import annotations

from collections.abc import Callable

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    Consumer,
    Event,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
)


def with_second_attempt(
    attempt: Callable[[Consumer], object], emit: Consumer, stopping: Callable[[], bool]
) -> None:
    """Make one attempt, and another if the first could not tell what happened meanwhile.

    Only the events of the attempt that counts are told, but that the scenario began is told at
    once. Nothing is tried again once the run is ``stopping``.
    """
    kept: list[Event] = []

    def keep(event: Event) -> None:
        (emit if isinstance(event, ScenarioStarted) else kept.append)(event)

    attempt(keep)
    if _could_not_tell(kept) and not stopping():
        kept.clear()
        attempt(lambda event: None if isinstance(event, ScenarioStarted) else kept.append(event))
    for event in kept:
        emit(event)


def _could_not_tell(events: list[Event]) -> bool:
    """Whether the scenario is inconclusive for what it asked all the time, and for nothing else."""
    ends = [event.outcome for event in events if isinstance(event, ScenarioFinished)]
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    watched = [cell.outcome for step in steps for cell in step.meanwhile]
    return ends == [Outcome.INCONCLUSIVE] and Outcome.INCONCLUSIVE in watched
