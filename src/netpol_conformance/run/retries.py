"""Retries of a scenario whose outcome may not be the plugin's fault.

On a busy machine there may be too few continuous probes; in reused namespaces something of the
earlier scenario may remain. A step cannot be repeated, but the scenario can, in new namespaces:
that attempt counts. A cluster that was not ready in time may have had too much to do: the scenario
is tried again at the end of the run, when it has less.

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
"""Attempts at one scenario, the first included, that one at the end of the run left out."""
_MOST_IN_VAIN = 5
"""Last attempts in a row for which the cluster was not ready: then more of them are no use."""
_SETTLED = (Outcome.PASS, Outcome.UNSUPPORTED)
"""What a scenario does not come to because of anything that another one left."""


class Attempts:
    """All attempts at one scenario.

    ``prepare`` makes an attempt that emits to a consumer. That it began goes to ``emit`` at once;
    events of an attempt that may be retried once it is known to count, and those of any attempt if
    scenarios are ``sharing`` a cluster, which may have too much to do at any step. Nothing is
    retried once the run is ``stopping``.
    """

    def __init__(
        self,
        prepare: Callable[[Consumer], ScenarioRun],
        emit: Consumer,
        stopping: Callable[[], bool],
        *,
        sharing: bool = False,
    ) -> None:
        self._prepare = prepare
        self._emit = emit
        self._stopping = stopping
        self._sharing = sharing
        self._began = self._told_more = False
        self._kept: list[Event] = []
        self._remarks: list[str] = []

    def run(self) -> bool:
        """Run it, and again in new namespaces as long as the last attempt is not reliable.

        Returns whether ``run_last`` is to try it again, as the cluster was not ready.
        """

        def keep(event: Event) -> None:
            doubtful = first.probes_continuously or first.reused or self._sharing
            if isinstance(event, ScenarioStarted) and not first.not_ready:
                self._began = True
                self._emit(event)
            elif doubtful or first.not_ready:
                self._kept.append(event)
            else:
                self._told_more = True
                self._emit(event)

        first = self._prepare(keep)
        first.run()
        suspect = _ends(self._kept)[0] if _is_suspect(first, self._kept) else None
        last = self._retried(first, once=suspect is not None)
        if suspect is not None:
            self._remarks.append(
                "It passed in fresh namespaces. In those that another scenario had left, its "
                f"policies deleted, it came to {suspect.outcome.value}: {suspect.reason}"
            )
        if last.not_ready and not (self._told_more or self._stopping() or _has_failed(self._kept)):
            _log.info("will be run again at the end: the cluster was not ready")
            return True
        self.tell()
        return False

    def run_last(self) -> bool:
        """Try it once more, with nothing taken over; returns whether the cluster was ready."""
        before = _ends(self._kept)[0].reason
        self._remarks.append(
            "It passed when it was tried again at the end of the run, alone. At first it came to "
            f"{Outcome.INCONCLUSIVE.value}: {before}"
        )
        last = self._retried(self._fresh(), once=False)
        self.tell()
        return not last.not_ready

    def tell(self) -> None:
        """Tell of the last attempt: that is what counts."""
        for event in self._kept:
            if not (self._began and isinstance(event, ScenarioStarted)):
                self._emit(_annotated(event, self._remarks))

    def _retried(self, attempt: ScenarioRun, *, once: bool) -> ScenarioRun:
        """The last attempt after this one: ``once`` more at least, and while it is undecided."""
        for _ in range(1, _MOST):
            if self._stopping() or not (once or _is_undecided(self._kept)):
                break
            _log.info("is run again: that may have been no fault of the plugin")
            attempt, once = self._fresh(), False
        return attempt

    def _fresh(self) -> ScenarioRun:
        """A fresh attempt, whose events are kept in the place of those before."""
        self._kept = []
        attempt = self._prepare(self._kept.append)
        attempt.run(fresh=True)
        return attempt


class LastAttempts:
    """The last attempts of a run's scenarios, one after the other, as long as they are any use."""

    def __init__(self) -> None:
        self._in_vain = 0

    def run(self, attempts: Attempts) -> None:
        """Make one scenario's, or tell of the first one."""
        if self._in_vain >= _MOST_IN_VAIN:
            _log.info("is not run again: the cluster is never ready")
            attempts.tell()
        else:
            self._in_vain = 0 if attempts.run_last() else self._in_vain + 1


def _annotated(event: Event, remarks: Sequence[str]) -> Event:
    """The event; of a scenario that passed in the end, with ``remarks`` on what was before."""
    if not isinstance(event, ScenarioFinished) or event.outcome is not Outcome.PASS or not remarks:
        return event
    return event.model_copy(update={"reason": " ".join(remarks)})


def _has_failed(events: Sequence[Event]) -> bool:
    """Whether something was seen to be wrong, though the scenario came to nothing later."""
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    return any(step.outcome is Outcome.FAIL for step in steps)


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
