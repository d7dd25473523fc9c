"""A conformance run inside pytest: what the plugin's thin front registers once it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import cached_property

import pytest
from _pytest.mark.structures import ParameterSet

from netpol_conformance.app import UsageError
from netpol_conformance.app.matching import markers
from netpol_conformance.app.request import RunRequest, prepare, scenarios_of
from netpol_conformance.app.running import INTERRUPTED, FinishedRun, run
from netpol_conformance.clusters.interrupting import Terminable, shield
from netpol_conformance.judge.outcome import ExitCode, Outcome
from netpol_conformance.pytest_plugin import options_of
from netpol_conformance.pytest_plugin.results import (
    NoResultError,
    RemoteResults,
    Results,
    ResultServer,
)
from netpol_conformance.report.document.enforcing import shortened_in_words
from netpol_conformance.run.events import Event, WaitsShortened
from netpol_conformance.run.session import Stop
from netpol_conformance.scenario.types import Scenario


class Conformance:
    """The run of one pytest process; a plugin of its own from the moment it is needed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._background: _BackgroundRun | None = None

    # -- collection ------------------------------------------------------------------------------

    def check_request(self) -> None:
        """Raise pytest.UsageError for options and scenarios that cannot be run."""
        _ = self._request

    def parameters(self) -> list[ParameterSet]:
        """A pytest parameter for each scenario; raises pytest.UsageError for a bad corpus."""
        for scenario in self._scenarios:
            for name in markers(scenario):
                self._config.addinivalue_line("markers", f"{name}: see netpol-conformance list")
        return [
            pytest.param(
                scenario,
                id=scenario.path,
                marks=[getattr(pytest.mark, name) for name in markers(scenario)],
            )
            for scenario in self._scenarios
        ]

    @cached_property
    def _scenarios(self) -> Sequence[Scenario]:
        """The scenarios that the options name; that they can be run is checked by no worker."""
        if not self._is_worker:
            return self._request.scenarios
        try:
            return scenarios_of(options_of(self._config))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    @cached_property
    def _request(self) -> RunRequest:
        try:
            return prepare(options_of(self._config))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    @property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workerinput")

    # -- the run ---------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin the run with the scenarios that were selected, unless there is nothing to run."""
        if self._config.option.collectonly or self._is_worker:
            return
        specs = [getattr(item, "callspec", None) for item in session.items]
        chosen = [spec.params["scenario"] for spec in specs if spec and "scenario" in spec.params]
        if chosen:
            self._background = _BackgroundRun(self._request.narrowed(chosen), self._say)

    def begin_for_workers(self, paths: Iterable[str], address: str) -> None:
        """Begin the run of these scenarios, unless it has begun; workers ask at ``address``."""
        if self._background is not None:
            return
        wanted = frozenset(paths)
        chosen = [scenario for scenario in self._scenarios if scenario.path in wanted]
        if chosen:
            self._background = _BackgroundRun(self._request.narrowed(chosen), self._say, address)

    @cached_property
    def _results(self) -> Results | RemoteResults:
        if self._background is not None:
            return self._background.results
        return RemoteResults(self._config.workerinput["netpol_results"])  # type: ignore[attr-defined]

    def check(self, scenario: Scenario) -> None:
        """Wait for the scenario; pass, skip or fail the test by its outcome."""
        try:
            outcome, text, not_carried = self._results.wait(scenario.path)
        except NoResultError as error:
            pytest.exit(str(error), returncode=ExitCode.NO_ANSWER)
        match outcome:
            case Outcome.UNSUPPORTED:
                pytest.skip(f"UNSUPPORTED: {text}")
            case Outcome.INCONCLUSIVE if not_carried:  # no failure of the run either
                pytest.skip(f"INCONCLUSIVE: {text}")
            case Outcome.XFAIL:
                pytest.xfail(text)
            case Outcome.FAIL | Outcome.INCONCLUSIVE:
                pytest.fail(text, pytrace=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the run, write the reports, and let pytest exit with the run's own code."""
        if self._background is None:
            return
        with shield():  # an impatient second Ctrl-C costs neither report nor cleaning up
            interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
            finished = self._background.finish(
                INTERRUPTED if interrupted else "pytest ended before its scenarios did."
            )
        for words in finished.unwritten:
            self._say(words)
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = finished.exit_code or exitstatus

    def _say(self, line: str) -> None:
        """What takes long says so, in pytest's own output."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(line)


class _BackgroundRun:
    """A run in a thread beside the tests, which wait for its ``results``."""

    def __init__(self, request: RunRequest, say: Callable[[str], None], address: str = "") -> None:
        self.results = Results(scenario.path for scenario in request.scenarios)
        self._server = ResultServer(self.results, address) if address else None
        self._stop = Stop()
        self._finished: Future[FinishedRun] = Future()
        self._signals = Terminable()
        self._signals.begin()
        threading.Thread(target=self._run, args=[request, say], daemon=True).start()

    def _run(self, request: RunRequest, say: Callable[[str], None]) -> None:
        def tell(event: Event) -> None:
            """What concerns no single test."""
            if isinstance(event, WaitsShortened):
                say(shortened_in_words(event))

        try:
            finished = run(request, self.results, tell, progress=say, annotate=say, stop=self._stop)
        except BaseException as error:  # noqa: BLE001 - for whoever waits for it
            self._finished.set_exception(error)
            self.results.close(repr(error))
        else:
            self._finished.set_result(finished)
            self.results.close(finished.report.reason)

    def finish(self, reason: str) -> FinishedRun:
        """The finished run; what has not ended by now is ended for that ``reason``."""
        if not self.results.complete:
            self._stop(reason)
        try:
            return self._finished.result()
        finally:
            self._signals.end()
            if self._server is not None:
                self._server.close()
