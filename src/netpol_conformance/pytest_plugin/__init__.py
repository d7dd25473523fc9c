"""The pytest plugin: a test per scenario, its id the scenario's path.

``pytest suites/conformance`` runs the packs. ``-k``, ``-m`` (packs, features and S-numbers are
markers), ``-n`` and ``--junitxml`` do what a pytest user expects. Scenarios run ``--netpol-jobs``
at once, in the process that pytest was started in, as ``netpol-conformance run`` runs them; each
test waits for its own, also in a worker of pytest-xdist.

Belongs here: pytest's hooks and options. Does not belong here: what runs a scenario (``app``). The
rest of the suite is imported when a conformance test is collected, not with the plugin: every
pytest run of the environment loads this module.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import Field
from typing import TYPE_CHECKING, Any, cast

import pytest

from netpol_conformance.app.options import PYTEST_PREFIX, RunOptions
from netpol_conformance.clusters.options import flag_name, from_values, table

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from netpol_conformance.pytest_plugin.adapter import Conformance

_PLUGIN = "netpol-conformance-run"
SUFFIX = ".yaml"
"""Of scenario files, and so in the id of each of their tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    group = parser.getgroup("netpol-conformance", "conformance of NetworkPolicy implementations")
    for item in table(RunOptions):
        if not item.metadata["of_pytest"]:
            group.addoption(
                flag_name(item.name, PYTEST_PREFIX), help=item.metadata["help"], **_how(item)
            )


def _how(item: Field[Any]) -> dict[str, Any]:
    """What ``addoption`` is told of an option beside its name and help."""
    if isinstance(item.default, bool):
        return {"action": "store_true"}
    how: dict[str, Any] = {"metavar": item.metadata["metavar"], "default": item.default}
    if item.metadata["choices"]:
        return how | {"choices": item.metadata["choices"]}
    if isinstance(item.default, tuple):
        return how | {"action": "append", "default": None}
    return how | {"type": type(item.default)}


def options_of(config: pytest.Config) -> RunOptions:
    """What pytest's command line says of the run."""
    return from_values(RunOptions, vars(config.option), PYTEST_PREFIX.replace("-", "_"))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what cannot be run before anything is collected; be ready for workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Controller(config))
        if options_of(config).scenario:
            _conformance(config).check_request()


class _Controller:
    """In the process that pytest was started in: what workers of pytest-xdist need of it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # Only a name yet: sessions of other people's tests need no socket.
        self._address = f"{tempfile.gettempdir()}/netpol-{uuid.uuid4().hex[:8]}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Say where the results of scenarios can be asked for."""
        node.workerinput["netpol_results"] = self._address

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Begin the run when the first worker has collected it, as all will."""
        paths = {item.partition("[")[2].removesuffix("]") for item in ids}
        if any(SUFFIX in path for path in paths):
            _conformance(self._config).begin_for_workers(paths, self._address)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each selected scenario where a test asks for ``scenario``."""
    if "scenario" in metafunc.fixturenames and "conformance" in metafunc.fixturenames:
        metafunc.parametrize("scenario", _conformance(metafunc.config).parameters())


@pytest.fixture
def conformance(request: pytest.FixtureRequest) -> Conformance:
    """The conformance run that this test is a part of."""
    return _conformance(request.config)


def _conformance(config: pytest.Config) -> Conformance:
    found = config.pluginmanager.get_plugin(_PLUGIN)
    if found is None:
        from netpol_conformance.pytest_plugin.adapter import Conformance  # noqa: PLC0415 - see above

        found = Conformance(config)
        config.pluginmanager.register(found, _PLUGIN)
    return cast("Conformance", found)
