"""What one scenario really has in it, beside what it says of itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netpol_conformance.coverage.fields import API_VERSION, fields_of
from netpol_conformance.expectation.matrix import expected_matrix
from netpol_conformance.model.objects import NetworkPolicy
from netpol_conformance.model.yaml import load_all
from netpol_conformance.scenario.planning import planned_state, state_in_force
from netpol_conformance.scenario.templating import directory, fill
from netpol_conformance.scenario.types import Scenario

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """``manifests`` are the policies that the API takes, as written, and ``policies`` the same as
    the API has them; ``fields`` those of the present group that they set; ``decided`` the
    sentences that the oracle's answers for the scenario's cells rest on.
    """

    scenario: Scenario
    manifests: tuple[Manifest, ...]
    policies: frozenset[NetworkPolicy]
    fields: frozenset[str]
    decided: frozenset[str]


def facts_of(scenario: Scenario) -> Facts:
    """The scenario's facts."""
    manifests: list[Manifest] = []
    policies: set[NetworkPolicy] = set()
    decided: set[str] = set()
    for index, step in enumerate(scenario.steps):
        planned = planned_state(scenario, index)
        policies.update(planned.policies)
        if not step.refused:
            text = fill(step.apply, directory(planned, scenario.outside))
            manifests += policies_in(text)
        matrix = expected_matrix(state_in_force(scenario, index), scenario, step)
        decided.update(rule for entry in matrix.values() for rule in entry.rules)
    present = [item for item in manifests if item.get("apiVersion") == API_VERSION]
    fields = frozenset(field for item in present for field in fields_of(item))
    return Facts(scenario, tuple(manifests), frozenset(policies), fields, frozenset(decided))


def policies_in(text: str) -> Iterator[Manifest]:
    """The manifests of policies in a text, lists taken apart."""
    for document in load_all(text):
        yield from _policies(document.data)


def _policies(data: object) -> Iterator[Manifest]:
    if not isinstance(data, dict):
        return
    if str(data.get("kind", "")).endswith("List"):
        for item in data.get("items") or ():
            yield from _policies(item)
    elif data.get("kind") == "NetworkPolicy":
        yield data
