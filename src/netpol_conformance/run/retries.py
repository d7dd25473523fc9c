"""Further attempts at a scenario that may have come out wrong by no fault of the plugin.

On a busy machine continuous probes come out too few. Where a scenario took over what another had
left, something of that one may have outlived it. A step's changes cannot be made again, but the
scenario can, with all of it made anew: what it comes to then is what counts.

Nothing that was seen to be wrong in namespaces of a scenario's own is ever tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    Consumer,
    Event,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
)

_log = logging.getLogger(__name__)

_MOST = 3
"""Attempts at one scenario, the first included."""
_SETTLED = (Outcome.PASS, Outcome.UNSUPPORTED)
"""What a scenario does not come to because of anything that another one left."""


class Attempt(Protocol):
    """One run of a scenario; a ``run.scenario.ScenarioRun``."""

    @property
    def asks_meanwhile(self) -> bool:
        """Whether it asks all through a change."""

    @property
    def second_hand(self) -> bool:
        """Whether it has what another scenario left, as far as is known by now."""

    def run(self, *, fresh: bool = False) -> object:
        """Make it, telling its consumer; if it is to be ``fresh``, with nothing second-hand."""


def with_further_attempts(
    prepare: Callable[[Consumer], Attempt],
    emit: Consumer,
    stopping: Callable[[], bool],
) -> None:
    """Make an attempt, and another, fresh one as long as the last cannot be trusted.

    ``prepare`` gives one that tells a consumer. That the scenario began is told at once. Of an
    attempt that might be made again all else is told when it is known to count. Nothing is tried
    again once the run is ``stopping``.
    """
    kept: list[Event] = []

    def keep(event: Event) -> None:
        doubtful = first.asks_meanwhile or first.second_hand
        (kept.append if doubtful and not isinstance(event, ScenarioStarted) else emit)(event)

    first = prepare(keep)
    first.run()
    misled = _ends(kept)[0] if _misled(first, kept) else None
    for number in range(1, _MOST):
        if stopping() or not (_could_not_tell(kept) or (misled and number == 1)):
            break
        _log.info("is run again: that may have been no fault of the plugin")
        kept = _fresh(prepare)
    for event in kept:
        emit(_told(event, misled))


def _fresh(prepare: Callable[[Consumer], Attempt]) -> list[Event]:
    """The events of a fresh attempt, without that it began."""
    events: list[Event] = []
    prepare(events.append).run(fresh=True)
    return [event for event in events if not isinstance(event, ScenarioStarted)]


def _told(event: Event, before: ScenarioFinished | None) -> Event:
    """The event; of a scenario that passed, with what it came to ``before`` that, if anything."""
    if before is None or not isinstance(event, ScenarioFinished):
        return event
    if event.outcome is not Outcome.PASS:
        return event
    reason = (
        "It passed in fresh namespaces. In those that another scenario had left, its policies "
        f"deleted, it came to {before.outcome.value}: {before.reason}"
    )
    return event.model_copy(update={"reason": reason})


def _misled(attempt: Attempt, events: Sequence[Event]) -> bool:
    """Whether what another scenario left may be why it came out as it did."""
    return attempt.second_hand and any(end.outcome not in _SETTLED for end in _ends(events))


def _could_not_tell(events: Sequence[Event]) -> bool:
    """Whether the scenario is inconclusive for what it asked all the time, and for nothing else."""
    ends = [event.outcome for event in _ends(events)]
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    watched = [cell.outcome for step in steps for cell in step.meanwhile]
    return ends == [Outcome.INCONCLUSIVE] and Outcome.INCONCLUSIVE in watched


def _ends(events: Sequence[Event]) -> list[ScenarioFinished]:
    return [event for event in events if isinstance(event, ScenarioFinished)]
