"""What is to be run, checked: from options to a request, before anything starts."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netpol_conformance.app import UsageError, usage_errors
from netpol_conformance.app.corpus import load_agreed, load_corpus
from netpol_conformance.app.declarations import load_declaration
from netpol_conformance.app.logs import Verbosity
from netpol_conformance.app.matching import matching
from netpol_conformance.app.options import RunOptions
from netpol_conformance.app.report_files import check_folders, wanted
from netpol_conformance.clusters.drivers import make_driver
from netpol_conformance.clusters.options import as_arguments, check_driver_reads
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.plugins.types import Declaration
from netpol_conformance.run.session import Setting
from netpol_conformance.run.timeouts import Timeouts, timeouts_for
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.features import Profile, selected
from netpol_conformance.scenario.types import Scenario


@dataclass(frozen=True)
class RunRequest:
    """A run that can begin.

    ``scenarios`` are those to run, of as many ``available`` ones as the options name. ``files`` are
    the reports to write, by kind; ``log`` the folder that gets the run's log, of which the terminal
    shows what ``verbosity`` says. After ``maxfail`` scenarios that failed or were inconclusive it
    ends; 0 is never.
    """

    setting: Setting
    scenarios: tuple[Scenario, ...]
    available: int
    files: Mapping[str, Path]
    log: Path | None
    verbosity: Verbosity
    maxfail: int

    def narrowed(self, scenarios: Sequence[Scenario]) -> RunRequest:
        """The request for these of its scenarios only."""
        whole = self.setting.whole and len(scenarios) == self.available
        return replace(self, setting=replace(self.setting, whole=whole), scenarios=tuple(scenarios))


def prepare(options: RunOptions) -> RunRequest:
    """The request that the options make; raises UsageError."""
    try:
        check_driver_reads(options)
        setting, version = _setting(options), _version(options)
        # Last, for it takes a second.
        available = selected(load_agreed(options.scenario, version), setting.profile)
        request = RunRequest(
            setting=setting,
            scenarios=available,
            available=len(available),
            files=wanted(options),
            log=Path(options.report) if options.report else None,
            verbosity=_verbosity(options),
            maxfail=options.maxfail,
        ).narrowed(matching(available, options.keyword, options.marker))
        check_folders(request.files)
    except (ScenarioError, ValueError) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write reports there: {error}") from error
    return request


def _setting(options: RunOptions) -> Setting:
    """Raises ScenarioError, ValueError."""
    driver = make_driver(options)
    if options.jobs < 0:
        raise ValueError(f"--jobs {options.jobs}: give a number of scenarios, or leave it out")
    within = options.enforce_within
    if not 0 <= within < float("inf"):
        raise ValueError(f"--enforce-within {within:g}: give seconds, or leave it out")
    declaration = load_declaration(options.declaration, driver.implementation)
    usual = _waits(timeouts_for(synchronous=driver.synchronous), declaration)
    return Setting(
        driver=driver,
        jobs=options.jobs or driver.concurrency,
        timeouts=usual.with_settings(list(options.timeout)),
        enforce_within=within or None,
        command=_command(),
        options=as_arguments(options),
        kubernetes_version=options.kubernetes_version or None,
        declaration=declaration,
        strict_features=options.strict_features,
        profile=Profile(options.profile),
        whole=not options.scenario,
    )


def _waits(timeouts: Timeouts, declaration: Declaration | None) -> Timeouts:
    """``timeouts``, with the times that the declaration names where those are longer."""
    times = declaration.times if declaration else None
    if times is None:
        return timeouts
    return timeouts.at_least(enforce=times.policies or 0.0, labels=times.labels or 0.0)


def scenarios_of(options: RunOptions) -> tuple[Scenario, ...]:
    """The scenarios that the options name, not held to the oracle; raises UsageError."""
    with usage_errors(ScenarioError, ValueError):
        corpus = load_corpus(options.scenario, _version(options))
    return selected(corpus, Profile(options.profile))


def _verbosity(options: RunOptions) -> Verbosity:
    if options.debug:
        return Verbosity.DEBUG
    return Verbosity.VERBOSE if options.verbose else Verbosity.QUIET


def _version(options: RunOptions) -> KubernetesVersion | None:
    text = options.kubernetes_version
    version = KubernetesVersion.parse(text) if text else None
    if version is not None and version > LATEST:
        raise ValueError(f"Kubernetes {version} is not known yet; {LATEST} is the latest")
    return version


def _command() -> str:
    """The command that this process was started with, its program by name alone."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
