"""The pairwise files: written by the generator, whole, and true about where their cases stand."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from script import pairwise
from script.pairwise import choosing, truth
from script.pairwise.cases import files

from netpol_conformance.model.objects import (
    Direction,
    LabelSelector,
    NetworkPolicy,
    Pod,
    PolicyPeer,
)
from netpol_conformance.scenario.axes import AXES, all_pairs, pairs
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.types import Scenario

from ..corpus import CORPUS

ROOT = Path(__file__).parents[3] / "scenarios"
FILES = sorted((ROOT / "semantics").glob("pairwise-*.yaml"))
CASES = [item for item in CORPUS if ROOT / item.file in FILES]


def test_the_files_are_what_the_generator_writes():
    written = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert written == files(), "run: python -m script.pairwise scenarios/semantics"


def test_expectations_come_from_the_tables_and_from_nothing_that_judges():
    texts = (path.read_text(encoding="utf-8") for path in Path(pairwise.__path__[0]).glob("*.py"))
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    imported = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    own = {module for module in imported if module.startswith("netpol_conformance")}
    assert own == {
        "netpol_conformance.model.encode",
        "netpol_conformance.scenario.axes",
        "netpol_conformance.scenario.layout",
    }


def test_every_pair_of_values_has_a_case():
    met = {pair for case in CASES for pair in pairs(case.axes)}
    assert met == set(all_pairs())


def test_every_case_stands_somewhere_on_every_axis():
    assert all(set(case.axes) == set(AXES) for case in CASES)
    grid = Counter((case.axes["peer"], case.axes["direction"], case.axes["port"]) for case in CASES)
    assert set(grid.values()) == {1}


def test_what_is_left_out_says_why():
    grid = {(case.axes["peer"], case.axes["direction"], case.axes["port"]) for case in CASES}
    for peer in AXES["peer"]:
        for direction in AXES["direction"]:
            for port in AXES["port"]:
                place = {"peer": peer, "direction": direction, "port": port}
                assert bool(choosing.no_such_case(place)) != ((peer, direction, port) in grid)


def test_the_choice_is_always_the_same():
    first = choosing.places()
    choosing.places.cache_clear()
    assert choosing.places() == first


def main_policy(case: Scenario) -> NetworkPolicy:
    state = planned_state(case, len(case.steps) - 1)
    return next(policy for policy in state.policies if policy.name == "some")


def expressions(selector: LabelSelector | None) -> list[str]:
    return [] if selector is None else [term.operator.value for term in selector.match_expressions]


def direction(case: Scenario) -> None:
    policy = main_policy(case)
    ways = {"both": {"Ingress", "Egress"}}
    wanted = ways.get(case.axes["direction"], {case.axes["direction"].capitalize()})
    assert {way.value.capitalize() for way in policy.policy_types} == wanted
    assert {way.value.capitalize() for way in Direction if policy.rules(way)} == wanted


def kind(item: PolicyPeer) -> str:
    parts = {
        "podSelector": item.pod_selector,
        "namespaceSelector": item.namespace_selector,
        "ipBlock": item.ip_block,
    }
    (one, *others) = [name for name, part in parts.items() if part is not None]
    return "both" if others == ["namespaceSelector"] else one


def peer(case: Scenario) -> None:
    policy = main_policy(case)
    (peers,) = {rule.peers for rule in (*policy.ingress, *policy.egress)}
    kinds = [kind(peer) for peer in peers]
    blocks = [peer.ip_block for peer in peers if peer.ip_block is not None]
    assert kinds == {
        "none": [],
        "empty": ["podSelector"],
        "two items": ["podSelector", "namespaceSelector"],
        "ipBlock and except": ["ipBlock"],
        "mixed": ["podSelector", "ipBlock"],
    }.get(case.axes["peer"], [case.axes["peer"]])
    assert any(block.excepted for block in blocks) == ("except" in case.axes["peer"])
    families = {block.cidr.version for block in blocks}
    assert families <= {6 if case.axes["family"] == "IPv6" else 4}
    if case.axes["peer"] == "empty":
        assert peers[0].pod_selector == LabelSelector()


def port_and_protocol(case: Scenario) -> None:
    policy = main_policy(case)
    (ports,) = {rule.ports for rule in (*policy.ingress, *policy.egress)}
    shape = [
        "range"
        if port.end_port
        else "name"
        if isinstance(port.port, str)
        else "number"
        if port.port
        else "protocol"
        for port in ports
    ]
    wanted = {"none": [], "two": ["number", "number"]}
    assert shape == wanted.get(case.axes["port"], [case.axes["port"]])
    assert {port.protocol.value for port in ports} <= {case.axes["protocol"]}
    asked = Counter(
        cell.destination.protocol.value for cell, _ in case.steps[0].expected
    ).most_common(1)
    assert asked[0][0] == case.axes["protocol"]


def policies(case: Scenario) -> None:
    state = planned_state(case, len(case.steps) - 1)
    names = {policy.name for policy in state.policies} - {"some", "deny"}
    assert names == ({case.axes["policies"]} - {"one"})


def operator(case: Scenario) -> None:
    policy = main_policy(case)
    used = {
        operator
        for rule in (*policy.ingress, *policy.egress)
        for peer in rule.peers
        for selector in (peer.pod_selector, peer.namespace_selector)
        for operator in expressions(selector)
    }
    assert (used or set(expressions(policy.pod_selector))) == {case.axes["operator"]}


def where(case: Scenario) -> None:
    pods = {item.name: item for item in case.objects if isinstance(item, Pod)}
    web = pods.pop("web")
    pods.pop("aside", None)
    same = {pod.node == web.node for pod in pods.values()}
    assert same == {case.axes["where"] == "same node"}


def family(case: Scenario) -> None:
    families = Counter(cell.destination.family for cell, _ in case.steps[0].expected)
    assert families.most_common(1)[0][0] == (6 if case.axes["family"] == "IPv6" else 4)


def something_is_blocked_and_something_open(case: Scenario) -> None:
    words = {word.value for step in case.steps[1:] for _, word in step.expected}
    assert words == {"blocked", "connected"}


CHECKS = (
    direction,
    peer,
    port_and_protocol,
    policies,
    operator,
    where,
    family,
    something_is_blocked_and_something_open,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_case_is_where_it_says(check):
    for case in CASES:
        try:
            check(case)
        except AssertionError as error:
            error.add_note(f"in {case.path}")
            raise


def test_the_tables_admit_somebody_and_mostly_not_all():
    for name, peer in truth.PEERS.items():
        for operator, admitted in peer.admits.items():
            assert admitted, (name, operator)
            assert set(admitted) <= set(peer.others), (name, operator)
            assert name == "none" or set(admitted) < set(peer.others), (name, operator)
