"""From a request to a finished run: the one way in, for the command line and for pytest."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from netpol_conformance.app.logs import log_to
from netpol_conformance.app.report_files import tell_github, write_files
from netpol_conformance.app.request import RunRequest
from netpol_conformance.clusters.base import ClusterError, Driver
from netpol_conformance.clusters.interrupting import shield
from netpol_conformance.judge.outcome import ExitCode, Outcome, combine, exit_code
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report
from netpol_conformance.run.events import Consumer, Event, RunFinished, ScenarioFinished
from netpol_conformance.run.session import Session, Stop, begin_of_run, end_of_run

INTERRUPTED = "It was interrupted."


@dataclass(frozen=True)
class FinishedRun:
    """What a run came to. ``unwritten`` says of each report that is not where it should be why."""

    report: Report
    unwritten: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The run's own; a report that is missing is the machine's fault."""
        code = ExitCode(self.report.exit_code)
        return ExitCode.NO_ANSWER if self.unwritten and code is ExitCode.YES else code


def run(
    request: RunRequest,
    *consumers: Consumer,
    progress: Callable[[str], None] = lambda _line: None,
    annotate: Callable[[str], None] = lambda _line: None,
    stop: Stop | None = None,
) -> FinishedRun:
    """Run it: open the cluster, run the scenarios, remove all that was made, write the reports.

    ``consumers`` get every event, one at a time, from whichever thread. ``progress`` gets a line
    where something takes long, ``annotate`` lines for GitHub Actions where this is a step of it.
    Calling ``stop`` ends the run early, as a KeyboardInterrupt does: with its reports.
    """
    stop = stop or Stop()
    collector = Collector()
    unwritten: list[str] = []
    all_consumers = (_stop_after(request.maxfail, stop), *consumers)

    def emit(event: Event) -> None:
        collector(event)
        if isinstance(event, RunFinished):
            # First, lest a consumer's fault cost the reports.
            unwritten.extend(write_files(request.files, collector.report()))
        for consumer in all_consumers:
            consumer(event)

    session = Session(request.setting, emit, stop, progress)
    with log_to(request.log, request.verbosity):
        _run_scenarios(session, request, progress, stop)
        with shield():  # an impatient second Ctrl-C costs neither report nor cleaning up
            emit(_closed(request.setting.driver, _ended(session, request, emit, stop)))
            return _finished(request, collector.report(), unwritten, annotate)


def _finished(
    request: RunRequest, report: Report, unwritten: list[str], annotate: Callable[[str], None]
) -> FinishedRun:
    try:
        tell_github(report, request.scenarios, os.environ, annotate)
    except OSError as error:
        unwritten.append(f"GitHub's step summary is missing: {error}")
    return FinishedRun(report, tuple(unwritten))


def _run_scenarios(
    session: Session, request: RunRequest, progress: Callable[[str], None], stop: Stop
) -> None:
    """Open the driver and run the scenarios, until all have ended or ``stop`` says why not."""
    try:
        request.setting.driver.open(progress)
        session.begin(request.scenarios)
        session.wait()
    except KeyboardInterrupt:
        stop(INTERRUPTED)
    except ClusterError as error:
        stop(str(error))
    except Exception:  # noqa: BLE001 - what was made must be removed, and the report says it
        stop(f"The suite itself failed:\n{traceback.format_exc()}")


def _ended(session: Session, request: RunRequest, emit: Consumer, stop: Stop) -> RunFinished:
    """The run's last event, not yet told; its first, too, if it did not come to that."""
    if session.has_begun:
        return session.finish()
    started = begin_of_run(request.setting, request.scenarios)
    emit(started)
    return end_of_run([], None, started.started, partial=True, reason=stop.reason)


def _closed(driver: Driver, end: RunFinished) -> RunFinished:
    """The end, once the driver has removed what it made, and told if it could not."""
    try:
        driver.close()
    except ClusterError as error:
        outcome = combine([end.outcome, Outcome.INCONCLUSIVE])
        return end.model_copy(
            update={
                "outcome": outcome,
                "exit_code": int(exit_code(outcome)),
                "reason": f"{end.reason} {error}".strip(),
            }
        )
    return end


def _stop_after(failures: int, stop: Stop) -> Consumer:
    """A consumer that ends the run when so many scenarios did not pass; never for 0."""
    seen = 0

    def count(event: Event) -> None:
        nonlocal seen
        if isinstance(event, ScenarioFinished) and event.outcome.is_wrong and not event.not_carried:
            seen += 1
            if seen == failures:
                stop(f"It was ended after {failures} scenarios that did not pass (--maxfail).")

    return count
