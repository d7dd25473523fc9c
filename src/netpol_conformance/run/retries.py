"""Retries of a scenario whose outcome may not be the plugin's fault.

On a busy machine there may be too few continuous probes; in reused namespaces something of the
earlier scenario may remain. A step cannot be repeated, but the scenario can, in new namespaces:
that attempt counts.

Nothing that was seen to be wrong in namespaces of a scenario's own is ever tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    Consumer,
    Event,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
)
from netpol_conformance.run.scenario import ScenarioRun

_log = logging.getLogger(__name__)

_MOST = 3
"""Attempts at one scenario, the first included."""
_SETTLED = (Outcome.PASS, Outcome.UNSUPPORTED)
"""What a scenario does not come to because of anything that another one left."""


def with_retries(
    prepare: Callable[[Consumer], ScenarioRun],
    emit: Consumer,
    stopping: Callable[[], bool],
) -> None:
    """Run a scenario, and again in new namespaces as long as the last attempt is not reliable.
    ``prepare`` makes an attempt that emits to a consumer. ScenarioStarted is emitted at once;
    events of an attempt that may be retried once it is known to count. Nothing is retried once the
    run is ``stopping``.
    """
    kept: list[Event] = []

    def keep(event: Event) -> None:
        doubtful = first.probes_continuously or first.reused
        (kept.append if doubtful and not isinstance(event, ScenarioStarted) else emit)(event)

    first = prepare(keep)
    first.run()
    suspect = _ends(kept)[0] if _is_suspect(first, kept) else None
    for number in range(1, _MOST):
        if stopping() or not (_is_undecided(kept) or (suspect and number == 1)):
            break
        _log.info("is run again: that may have been no fault of the plugin")
        kept = _fresh(prepare)
    for event in kept:
        emit(_annotated(event, suspect))


def _fresh(prepare: Callable[[Consumer], ScenarioRun]) -> list[Event]:
    """The events of a fresh attempt, without that it began."""
    events: list[Event] = []
    prepare(events.append).run(fresh=True)
    return [event for event in events if not isinstance(event, ScenarioStarted)]


def _annotated(event: Event, before: ScenarioFinished | None) -> Event:
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


def _is_suspect(attempt: ScenarioRun, events: Sequence[Event]) -> bool:
    """Whether what another scenario left may be why it came out as it did."""
    return attempt.reused and any(end.outcome not in _SETTLED for end in _ends(events))


def _is_undecided(events: Sequence[Event]) -> bool:
    """Whether the scenario is inconclusive for what it asked all the time, and for nothing else."""
    ends = [event.outcome for event in _ends(events)]
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    watched = [cell.outcome for step in steps for cell in step.meanwhile]
    return ends == [Outcome.INCONCLUSIVE] and Outcome.INCONCLUSIVE in watched


def _ends(events: Sequence[Event]) -> list[ScenarioFinished]:
    return [event for event in events if isinstance(event, ScenarioFinished)]
