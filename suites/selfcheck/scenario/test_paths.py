"""Paths and matrices: where cells really lead, and which cells there are."""

from __future__ import annotations

import pytest

from netpol_conformance.model.objects import Node, Pod, Protocol
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.names import destination, source
from netpol_conformance.scenario.paths import PathError, path
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.types import CellKey

from .scenario_texts import SOUND, spoilt

BALANCED = spoilt("targetPort: 80", "targetPort: 80, type: LoadBalancer")
FROM_OFFICE = {("office", "web-1", 80), ("office", "web-2", 80)}


def found(text: str, client: str, server: str):
    scenario = load(text, "x.yaml")
    cell = CellKey(source(client), destination(server, 4))
    return path(planned_state(scenario, 0), scenario, cell)


def ends(result) -> set[tuple[str, str, int]]:
    return {
        (getattr(flow.source, "name", "translated"), flow.destination.name, flow.port)
        for flow in result.flows
    }


def test_a_pod_directly():
    result = found(SOUND, "friend", "web-1:53/UDP")
    (flow,) = result.flows
    assert isinstance(flow.destination, Pod)
    assert (flow.port, flow.protocol, result.lookup) == (53, Protocol.UDP, ())


def test_a_service_leads_to_its_backends_target_port_after_a_lookup():
    result = found(SOUND, "friend", "service/web:8080")
    assert ends(result) == {("friend", "web-1", 80), ("friend", "web-2", 80)}
    (lookup,) = result.lookup
    asked = (lookup.destination.name, lookup.port, lookup.protocol)
    assert asked == ("coredns", 53, Protocol.UDP)


def test_a_cluster_address_needs_no_lookup():
    assert found(SOUND, "friend", "clusterip/web:8080").lookup == ()


def test_a_headless_service_is_dialled_at_the_pod():
    text = spoilt("{port: 8080, targetPort: 80}", "{port: 80, targetPort: 53, headless: true}")
    text = text.replace("service/web:8080", "service/web:80")
    assert {port for _, _, port in ends(found(text, "friend", "service/web:80"))} == {80}


@pytest.mark.parametrize("entrance", ["nodeport/web:8080@node-1", "loadbalancer/web:8080"])
@pytest.mark.parametrize("client", ["outside/office", "friend"])
def test_behind_an_entrance_the_pod_sees_the_client_or_an_address_in_its_place(client, entrance):
    entering = {end for end in ends(found(BALANCED, client, entrance)) if end[2] == 80}
    seen = (client.rpartition("/")[2], "translated")
    assert entering == {(who, web, 80) for who in seen for web in ("web-1", "web-2")}


def test_a_pods_own_node_that_dials_itself_is_itself():
    flows = ends(found(BALANCED, "node/node-1", "nodeport/web:8080@node-1"))
    assert flows == {("node-1", "web-1", 80), ("node-1", "web-2", 80), ("translated", "web-2", 80)}


def test_with_the_local_policy_it_sees_the_client():
    text = BALANCED.replace("LoadBalancer", "LoadBalancer, externalTrafficPolicy: Local")
    assert ends(found(text, "outside/office", "loadbalancer/web:8080")) == FROM_OFFICE


@pytest.mark.parametrize("node", ["node-1", "node-2"])
def test_at_a_node_port_the_clients_own_side_may_see_the_node(node):
    result = found(BALANCED, "friend", f"nodeport/web:8080@{node}")
    assert any(isinstance(flow.destination, Node) and flow.port == 30000 for flow in result.flows)


def test_a_node_asks():
    (flow,) = found(SOUND, "node/node-2", "web-2:80").flows
    assert isinstance(flow.source, Node)


@pytest.mark.parametrize(
    ("client", "server", "reason"),
    [
        ("nobody", "web-1:80", "no pod default/nobody"),
        ("node/node-9", "web-1:80", "no node node-9"),
        ("outside/nobody", "web-1:80", "no host nobody"),
        ("friend", "web-1:81", "serves no port 81/TCP; it has 80/TCP, 53/UDP"),
        ("friend", "friend:80", "it has none"),
        ("friend", "service/friend:80", "no Service default/friend"),
        ("friend", "service/web:80", "has no port 80/TCP; it has 8080/TCP"),
        ("friend", "outside/office:444", "serves no port 444/TCP"),
        ("outside/office", "service/web:8080", "only a pod can look up"),
    ],
)
def test_what_is_not_there(client, server, reason):
    with pytest.raises(PathError, match=reason):
        found(SOUND, client, server)


def matrix(text: str, step: int = 0) -> set[str]:
    scenario = load(text, "x.yaml")
    return {
        str(cell) for cell in cells(scenario, scenario.steps[step], planned_state(scenario, step))
    }


def test_the_matrix_asks_everyone_everything():
    assert {
        "friend -> web-1:80",
        "outside/office -> web-1:80",
        "friend -> web-1:80/IPv6",
        "other/app -> service/web:8080",
    } <= matrix(SOUND)


@pytest.mark.parametrize(
    "absent",
    [
        "web-1 -> web-1:80",
        "web-1 -> service/web:8080",
        "outside/office -> service/web:8080",
        "outside/office -> web-1:80/IPv6",
        "outside/office -> outside/office:443",
    ],
)
def test_but_not_what_could_show_nothing(absent):
    assert absent not in matrix(SOUND)


def test_what_is_stated_is_asked_all_the_same():
    assert "web-1 -> web-1:80" in matrix(
        spoilt('web:53/UDP: {"*": connected}', "web-1:80: {web-1: connected}")
    )


def test_a_deleted_pod_is_asked_no_more():
    text = spoilt("[networkpolicy/only-friend]", "[pod/friend]").replace(
        'delete: [pod/friend]\n    expect:\n      web:80: {"*": connected}',
        'delete: [pod/friend]\n    expect:\n      web:80: {"*": blocked}',
    )
    assert "friend -> web-1:80" in matrix(text, 1)
    assert not any("friend" in cell for cell in matrix(text, 2))
