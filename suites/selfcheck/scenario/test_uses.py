"""Which kinds of path scenarios use, and the scenarios that measure them."""

from __future__ import annotations

from itertools import product

import pytest

from netpol_conformance.model.objects import NetworkPolicy, Protocol, SourceKind
from netpol_conformance.run.network import PathKind, path_kinds
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.types import Scenario, Via
from netpol_conformance.scenario.uses import Use, apart, measuring_scenarios, uses

from ..corpus import CORPUS

PACKS = sorted({scenario.pack for scenario in CORPUS})


def measured(used, of) -> set[PathKind]:
    """The kinds of path that are asked for."""
    scenario = measuring_scenarios(used, of)[0]
    state = planned_state(scenario, -1)
    asked = [cell for cell, _ in scenario.steps[0].expected]
    found = [path_kinds(state, scenario, cell) for cell in asked]
    assert all(found), "every cell that is asked leads somewhere"
    return set().union(*found)


def used_kinds(scenario: Scenario, index: int) -> set[PathKind]:
    """The kinds of path of a step's cells, but those that leave no node."""
    state = planned_state(scenario, index)
    asked = cells(scenario, scenario.steps[index], state)
    kinds = set().union(*(path_kinds(state, scenario, cell) for cell in asked))
    return {kind for kind in kinds if kind.through or kind.server != "itself"}


@pytest.mark.parametrize("pack", PACKS)
def test_every_kind_that_a_scenario_uses_is_measured_between_every_two_nodes(pack):
    scenarios = [scenario for scenario in CORPUS if scenario.pack == pack]
    asked = measured(uses(scenarios), scenarios)
    for scenario in scenarios:
        for index in {0, len(scenario.steps) - 1}:
            lacking = used_kinds(scenario, index) - asked
            assert not lacking, (scenario.path, *map(str, lacking))


def test_nothing_that_is_measured_is_a_policy_or_of_another_kind_than_used():
    used = [Use(SourceKind.POD, Via.POD, Protocol.SCTP, 4)]
    (one,) = measuring_scenarios(used, CORPUS[:1])[-1:]
    assert one.nodes == 1
    assert not any(isinstance(item, NetworkPolicy) for item in one.objects)
    assert {kind.protocol for kind in measured(used, CORPUS[:1])} == {Protocol.SCTP}


def test_it_is_asked_between_all_nodes_and_of_oneself_through_a_service():
    used = [Use(SourceKind.POD, Via.CLUSTER_IP, Protocol.TCP, 4)]
    scenario = next(item for item in CORPUS if item.nodes > 1)
    found = measured(used, [scenario])
    numbers = range(1, scenario.nodes + 1)
    pairs = {(f"node-{a}", f"node-{b}") for a, b in product(numbers, numbers)}
    assert {kind.nodes for kind in found if kind.server == "pod"} == pairs
    assert {kind.nodes for kind in found if kind.server == "itself"} == {
        (f"node-{number}", f"node-{number}") for number in numbers
    }


def test_what_a_cluster_may_be_unable_to_be_asked_stands_apart():
    used = uses(CORPUS)
    parts = apart(used)
    assert sorted(map(str, used)) == sorted(str(use) for part in parts for use in part)
    for part in parts:
        assert len({use.via is Via.LOAD_BALANCER for use in part}) == 1
        assert len({use.family == 6 for use in part}) == 1
        outside = {use.client == SourceKind.OUTSIDE or use.via is Via.OUTSIDE for use in part}
        assert len(outside) == 1
