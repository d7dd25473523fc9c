"""The pytest plugin: a test per scenario, its id the scenario's path.

``pytest suites/conformance`` runs the packs. ``-k``, ``-m`` (packs, features and S-numbers are
markers), ``-n`` and ``--junitxml`` do what a pytest user expects. Without ``-n``, ``--jobs``
scenarios run at once behind the scenes, and each test waits for its own; with ``-n`` each worker
runs one at a time and its events travel to the reports with pytest's own.

The rest of the suite is imported when a conformance test is collected, not with the plugin:
every pytest run of the environment loads this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field
from typing import TYPE_CHECKING, Any, cast

import pytest

from netpol_conformance.clusters.options import default_of, fields_for_pytest, flag_name

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from netpol_conformance.suite import Conformance

_PLUGIN = "netpol-conformance-run"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    group = parser.getgroup("netpol-conformance", "conformance of NetworkPolicy implementations")
    add = group.addoption
    add(
        "--scenario",
        action="append",
        default=[],
        metavar="PATH",
        help="a pack, folder or scenario to run (again for more); default: all packs",
    )
    for option in fields_for_pytest():
        _add_cluster_option(add, option)
    add(
        "--kubernetes-version",
        metavar="1.N",
        help="the version, from 1.5 to 1.34, of clusters whose scenario asks for none",
    )
    add(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="scenarios that run at once, each on a cluster of its own (default: 8 for each CPU; "
        "they mostly wait)",
    )
    add(
        "--timeout-setting",
        action="append",
        default=[],
        metavar="NAME=SECONDS",
        help="set a named time-out: ready, enforce, poll, probe, confirm or hold",
    )
    add(
        "--conformance-profile",
        choices=("core", "extended", "history"),
        default="extended",
        help="core: what every plugin is held to; extended (the default): all there is; "
        "history: what older versions meant",
    )
    add(
        "--plugin-profile",
        metavar="NAME|FILE",
        default="",
        help="what the implementation declares: a profile under plugins/, a file, or none "
        "(default: the implementation's own, if there is one)",
    )
    add(
        "--strict-features",
        action="store_true",
        help="fail what passes though it needs a feature that is declared as unsupported",
    )
    add("--conformance-report", metavar="DIR", help="write every kind of report into this folder")
    add("--conformance-json", metavar="FILE", help="write the report as JSON")
    add("--conformance-html", metavar="FILE", help="write the report as one HTML page")
    add("--conformance-junit", metavar="FILE", help="write the report as JUnit XML of its own")
    add("--conformance-yaml", metavar="FILE", help="write a ConformanceReport, the short form")
    add("--conformance-markdown", metavar="FILE", help="write a summary as Markdown")
    add(
        "--matrices",
        choices=("all", "failures"),
        help="show the matrices as they come, instead of pytest's own progress",
    )


def _add_cluster_option(add: Callable[..., object], option: Field[Any]) -> None:
    default = default_of(option)
    how: dict[str, Any] = {"metavar": option.metadata.get("metavar"), "default": default}
    if isinstance(default, bool):
        how = {"action": "store_true"}
    elif isinstance(default, tuple):
        how |= {"action": "append", "default": None}
    add(flag_name(option.name), help=option.metadata["help"], **how)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Be ready for workers' events; with matrices, take over what is shown from the start."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Controller(config))
    if config.option.matrices or config.option.scenario:
        _conformance(config).validate()


class _Controller:
    """In the controller of pytest-xdist: what workers need, and the events that they send."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Where all workers share a cluster, open it before they start."""
        if self._config.option.cluster != "embedded":
            node.workerinput["conformance_handle"] = _conformance(self._config).handle()
        if self._reports:
            node.workerinput["conformance_spool"] = _conformance(self._config).workers.folder

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Begin the run as soon as it is known what will run."""
        if self._reports:
            _conformance(self._config).workers.collected(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Keep what a worker saw of the scenario at which it died."""
        if self._reports:
            node: WorkerController = report.__dict__["node"]
            _conformance(self._config).workers.died(node.gateway.id, crashitem)

    @property
    def _reports(self) -> bool:
        """Whether anything is told of a conformance run but by pytest itself."""
        option = vars(self._config.option)
        named = ("report", "json", "html", "junit", "yaml", "markdown")
        return bool(option["matrices"] or any(option[f"conformance_{kind}"] for kind in named))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hand the events on, and take them off the report."""
        events = report.__dict__.pop("conformance_events", None)
        if events:
            _conformance(self._config).workers.receive(events)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each selected scenario where a test asks for ``scenario``."""
    if "scenario" in metafunc.fixturenames and "conformance" in metafunc.fixturenames:
        conformance = _conformance(metafunc.config)
        metafunc.parametrize("scenario", conformance.parameters())


@pytest.fixture
def conformance(request: pytest.FixtureRequest) -> Conformance:
    """The conformance run that this test is a part of."""
    return _conformance(request.config)


def _conformance(config: pytest.Config) -> Conformance:
    found = config.pluginmanager.get_plugin(_PLUGIN)
    if found is None:
        from netpol_conformance.suite import Conformance  # noqa: PLC0415 - see above

        found = Conformance(config)
        config.pluginmanager.register(found, _PLUGIN)
    return cast("Conformance", found)
