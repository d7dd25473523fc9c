"""One scenario on one cluster: prepare, control, steps, closing control -> events."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from netpol_conformance.clusters.base import (
    Cluster,
    ClusterError,
    ClusterInfo,
    ClusterSpec,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.expectation.matrix import (
    DoubleEntryError,
    Expected,
    expected_matrix,
    expected_meanwhile,
    open_cells,
)
from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.model.objects import ClusterState, Namespace, ObjectKey
from netpol_conformance.model.version import ISOLATION_ANNOTATION, LATEST
from netpol_conformance.run.addressing import AddressError, Addressing
from netpol_conformance.run.change import Change, Changes
from netpol_conformance.run.events import (
    ClusterRecord,
    Consumer,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)
from netpol_conformance.run.lasting import Lasting
from netpol_conformance.run.looks import Controls, Looker
from netpol_conformance.run.preparing import manifest_list, outside_hosts
from netpol_conformance.run.results import Round, first_reason, step_result
from netpol_conformance.run.settle import Settled, converge, settle
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.features import FIRST_PACKET, profile_of
from netpol_conformance.scenario.paths import PathError
from netpol_conformance.scenario.templating import TemplateError
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario, Step

_log = logging.getLogger(__name__)

_OURS = (ClusterError, RefusedError, AddressError, PathError, TemplateError)
"""What can go wrong on our side or the cluster's: never the plugin's fault."""


class ScenarioRun:
    """Runs ``scenario`` on ``cluster`` (which it starts afresh) and tells ``emit`` of it.

    ``options`` are those of the command line that a rerun needs. ``second_hand`` is whether it took
    over what another scenario had left.
    """

    def __init__(
        self,
        scenario: Scenario,
        cluster: Cluster,
        timeouts: Timeouts,
        emit: Consumer,
        *,
        options: Sequence[str] = (),
    ) -> None:
        self.second_hand = False
        self._scenario = scenario
        self._cluster = cluster
        self._timeouts = timeouts
        self._emit = emit
        self._options = options
        self._outside = {host.name: host for host in outside_hosts(scenario)}
        self._documented = frozenset(cell for step in scenario.steps for cell, _ in step.expected)
        self._controls = Controls()
        self._changes = Changes(cluster, scenario)
        self._in_force: ClusterState | None = None
        self._waiting: list[Round] = []

    @property
    def asks_meanwhile(self) -> bool:
        """Whether it asks all through a change."""
        return bool(self._scenario.asking)

    def run(self, *, fresh: bool = False) -> Outcome:
        """Run all steps; every failure of ours becomes INCONCLUSIVE with its reason.

        If it is to be ``fresh``, it takes nothing over from other scenarios.
        """
        outcome, began = Outcome.INCONCLUSIVE, time.time()
        _log.info("begins%s", ", with nothing taken over" if fresh else "")
        try:
            outcome, reason = self._outcome(began, fresh=fresh)
            return self._ended(outcome, reason, began)
        finally:
            with suppress(ClusterError):  # it will tell when it is closed, or started again
                self._cluster.leave(clean=outcome is Outcome.PASS)

    def _ended(self, outcome: Outcome, reason: str, began: float) -> Outcome:
        seconds = time.time() - began
        _log.info("ends after %.1f s: %s%s", seconds, outcome.value, reason and f": {reason}")
        self._emit(
            ScenarioFinished(
                path=self._scenario.path,
                outcome=outcome,
                reason=reason,
                duration=seconds,
                rerun=rerun_command(self._scenario.path, self._options),
            )
        )
        return outcome

    def _outcome(self, began: float, *, fresh: bool) -> tuple[Outcome, str]:
        try:
            info = self._cluster.start(self._spec())
        except (ClusterError, UnsupportedError) as error:
            self._emit(scenario_started(self._scenario, began))
            unsupported = isinstance(error, UnsupportedError)
            return (Outcome.UNSUPPORTED if unsupported else Outcome.INCONCLUSIVE), str(error)
        self._emit(scenario_started(self._scenario, began, info))
        try:
            results = self._results(fresh=fresh)
        except UnsupportedError as error:
            return Outcome.UNSUPPORTED, str(error)
        except DoubleEntryError as error:
            other = not self._scenario.version_pinned and self._scenario.version != LATEST
            return (Outcome.UNSUPPORTED if other else Outcome.INCONCLUSIVE), str(error)
        except _OURS as error:
            return Outcome.INCONCLUSIVE, str(error)
        return combine(result.outcome for result in results), first_reason(results)

    def _results(self, *, fresh: bool) -> list[StepResult]:
        manifests = manifest_list(self._scenario.objects)
        if fresh:
            self._cluster.apply(manifests)
        else:
            self.second_hand = self._cluster.furnish(manifests)
            if self.second_hand:
                _log.debug("took over what another scenario had left")
        self._cluster.wait_ready(self._timeouts.ready)
        self._opening_control()
        results = []
        for index, step in enumerate(self._scenario.steps, start=1):
            self._waiting.append(self._round(index, step))
            results += self._judged()
        self._closing_control()
        return results + self._judged(final=True)

    def _judged(self, *, final: bool = False) -> list[StepResult]:
        """The results of the rounds whose controls are complete, told as they come."""
        results = []
        while self._waiting and (final or not self._controls.missing(self._waiting[0].denied)):
            result = step_result(self._scenario, self._waiting.pop(0), self._controls)
            _log.debug("step %d comes to %s", result.index, result.outcome.value)
            self._emit(StepFinished(path=self._scenario.path, step=result))
            results.append(result)
        return results

    # -- one step --------------------------------------------------------------------------------

    def _round(self, index: int, step: Step) -> Round:
        began = time.time()
        in_force = self._in_force or self._cluster.state()
        lasting = Lasting(self._cluster, self._addressing(), step, self._timeouts)
        lasting.begin()
        change = self._changes.make(step)
        if step.apply and not step.refused:
            self._cluster.wait_ready(self._timeouts.ready)
        if step.enforcer != "cut off":
            self._in_force = self._cluster.state()
        state = self._in_force or in_force
        expected = expected_matrix(state, self._scenario, step)
        meanwhile = expected_meanwhile((in_force, state), self._scenario, step)
        settled = self._settled(expected, change)
        _log.info("step %d: %s", index, settled.told)
        return Round(
            index,
            step,
            change,
            expected,
            settled,
            lasting.end(),
            meanwhile,
            state,
            began,
            time.time() - began,
        )

    def _settled(self, expected: Mapping[CellKey, Expected], change: Change) -> Settled:
        if not expected:
            return Settled()
        wanted = {cell: entry.expectation for cell, entry in expected.items()}
        settled = settle(
            self._looker(), wanted, changed_at=change.done_at, patience=self._timeouts.enforce
        )
        self._controls.add_allowed(settled.looks[-1], wanted)
        return settled

    # -- controls --------------------------------------------------------------------------------

    def _opening_control(self) -> None:
        """Ask every cell before the first step, where no policy stands in its way."""
        self._control(open_cells(self._cluster.state(), self._scenario))

    def _closing_control(self) -> None:
        """Take all policy away and ask the cells that still lack a control."""
        missing = {
            cell for round_ in self._waiting for cell in self._controls.missing(round_.denied)
        }
        if not missing:
            return
        self._changes.reconnect()
        state = self._cluster.state()
        self._cluster.delete([policy.key for policy in state.policies])
        spaces = [_without_isolation(space) for space in state.namespaces]
        self._cluster.apply(manifest_list([after for before, after in spaces if before != after]))
        opened = open_cells(self._cluster.state(), self._scenario)
        self._control([cell for cell in opened if cell in missing], closing=True)

    def _control(self, cells: Sequence[CellKey], *, closing: bool = False) -> None:
        """Ask until every cell has connected once with all its probes, or time is up."""
        looker, began = self._looker(), time.monotonic()
        _log.debug("%s control of %d cells", "closing" if closing else "opening", len(cells))
        wanted = dict.fromkeys(cells, Expectation.CONNECTED)
        patience = self._timeouts.enforce
        converge(looker, wanted, Settled(), changed_at=began, patience=patience)
        while wanted:
            look = looker.control(wanted)
            self._controls.add(look, closing=closing)
            wanted = dict.fromkeys(look.wrong(wanted), Expectation.CONNECTED)
            if time.monotonic() > began + patience:
                return

    # -- the cluster's side ----------------------------------------------------------------------

    def _addressing(self) -> Addressing:
        return Addressing(self._cluster.state(), self._outside)

    def _looker(self) -> Looker:
        prompt = FIRST_PACKET in self._scenario.features
        return Looker(
            self._cluster, self._addressing(), self._documented, self._timeouts, prompt=prompt
        )

    def _spec(self) -> ClusterSpec:
        scenario = self._scenario
        return ClusterSpec(
            scenario.nodes,
            scenario.families,
            scenario.version,
            tuple(self._outside.values()),
            alone=any(step.enforcer is not None for step in scenario.steps),
            asking=frozenset(
                ObjectKey("Pod", source.namespace, source.name)
                for source in scenario.asking
                if source.kind == "pod"
            ),
        )


def rerun_command(path: str, options: Sequence[str] = ()) -> str:
    """The command that runs just this scenario again, the same way."""
    return shlex.join(["netpol-conformance", "run", path, *options])


def _without_isolation(space: Namespace) -> tuple[Namespace, Namespace]:
    """The namespace as it is, and without the annotation that isolates it up to 1.6 (S70)."""
    kept = {key: value for key, value in space.annotations.items() if key != ISOLATION_ANNOTATION}
    return space, replace(space, annotations=kept)


def scenario_started(
    scenario: Scenario, began: float, info: ClusterInfo | None = None
) -> ScenarioStarted:
    """The first event of a scenario; without ``info`` if it has no cluster."""
    cluster = None
    if info is not None:
        cluster = ClusterRecord(
            driver=info.driver,
            implementation=info.implementation,
            kubernetes_version=info.kubernetes_version,
            nodes=info.nodes,
            families=info.families,
            details=info.details,
        )
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
        cluster=cluster,
    )
