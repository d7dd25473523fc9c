"""A conformance run inside pytest: what the plugin's thin front registers once it is needed.

Here: scenarios as parameters, a test's wait for its scenario and what it raises, and the way of
events to the reports, also from the workers of pytest-xdist.
Not here: options and fixtures (``pytest_plugin``); anything that needs no pytest.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from functools import cached_property
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from netpol_conformance.clusters.base import ClusterError, Driver
from netpol_conformance.clusters.drivers import make_driver
from netpol_conformance.clusters.interrupting import Shield, Terminable
from netpol_conformance.clusters.options import as_arguments, from_values
from netpol_conformance.corpus import load_agreed
from netpol_conformance.judge.outcome import EXIT_CODES, Outcome, combine
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.plugin_files import load_plugin_profile
from netpol_conformance.plugins.types import PluginProfile
from netpol_conformance.report.console import OwnConsole
from netpol_conformance.report.document import Collector
from netpol_conformance.report.matrix import failure_text
from netpol_conformance.report.terminal import Terminal
from netpol_conformance.reporting import Reporting, tell_github
from netpol_conformance.run.events import (
    Event,
    RunFinished,
    RunStarted,
)
from netpol_conformance.run.session import (
    Session,
    Setting,
    begin_of_run,
    end_of_run,
)
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.features import Profile, selected
from netpol_conformance.scenario.types import Scenario
from netpol_conformance.spool import Spool
from netpol_conformance.workers import Workers


class Conformance:
    """The run of one pytest process; a plugin of its own from the moment it is needed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: Session | None = None
        self._collector = Collector()
        self._reporting = Reporting(config.option)
        self._opened = False
        self._failure = ""
        self._terminable = Terminable()
        self._outbox: list[Event] = []
        self._spool = Spool(
            self._worker_input.get("conformance_spool", ""), self._worker_input.get("workerid", "")
        )
        self.workers = Workers(_Plan(self), self._tell, self._collector)
        self._terminal = self._silence_pytest() if self._shows_matrices else None

    def validate(self) -> None:
        """Raise pytest.UsageError for options and scenarios that cannot be run."""
        if not self._is_worker:
            _ = self.scenarios, self.setting()
            try:
                self._reporting.check_folders()
            except OSError as error:
                raise pytest.UsageError(f"cannot write reports there: {error}") from error

    # -- collection ------------------------------------------------------------------------------

    def parameters(self) -> list[ParameterSet]:
        """A pytest parameter for each scenario; raises pytest.UsageError for a bad corpus."""
        for scenario in self.scenarios:
            for name in _marker_names(scenario):
                self._config.addinivalue_line("markers", f"{name}: see netpol-conformance list")
        return [
            pytest.param(
                scenario,
                id=scenario.path,
                marks=[getattr(pytest.mark, name) for name in _marker_names(scenario)],
            )
            for scenario in self.scenarios
        ]

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that the options name."""
        option = self._config.option
        try:
            corpus = load_agreed(option.scenario, _version(option.kubernetes_version))
        except (ScenarioError, ValueError) as error:
            raise pytest.UsageError(str(error)) from error
        return selected(corpus, Profile(option.conformance_profile))

    @cached_property
    def _plugin_profile(self) -> PluginProfile | None:
        asked = self._config.option.plugin_profile
        try:
            return load_plugin_profile(asked, self._driver.implementation)
        except ScenarioError as error:
            raise pytest.UsageError(str(error)) from error

    @cached_property
    def _driver(self) -> Driver:
        """The driver of the run, not yet open."""
        try:
            return make_driver(from_values(vars(self._config.option)))
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error

    def handle(self) -> str:
        """Open the driver, unless it is, and tell what workers of pytest-xdist join it by."""
        self._open()
        return self._driver.handle()

    def _open(self) -> None:
        """Open the driver, or join the controller's; where that fails, end pytest with a report."""
        if self._opened:
            return
        self._opened = True
        try:
            if self._is_worker:
                self._driver.join(self._worker_input.get("conformance_handle", ""))
            else:
                self._driver.open(self._progress)
        except ClusterError as error:
            self._tell(begin_of_run(self.setting(), ()))
            self._failure = str(error)
            pytest.exit(str(error), returncode=EXIT_CODES[Outcome.INCONCLUSIVE])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say what could not be collected, where pytest itself is silenced."""
        if report.failed and self._terminal is not None:
            sys.stderr.write(f"{report.longreprtext}\n")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Say what broke in pytest or in a plugin, where pytest itself is silenced."""
        if self._terminal is not None:
            sys.stderr.write(f"{excrepr}\n")

    def _progress(self, words: str) -> None:
        """What takes long says so: to the matrices' terminal, else to pytest's own."""
        if self._terminal is not None:
            self._show(lambda terminal: terminal.say(words))
        else:
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                reporter.write_line(words)

    def _plain(self, line: str) -> None:
        """A line for a program that reads the output: nothing before it, nothing in it."""
        if self._terminal is not None:
            self._show(lambda terminal: terminal.plain(line))
        else:
            self._progress(line)

    def _show(self, show: Callable[[Terminal], None]) -> None:
        """Show something on the matrices' terminal; one that takes nothing more ends no run."""
        if self._terminal is None:
            return
        try:
            show(self._terminal)
        except OSError as error:
            self._terminal = None
            sys.stderr.write(f"Nothing more can be shown: {error}\n")

    # -- the run ---------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin the run with the scenarios that were selected, unless there is nothing to run."""
        if self._config.option.collectonly:
            return
        specs = [getattr(item, "callspec", None) for item in session.items]
        chosen = [spec.params["scenario"] for spec in specs if spec and "scenario" in spec.params]
        if chosen:
            self._open()
            self._session = Session(self.setting(len(chosen)), self._tell)
            self._session.begin(chosen, ahead=not self._is_worker)

    def check(self, scenario: Scenario) -> None:
        """Wait for the scenario; pass, skip or fail the test by its outcome."""
        assert self._session is not None, "no conformance run has begun"
        result = self._session.result(scenario)
        end = result.finished
        if end.outcome is Outcome.UNSUPPORTED:
            pytest.skip(f"UNSUPPORTED: {end.reason}")
        if end.outcome is Outcome.XFAIL:
            pytest.xfail(end.reason)
        if end.outcome in EXIT_CODES:
            reason = f"{end.outcome.value}: {scenario.title}\n\n{end.reason}"
            steps = [event.step for event in result.steps]
            pytest.fail(failure_text(steps, reason=reason, rerun=end.rerun), pytrace=False)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the run, write the reports, and let pytest exit with the run's own code."""
        try:
            with Shield():  # an impatient second Ctrl-C costs neither report nor cleaning up
                self._finish(session, exitstatus)
        finally:
            self.workers.close()
            self._terminable.end()

    def _finish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._session is None and not self._collector.begun:
            self._close_driver()
            return
        if self._session is None:
            self.workers.take_left()
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        end = self._end(
            self._failure or self.workers.lost or ("It was interrupted." if interrupted else "")
        )
        left = self._close_driver()
        if self._is_worker:
            return
        if left:
            end = _soiled(end, left)
        self._tell(end)
        self._say_where()
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            unwritten = self._reporting.unwritten
            without = EXIT_CODES[Outcome.INCONCLUSIVE] if unwritten else exitstatus
            session.exitstatus = end.exit_code or without

    def _say_where(self) -> None:
        """Say which reports are where, and let GitHub show the run at its files."""
        unwritten = self._reporting.unwritten
        try:
            report = self._collector.report()
            tell_github(report, self.scenarios, os.environ, self._plain)
        except OSError as error:
            unwritten.append(f"GitHub's step summary is missing: {error}")
        for told in unwritten:
            self._progress(told)
        if not unwritten:
            self._show(lambda terminal: terminal.written(self._reporting.files))

    def _close_driver(self) -> str:
        """Have the driver remove what it made; what it could not remove, and why, if anything."""
        try:
            if self._opened:
                self._driver.close()
        except ClusterError as error:
            return str(error)
        return ""

    def _end(self, reason: str) -> RunFinished:
        if self._session is not None:
            return self._session.finish(reason=reason)
        report = self._collector.report()  # of the workers of pytest-xdist
        outcomes = [scenario.outcome for scenario in report.scenarios]
        tested = report.self_test.outcome if report.self_test is not None else None
        partial = any(scenario.state != "finished" for scenario in report.scenarios) or bool(reason)
        return end_of_run(outcomes, tested, report.started, partial=partial, reason=reason)

    def setting(self, chosen: int = 0) -> Setting:
        """What a run is made with of which so many scenarios are chosen."""
        option = self._config.option
        try:
            timeouts = Timeouts().with_settings(option.timeout_setting)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error
        return Setting(
            driver=self._driver,
            jobs=1 if self._is_worker else max(0, option.jobs) or self._driver.concurrency,
            timeouts=timeouts,
            command=_command(),
            options=_rerun_options(self._config),
            kubernetes_version=option.kubernetes_version,
            plugin_profile=self._plugin_profile,
            strict_features=option.strict_features,
            profile=Profile(option.conformance_profile),
            whole=not option.scenario and chosen == len(self.scenarios),
        )

    # -- events ----------------------------------------------------------------------------------

    @property
    def _shows_matrices(self) -> bool:
        return bool(self._config.option.matrices) and not self._is_worker

    @property
    def _is_worker(self) -> bool:
        return bool(self._worker_input)

    @property
    def _worker_input(self) -> dict[str, str]:
        """What the controller of pytest-xdist gave this worker; empty in the controller itself."""
        given: dict[str, str] = getattr(self._config, "workerinput", {})
        return given

    def _tell(self, event: Event) -> None:
        """Hand one event to the reports, or keep it for the way to the controller."""
        if self._is_worker:
            self._outbox.append(event)
            self._spool(event)
            return
        if isinstance(event, RunStarted):
            self._terminable.begin()
        self._collector(event)
        self._reporting(event)
        self._show(lambda terminal: terminal(event))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """In a worker, let the events so far travel with the test's report."""
        report = yield
        if self._is_worker and report.when == "call":
            sent, self._outbox = self._outbox, []
            report.__dict__["conformance_events"] = [
                event.model_dump(mode="json") for event in sent
            ]
        return report

    def _silence_pytest(self) -> Terminal:
        """Take pytest's reporter away and show the run itself.

        Tests' output is captured, and a scenario's events come while a test waits: so this writes
        to the standard output of before.
        """
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        self._config.pluginmanager.unregister(reporter)
        stream = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
        return Terminal(
            OwnConsole(file=stream, highlight=False), matrices=self._config.option.matrices
        )


class _Plan:
    """What the controller of pytest-xdist knows of its workers' run: it never runs one itself."""

    def __init__(self, conformance: Conformance) -> None:
        self._conformance = conformance

    def scenarios(self) -> Sequence[Scenario]:
        return self._conformance.scenarios

    def begin(self, chosen: Sequence[Scenario]) -> RunStarted:
        return begin_of_run(self._conformance.setting(len(chosen)), chosen)

    def rerun_options(self) -> Sequence[str]:
        return self._conformance.setting().options


def _version(text: str | None) -> KubernetesVersion | None:
    version = KubernetesVersion.parse(text) if text else None
    if version is not None and version > LATEST:
        raise ValueError(f"Kubernetes {version} is not known yet; {LATEST} is the latest")
    return version


def _soiled(end: RunFinished, left: str) -> RunFinished:
    """The end of a run that left something behind."""
    outcome = combine([end.outcome, Outcome.INCONCLUSIVE])
    reason = f"{end.reason} {left}".strip()
    return end.model_copy(
        update={"outcome": outcome, "exit_code": EXIT_CODES[outcome], "reason": reason}
    )


def _rerun_options(config: pytest.Config) -> tuple[str, ...]:
    """The options, other than their defaults, without which a rerun would be another run."""
    option = config.option
    version, declared = option.kubernetes_version, option.plugin_profile
    return (
        *as_arguments(from_values(vars(option))),
        *(("--kubernetes-version", version) if version else ()),
        *(("--plugin-profile", declared) if declared else ()),
        *(("--strict-features",) if option.strict_features else ()),
    )


def _command() -> str:
    """The command that this process was started with, its program by name alone."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _marker_names(scenario: Scenario) -> list[str]:
    """Its markers; a folder of somebody's own may be called what pytest takes for no marker."""
    packs = [scenario.pack] if scenario.pack.isidentifier() and scenario.pack[0] != "_" else []
    return [*packs, *scenario.features, *scenario.rules]
