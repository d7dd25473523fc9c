"""One scenario on one cluster: prepare, control, steps, closing control -> events."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from netpol_conformance.clusters.base import (
    Cluster,
    ClusterError,
    ClusterInfo,
    NotReadyError,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.expectation.blocks import BlockError, check_blocks
from netpol_conformance.expectation.matrix import (
    DoubleEntryError,
    expected_matrix,
    expected_throughout,
)
from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.model.version import LATEST
from netpol_conformance.run.addressing import AddressError
from netpol_conformance.run.change import Change
from netpol_conformance.run.continuous import ContinuousProbing
from netpol_conformance.run.events import (
    ClusterRecord,
    Consumer,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)
from netpol_conformance.run.execution import Execution, awaited
from netpol_conformance.run.network import Network
from netpol_conformance.run.results import (
    StepRun,
    first_reason,
    judged,
    lacks_paths_only,
    step_result,
)
from netpol_conformance.run.settle import Settled, settle
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.run.waiting import Cut, ScenarioWaits, Wait, relabels
from netpol_conformance.scenario.features import Profile, profile_of
from netpol_conformance.scenario.paths import PathError
from netpol_conformance.scenario.templating import TemplateError
from netpol_conformance.scenario.types import CellKey, Scenario, Step

_log = logging.getLogger(__name__)

_OURS = (ClusterError, RefusedError, AddressError, PathError, TemplateError, BlockError)
"""What can go wrong on our side or the cluster's: never the plugin's fault."""


class ScenarioRun:
    """Runs ``scenario`` on ``cluster`` (which it starts) and emits its events to ``emit``.

    ``timeouts`` say how long it waits for what, in seconds. ``options`` are those of the command
    line that a rerun needs. ``network`` gives what the pod network carries, once it was measured.
    ``not_ready`` says, from the first event on, whether it came to nothing because the cluster was
    not ready in time.
    """

    def __init__(  # noqa: PLR0913 - each is another one's to give
        self,
        scenario: Scenario,
        cluster: Cluster,
        timeouts: Timeouts,
        emit: Consumer,
        *,
        options: Sequence[str] = (),
        network: Callable[[], Network] = Network,
        waits: ScenarioWaits | None = None,
    ) -> None:
        self._scenario = scenario
        self._cluster = cluster
        self._timeouts = timeouts
        self._emit = emit
        self._options = options
        self._waits = waits or ScenarioWaits(timeouts)
        self._execution = Execution(scenario, cluster, timeouts, network)
        self._waiting: list[StepRun] = []
        self._not_carried = False
        self.not_ready = False

    @property
    def probes_continuously(self) -> bool:
        """Whether it asks all through a change."""
        return bool(self._scenario.asking)

    @property
    def reused(self) -> bool:
        """Whether it took over what another scenario had left."""
        return self._execution.reused

    def run(self, *, fresh: bool = False) -> Outcome:
        """Run all steps; every failure of ours becomes INCONCLUSIVE with its reason.

        If it is to be ``fresh``, it takes nothing over from other scenarios. Raises what ``emit``
        does and what is a bug of the suite; the cluster is given back all the same.
        """
        outcome, began = Outcome.INCONCLUSIVE, time.time()
        _log.info("begins%s", ", with nothing taken over" if fresh else "")
        try:
            outcome, reason = self._outcome(began, fresh=fresh)
            return self._ended(outcome, reason, began)
        finally:
            with suppress(ClusterError):  # closing or starting it again reports the error
                # After anything but a PASS its policies may not be what they should be.
                self._cluster.release(clean=outcome is Outcome.PASS)

    def _ended(self, outcome: Outcome, reason: str, began: float) -> Outcome:
        seconds = time.time() - began
        _log.info("ends after %.1f s: %s%s", seconds, outcome.value, reason and f": {reason}")
        self._emit(
            ScenarioFinished(
                path=self._scenario.path,
                outcome=outcome,
                reason=reason,
                not_carried=outcome is Outcome.INCONCLUSIVE and self._not_carried,
                duration=seconds,
                rerun=rerun_command(self._scenario.path, self._options),
            )
        )
        return outcome

    def _outcome(self, began: float, *, fresh: bool) -> tuple[Outcome, str]:
        try:
            info = self._execution.start()
        except (ClusterError, UnsupportedError) as error:
            self.not_ready = isinstance(error, NotReadyError)
            # Every scenario has its first event, so that a report shows what never ran.
            self._emit(scenario_started(self._scenario, began))
            unsupported = isinstance(error, UnsupportedError)
            return (Outcome.UNSUPPORTED if unsupported else Outcome.INCONCLUSIVE), str(error)
        self._emit(scenario_started(self._scenario, began, info))
        try:
            results = self._results(fresh=fresh)
        except UnsupportedError as error:
            return Outcome.UNSUPPORTED, str(error)
        except DoubleEntryError as error:
            # Unless it is pinned to a version, a scenario is written for the latest one: on another
            # a disagreement says only that it is not for that.
            other = not self._scenario.version_pinned and self._scenario.version != LATEST
            return (Outcome.UNSUPPORTED if other else Outcome.INCONCLUSIVE), str(error)
        except _OURS as error:
            self.not_ready = isinstance(error, NotReadyError)
            return Outcome.INCONCLUSIVE, str(error)
        # Other plugins' networks may lack what only the extended profile asks for.
        optional = profile_of(self._scenario) is not Profile.CORE
        self._not_carried = optional and lacks_paths_only(results)
        return combine(result.outcome for result in results), first_reason(results)

    def _results(self, *, fresh: bool) -> list[StepResult]:
        self._execution.apply_initial(fresh=fresh)
        self._waits.relabelled()
        self._execution.opening_control()
        results = []
        for index, step in enumerate(self._scenario.steps, start=1):
            # A denial is judged once it has its control. Steps that lack one wait for the closing
            # control, and those after them too: a report tells steps in their order.
            self._waiting.append(self._step_run(index, step))
            results += self._judged()
        missing = self._execution.controls.missing
        self._execution.closing_control(
            {cell for step_run in self._waiting for cell in missing(step_run.denied)},
            self._waits.closing,
        )
        return results + self._judged(final=True)

    def _judged(self, *, final: bool = False) -> list[StepResult]:
        """The results of the steps whose controls are complete, emitted as they come."""
        results, controls = [], self._execution.controls
        while self._waiting and (final or not controls.missing(self._waiting[0].denied)):
            result = step_result(
                self._scenario, self._waiting.pop(0), controls, within=self._waits.within
            )
            _log.debug("step %d comes to %s", result.index, result.outcome.value)
            self._emit(StepFinished(path=self._scenario.path, step=result))
            results.append(result)
        return results

    # -- one step --------------------------------------------------------------------------------

    def _step_run(self, index: int, step: Step) -> StepRun:
        began = time.time()
        before = self._execution.in_force
        continuous = ContinuousProbing(
            self._cluster, self._execution.addressing(), step, self._timeouts
        )
        # It must be asking before anything changes, or an opening at once would go unseen.
        continuous.begin()
        change = self._execution.change(step)
        state = self._execution.in_force
        check_blocks(state, self._scenario, index - 1)
        if relabels(step, before, state):
            self._waits.relabelled()
        expected = expected_matrix(state, self._scenario, step)
        # At every moment either the old state may be in force or the new one: only what both say
        # can be expected all the time.
        meanwhile = expected_throughout((before, state), self._scenario, step)
        carried = self._execution.carried((*expected, *meanwhile))
        wait = self._waits.wait(index, expected)
        settled, cut = self._settled(wait, change, carried)
        _log.info("step %d: %s", index, settled.summary)
        return StepRun(
            index,
            step,
            change,
            expected,
            settled,
            continuous.end(),
            meanwhile,
            carried,
            state,
            began,
            time.time() - began,
            cut,
        )

    def _settled(
        self, wait: Wait, change: Change, carried: Mapping[CellKey, bool | None]
    ) -> tuple[Settled, Mapping[CellKey, Cut]]:
        """What came of waiting, and the cells whose wait was cut short."""
        if not wait.expected:
            return Settled(), {}
        wanted = {cell: entry.expectation for cell, entry in wait.expected.items()}
        prober, controls = self._execution.prober(), self._execution.controls
        settled = settle(
            prober, awaited(wanted, carried), changed_at=change.done_at, until=wait.until
        )
        # A pod that comes and goes between first and last step has no other control.
        controls.add_allowed(settled.rounds[-1], wanted)
        wrong = {
            cell: judged(cell, wanted[cell], settled, controls.proof(cell, carried=carried[cell]))
            for cell in settled.wrong(wanted)
        }
        return settled, self._waits.learn(wait, settled, wrong, controls, reused=self.reused)


def rerun_command(path: str, options: Sequence[str] = ()) -> str:
    """The command that runs just the scenario at ``path`` (``pack/name.yaml``) again, with the
    same ``options`` of the command line.
    """
    return shlex.join(["netpol-conformance", "run", path, *options])


def scenario_started(
    scenario: Scenario, began: float, info: ClusterInfo | None = None
) -> ScenarioStarted:
    """The first event of ``scenario``, which ``began`` then (seconds since the epoch); ``info`` is
    of its cluster, None if it got none.
    """
    return ScenarioStarted(
        path=scenario.path,
        title=scenario.title,
        pack=scenario.pack,
        rules=scenario.rules,
        covers=scenario.covers,
        features=scenario.features,
        profile=profile_of(scenario).value,
        documented=f"{scenario.documented.where}, {scenario.documented.section}",
        link=scenario.documented.link,
        about=scenario.about,
        digest=scenario.digest,
        steps=len(scenario.steps),
        started=began,
        cluster=ClusterRecord(**asdict(info)) if info else None,
    )
