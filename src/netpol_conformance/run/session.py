"""Many scenarios on many clusters at once -> one stream of events."""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from netpol_conformance import __version__
from netpol_conformance.clusters.base import (
    Cluster,
    ClusterError,
    Driver,
)
from netpol_conformance.judge.outcome import Outcome, combine, exit_code
from netpol_conformance.plugins.types import Declaration, Declared
from netpol_conformance.run.declaring import Declaring, declaration_record
from netpol_conformance.run.events import (
    Consumer,
    Event,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    WaitsShortened,
)
from netpol_conformance.run.network import Network
from netpol_conformance.run.patience import Patience, Turn
from netpol_conformance.run.preparing import UNPREPARED, Prepared, prepare
from netpol_conformance.run.retries import Attempts, LastAttempts
from netpol_conformance.run.scenario import ScenarioRun, rerun_command
from netpol_conformance.run.throttle import Throttle
from netpol_conformance.run.timeouts import DEFAULT_TIMEOUTS, Timeouts
from netpol_conformance.run.waiting import ScenarioWaits
from netpol_conformance.scenario.features import Profile
from netpol_conformance.scenario.types import Scenario

_log = logging.getLogger(__name__)
T = TypeVar("T")

CURRENT_SCENARIO: ContextVar[str] = ContextVar("scenario", default="")
"""The path of the scenario that is at work here; a log's lines name it."""
_BUSY_PER_PROCESSOR = 2
"""How many scenarios that ask all through a change a processor has time for."""


@dataclass(frozen=True)
class Setting:
    """What a run is made with. ``driver`` is open and gives each of ``jobs`` workers a cluster.

    ``options`` are those that running one of its scenarios again needs. ``declaration`` is what
    the implementation says of itself; ``strict_features`` fails what it calls unsupported and
    passes. ``profile`` is what the scenarios were chosen by, all of them if ``whole``. Changes must
    be in force in ``enforce_within`` seconds, if that is demanded.
    """

    driver: Driver
    jobs: int = 1
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    command: str = ""
    options: tuple[str, ...] = ()
    kubernetes_version: str | None = None
    declaration: Declaration | None = None
    strict_features: bool = False
    profile: Profile = Profile.EXTENDED
    whole: bool = False
    enforce_within: float | None = None


class Stop:
    """Ends a run before its scenarios do: ``stop(reason)``, from any thread or signal's handler."""

    def __init__(self) -> None:
        self.reason = ""
        self.over = threading.Event()

    def __call__(self, reason: str) -> None:
        """End it; of several reasons the first is told."""
        self.reason = self.reason or reason
        self.over.set()


class Session:
    """One run. ``emit`` gets every event, one at a time, from whichever thread; ``on_progress`` a
    line where something is not as fast as one would expect.

    ``begin`` starts all scenarios in the background; ``wait`` returns when they have ended, or
    ``stop`` was called; ``finish`` ends the run whatever its state.

    Scenarios mostly wait, so many run at once; but those that ask a hundred times a second all
    through a change need a processor: they run last, and few at a time. After them those are tried
    again, one by one, for which the cluster was not ready.
    """

    def __init__(
        self,
        setting: Setting,
        emit: Consumer,
        stop: Stop | None = None,
        on_progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._stop = stop or Stop()
        self._setting = setting
        self._consumer = emit
        self._lock = threading.Lock()
        self._began = time.time()
        self._pool = ThreadPoolExecutor(setting.jobs, thread_name_prefix="scenario")
        self._busy_pool = ThreadPoolExecutor(
            min(setting.jobs, _BUSY_PER_PROCESSOR * (os.cpu_count() or 1)),
            thread_name_prefix="busy-scenario",
        )
        self._last_pool = ThreadPoolExecutor(1, thread_name_prefix="last-scenario")
        self._last_attempts = LastAttempts()
        self._untold: dict[str, Attempts] = {}
        self._on_progress = on_progress
        self._throttle = Throttle(
            setting.jobs, setting.driver.load, setting.timeouts.ready, self._tell
        )
        self._local = threading.local()
        self._clusters: list[Cluster] = []
        self._futures: dict[str, Future[Outcome]] = {}
        self._quiet: list[Future[Outcome]] = []
        self._all_first: list[Future[Outcome]] = []
        self._all_begun = threading.Event()
        self._prepared: Future[Prepared] | None = None
        self._stopping = threading.Event()
        self._patience = Patience(self._tell_of_waits)

    def begin(self, scenarios: Sequence[Scenario]) -> None:
        """Tell that the run begins, test the probes, measure the pod network, and start all
        ``scenarios``.
        """
        _log.info("%d scenarios, %d at once", len(scenarios), self._setting.jobs)
        self._emit(begin_of_run(self._setting, scenarios))
        self._prepared = self._pool.submit(self._prepare, tuple(scenarios))
        for scenario in sorted(scenarios, key=lambda scenario: bool(scenario.asking)):
            self._submit(scenario)
        self._all_begun.set()
        for future in self._all_first:
            future.add_done_callback(self._count)

    def wait(self) -> None:
        """Until every scenario has ended, or somebody stopped the run."""
        if self._futures:
            self._stop.over.wait()

    @property
    def has_begun(self) -> bool:
        """Whether anything was told of it."""
        return self._prepared is not None

    def finish(self) -> RunFinished:
        """End the run: what has not started never will, what runs is cut off."""
        reason = self._stop.reason
        unfinished = [future for future in self._futures.values() if not future.done()]
        self._tell_untold()
        self._stopping.set()
        self._all_begun.set()
        self._throttle.open()
        pools = (self._pool, self._busy_pool, self._last_pool)
        running = sum(future.running() for future in unfinished)
        if running:
            self._tell(f"ending {running} scenarios ...")
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        if unfinished or reason:
            self._close_clusters()
        for pool in pools:
            pool.shutdown(wait=True)
        self._close_clusters()
        return end_of_run(
            [_result(future, Outcome.INCONCLUSIVE) for future in self._futures.values()],
            _result(self._prepared, UNPREPARED).tested if self._prepared else None,
            self._began,
            partial=bool(unfinished or reason),
            reason=reason,
        )

    def _submit(self, scenario: Scenario) -> None:
        if scenario.asking:
            future = self._busy_pool.submit(_context(scenario).run, self._run_last, scenario)
        else:
            future = self._pool.submit(_context(scenario).run, self._run, scenario)
            self._quiet.append(future)
        self._futures[scenario.path] = future
        self._all_first.append(future)

    def _count(self, _ended: Future[Outcome]) -> None:
        """The last of the scenarios to end ends the run."""
        if all(future.done() for future in self._futures.values()):
            self._stop.over.set()

    def _run_last(self, scenario: Scenario) -> Outcome:
        """Run it when all others that were begun have ended."""
        self._wait_for(tuple(self._quiet))
        return self._run(scenario)

    def _wait_for(self, others: Iterable[Future[Any]]) -> None:
        for other in others:
            with suppress(CancelledError):  # concurrent.futures.wait would wait for it for ever
                other.exception()

    def _check_wanted(self) -> None:
        if self._stopping.is_set():
            raise ClusterError("the run was ended before this scenario began")

    def _run(self, scenario: Scenario) -> Outcome:
        ends: list[ScenarioFinished] = []

        def keep(event: Event) -> None:
            if isinstance(event, ScenarioFinished):
                ends.append(event)
            if not self._stopping.is_set():
                self._emit(event)

        setting = self._setting
        declaration = setting.declaration
        declared = declaration.declared(scenario) if declaration else Declared("")
        emit = Declaring(declared, keep, strict=setting.strict_features)

        def attempt(consume: Consumer) -> ScenarioRun:
            timeouts, within = setting.timeouts, setting.enforce_within
            waits = ScenarioWaits(timeouts, self._patience, scenario.path, declared, within)
            return ScenarioRun(
                scenario,
                self._cluster(),
                timeouts,
                consume,
                options=setting.options,
                network=self._network,
                waits=waits,
            )

        sharing = not setting.driver.controlled
        if sharing:
            self._network()  # measured before any other scenario's policy is on the cluster
        attempts = Attempts(attempt, emit, self._stopping.is_set, sharing=sharing)
        with self._throttle.turn():
            self._check_wanted()
            again = self._told_of_faults(attempts.run, scenario, keep)
        if again:
            self._run_again(scenario, attempts, keep, ends)
        return _counted(ends)

    def _run_again(
        self,
        scenario: Scenario,
        attempts: Attempts,
        keep: Consumer,
        ends: Sequence[ScenarioFinished],
    ) -> None:
        """Have the last of its attempts made when all others have ended; its end is waited for."""

        def last() -> Outcome:
            self._wait_for(self._all_first)
            if self._untold.pop(scenario.path, None):
                run = partial(self._last_attempts.run, attempts)
                self._told_of_faults(run, scenario, keep)
            return _counted(ends)

        self._untold[scenario.path] = attempts
        self._all_begun.wait()  # or begin() would put the first attempt in its place
        with suppress(RuntimeError):  # the run is ending
            future = self._last_pool.submit(_context(scenario).run, last)
            self._futures[scenario.path] = future
            future.add_done_callback(self._count)

    def _tell_untold(self) -> None:
        """Tell of the first attempts of which there will be no last: that is all there is."""
        with suppress(KeyError):  # the last one has just begun
            while self._untold:
                self._untold.popitem()[1].tell()

    def _told_of_faults(
        self, run: Callable[[], object], scenario: Scenario, keep: Consumer
    ) -> object:
        """What ``run`` returns; a fault of the suite is told as the scenario's end."""
        try:
            return run()
        except Exception:  # noqa: BLE001 - a fault of the suite spoils one scenario, reported in full
            _log.exception("the suite itself failed")
            keep(
                ScenarioFinished(
                    path=scenario.path,
                    outcome=Outcome.INCONCLUSIVE,
                    reason=f"The suite itself failed:\n{traceback.format_exc()}",
                    duration=0.0,
                    rerun=rerun_command(scenario.path, self._setting.options),
                )
            )
            return None

    def _prepare(self, scenarios: Sequence[Scenario]) -> Prepared:
        return prepare(self._cluster, scenarios, self._setting.timeouts, self._emit)

    def _network(self) -> Network:
        """What the pod network carries, once that was measured; nothing is known if it wasn't."""
        assert self._prepared is not None
        self._wait_for([self._prepared])
        return _result(self._prepared, UNPREPARED).network

    def _cluster(self) -> Cluster:
        """The cluster of this worker thread."""
        if not hasattr(self._local, "cluster"):
            self._local.cluster = self._setting.driver.cluster()
            with self._lock:
                self._clusters.append(self._local.cluster)
        cluster: Cluster = self._local.cluster
        return cluster

    def _close_clusters(self) -> None:
        with self._lock:
            clusters = list(self._clusters)
        for cluster in clusters:
            cluster.close()

    def _tell_of_waits(self, turn: Turn) -> None:
        """Tell where the run's patience for something ends, or is back."""
        self._emit(
            WaitsShortened(
                what=str(turn.kind),
                seconds=self._setting.timeouts.brief,
                scenarios=turn.scenarios,
                ended_by=turn.come,
            )
        )

    def _emit(self, event: Event) -> None:
        with self._lock:
            self._consumer(event)

    def _tell(self, line: str) -> None:
        with self._lock:
            self._on_progress(line)


def _counted(ends: Sequence[ScenarioFinished]) -> Outcome:
    """What a scenario that came to its ``ends`` counts for the run: what the pod network need not
    carry is listed, and changes no exit code.
    """
    if not ends:
        return Outcome.INCONCLUSIVE
    return Outcome.UNSUPPORTED if ends[0].not_carried else ends[0].outcome


def _result(future: Future[T], otherwise: T) -> T:
    """What it came to; ``otherwise`` if it was cut off or failed on our side."""
    ended = future.done() and not future.cancelled() and future.exception() is None
    return future.result() if ended else otherwise


def _context(scenario: Scenario) -> Context:
    """Where the work for a scenario is done."""
    context = copy_context()
    context.run(CURRENT_SCENARIO.set, scenario.path)
    return context


def begin_of_run(setting: Setting, scenarios: Sequence[Scenario]) -> RunStarted:
    """The first event of a run of ``scenarios`` that is made with ``setting`` and begins now."""
    return RunStarted(
        run_id=uuid.uuid4().hex,
        suite_version=__version__,
        started=time.time(),
        cluster=setting.driver.name,
        implementation=setting.driver.implementation,
        kubernetes_version=setting.kubernetes_version,
        scenarios=tuple(scenario.path for scenario in scenarios),
        command=setting.command,
        machine=machine(),
        profile=setting.profile.value,
        whole=setting.whole,
        declaration=declaration_record(setting.declaration),
        timeouts=asdict(setting.timeouts),
        enforce_within=setting.enforce_within,
    )


def end_of_run(
    outcomes: Sequence[Outcome],
    self_test: Outcome | None,
    began: float,
    *,
    partial: bool,
    reason: str = "",
) -> RunFinished:
    """The last event of a run whose scenarios came to ``outcomes``.

    ``self_test`` is what the test of the probes came to (None: there was none), ``began`` is in
    seconds since the epoch; ``partial`` if not all was run, for the ``reason`` if there is one.
    A partial run is never green, nor one whose probes were not seen to work, nor one in which
    nothing was asked.
    """
    sound = self_test is Outcome.PASS and not partial
    outcome = combine(outcomes if sound else [*outcomes, Outcome.INCONCLUSIVE])
    if outcome is Outcome.UNSUPPORTED:
        outcome = Outcome.INCONCLUSIVE
        reason = reason or "Nothing was tested: none of the scenarios is supported here."
    now = time.time()
    return RunFinished(
        outcome=outcome,
        exit_code=int(exit_code(outcome)),
        partial=partial,
        reason=reason,
        finished=now,
        duration=now - began,
    )


def machine() -> dict[str, str]:
    """The machine that runs the suite, as far as a reader of figures must know it."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpus": str(os.cpu_count() or "unknown"),
        "python": platform.python_version(),
    }
