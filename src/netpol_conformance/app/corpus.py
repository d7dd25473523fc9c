"""Where the suite's data is, and the one way to load and check scenarios before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.scenario.errors import Problem, ScenarioError
from netpol_conformance.scenario.lint import contradictions
from netpol_conformance.scenario.loader import load_file
from netpol_conformance.scenario.selection import chosen, select
from netpol_conformance.scenario.types import Scenario

_PACKAGE = Path(__file__).parents[1]


def packs_root() -> Path:
    """The folder of packs: of the source checkout if this is one, else the installed copy."""
    return _beside("scenarios", _PACKAGE / "_packs" / "scenarios")


def plugins_root() -> Path:
    """The folder of plugins' declarations."""
    return _beside("plugins", _PACKAGE / "_packs" / "plugins")


def load_corpus(
    selections: Sequence[str] = (), version: KubernetesVersion | None = None
) -> tuple[Scenario, ...]:
    """The selected scenarios, sorted by path; raises ScenarioError with all problems of all files.

    ``version`` is for scenarios that do not ask for one themselves.
    """
    root = packs_root()
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for path, cases in select(root, selections).items():
        try:
            scenarios += chosen(load_file(root, path), cases)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return tuple(
        scenario
        if version is None or scenario.version_pinned
        else replace(scenario, version=version)
        for scenario in scenarios
    )


def load_agreed(
    selections: Sequence[str] = (), version: KubernetesVersion | None = None
) -> tuple[Scenario, ...]:
    """As ``load_corpus``, for a run: also refuses what author and oracle disagree about.

    A version that the file does not ask for may change what is true: such a scenario is checked
    when it runs.
    """
    scenarios = load_corpus(selections, version)
    meant = [item for item in scenarios if item.version_pinned or item.version == LATEST]
    problems = contradictions(meant, expectation)
    if problems:
        raise ScenarioError(problems)
    return scenarios


def _beside(name: str, installed: Path) -> Path:
    checkout = _PACKAGE.parent.parent / name
    return checkout if checkout.is_dir() else installed
