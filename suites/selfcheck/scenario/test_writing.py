"""A scenario that is written is the scenario that was read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netpol_conformance.model.decode import decode
from netpol_conformance.model.objects import (
    Direction,
    NetworkPolicy,
    Pod,
    PolicyRule,
    Service,
    ServicePort,
)
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import Scenario
from netpol_conformance.scenario.writing import manifests, write

from ..corpus import BY_PATH, CORPUS


def bare(scenario: Scenario) -> Scenario:
    """Without what says where in which text it stood: each is written as a file of its own."""
    steps = tuple(replace(step, line=0) for step in scenario.steps)
    return replace(scenario, steps=steps, digest="", case="")


@pytest.mark.parametrize("path", BY_PATH)
def test_what_is_written_loads_as_what_was_read(path: str) -> None:
    scenario = BY_PATH[path]
    text = write(scenario)
    assert bare(load(text, path)) == bare(scenario), text


def test_a_service_that_no_pod_stands_for_cannot_be_written() -> None:
    lonely = Service("default", "web", {"app": "web"}, (ServicePort(80, 80),))
    scenario = CORPUS[0]
    with pytest.raises(ValueError, match="Service default/web selects by the labels of no pod"):
        write(replace(scenario, objects=(Pod("default", "web"), lonely)))


@pytest.mark.parametrize(
    "policy",
    [
        NetworkPolicy("default", "ingress"),
        NetworkPolicy("default", "egress", policy_types=(Direction.EGRESS,)),
        NetworkPolicy("default", "both", policy_types=tuple(Direction), egress=(PolicyRule(),)),
        NetworkPolicy("default", "closed", policy_types=tuple(Direction)),
    ],
)
def test_policy_types_are_written_where_the_server_would_set_others(policy: NetworkPolicy) -> None:
    text = manifests([policy])
    assert decode(text) == (policy,)
    assert ("policyTypes" in text) is (policy.name in {"egress", "closed"})
