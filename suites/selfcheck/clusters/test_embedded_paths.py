"""How a connection gets there: every kind of path, in one dual-stack cluster without policies."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address

import pytest

from netpol_conformance.clusters.base import ClusterSpec, OutsideHost
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import (
    ContainerPort,
    Namespace,
    Pod,
    Protocol,
    Service,
    ServicePort,
)
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.run.preparing import checks_in_time

TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP

WEB = (ContainerPort(8080, TCP, "web"), ContainerPort(53, UDP, "echo"), ContainerPort(99, SCTP))


def pod(name: str, node: str, image: str = "own", **more) -> Pod:
    return Pod("default", name, node=node, image=image, **more)


PODS = (
    pod("client", "node-1", "busybox"),
    pod("near", "node-1", labels={"app": "web", "at": "near"}, ports=WEB),
    pod("far", "node-2", labels={"app": "web", "at": "far"}, ports=WEB),
    pod("nginx", "node-1", "docker.io/library/nginx:1.27", labels={"app": "nginx"}),
    pod("httpd", "node-2", "busybox", labels={"app": "httpd"}, ports=(ContainerPort(80),)),
    pod("agent", "node-3", host_network=True, ports=(ContainerPort(9100),)),
    Namespace("other"),
    Pod("other", "client", node="node-3", image="busybox"),
)
ALL_PORTS = (
    ServicePort(80, "web", TCP, "web"),
    ServicePort(5353, 53, UDP, "echo"),
    ServicePort(99, 99, SCTP, "sctp"),
)


def service(name: str, *ports: ServicePort, app: str = "web", at: str = "", **more) -> Service:
    """In front of the pods of ``app``, or of those ``at`` a place."""
    return Service("default", name, {"at": at} if at else {"app": app}, ports, **more)


LOCAL = {"external_traffic_policy": "Local"}
SERVICES = (
    service("web", *ALL_PORTS),
    service("nginx", ServicePort(80, 80), app="nginx"),
    service("httpd", ServicePort(80, 80), app="httpd"),
    service("hairpin", ServicePort(80, 8080), at="near"),
    service("direct", ServicePort(8080, 8080), headless=True),
    service("empty", ServicePort(80, 80, node_port=30999), app="nobody", type="NodePort"),
    service("everywhere", ServicePort(80, "web", node_port=30080), at="far", type="NodePort"),
    service("local", ServicePort(80, "web", node_port=30081), at="far", type="NodePort", **LOCAL),
    service("balanced", ServicePort(80, "web"), at="far", type="LoadBalancer"),
    service("balanced-local", ServicePort(80, "web"), at="far", type="LoadBalancer", **LOCAL),
)
NEAR, FAR = EITHER = ("default/near", "default/far")
SOURCES = (
    "default/client",
    "other/client",
    "default/far",
    "node/node-1",
    "node/node-2",
    "outside/office",
)


@pytest.fixture(scope="module")
def world(asking) -> Iterator:
    cluster = EmbeddedCluster("none")
    ips = (ip_address("172.17.1.5"), ip_address("2001:db8::5"))
    office = OutsideHost("office", ips, (80, 5978), named=True)
    far = OutsideHost("warehouse", (ip_address("10.0.0.5"),), (5978,))
    cluster.start(ClusterSpec(nodes=3, families=(4, 6), outside=(office, far)))
    result = asking(cluster)
    result.apply(*PODS, *SERVICES)
    yield result
    cluster.close()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "server", [("near", 8080, TCP), ("far", 8080, TCP), ("near", 53, UDP), ("far", 99, SCTP)]
)
def test_everybody_reaches_a_pods_own_address(world, source, server, family):
    pod, port, protocol = server
    world.sees(
        Verdict.CONNECTED, source, world.ip("pod", pod, family), port, protocol, (f"default/{pod}",)
    )


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("source", [each for each in SOURCES if not each.startswith("outside")])
@pytest.mark.parametrize(("port", "protocol"), [(80, TCP), (5353, UDP), (99, SCTP)])
def test_everybody_inside_reaches_a_service_by_its_cluster_ip(
    world, source, port, protocol, family
):
    world.sees(
        Verdict.CONNECTED, source, world.ip("service", "web", family), port, protocol, EITHER
    )


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize(
    ("host", "port", "servers"),
    [
        ("web", 80, EITHER),
        ("web.default", 80, EITHER),
        ("direct", 8080, EITHER),
        ("nginx", 80, ("default/nginx",)),
        ("httpd", 80, ("default/httpd",)),
        ("httpd.default.svc.cluster.local", 80, ("default/httpd",)),
        ("balanced", 80, (FAR,)),
        ("office", 80, ("outside/office",)),
        ("office.default", 5978, ("outside/office",)),
    ],
)
def test_names_lead_to_the_right_server(world, host, port, servers, tool):
    world.sees(Verdict.CONNECTED, "default/client", host, port, TCP, servers, tool=tool)


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize(
    ("source", "host"),
    [
        ("other/client", "web"),
        ("other/client", "office"),
        ("default/client", "warehouse"),
        ("default/client", "nowhere"),
        ("default/client", "example.com"),
    ],
)
def test_a_name_of_nothing_is_not_resolved(world, source, host, tool):
    world.sees(Verdict.NAME_NOT_RESOLVED, source, host, 80, TCP, EITHER, tool=tool)


def test_a_service_of_another_namespace_is_reached_by_its_full_name(world):
    world.sees(Verdict.CONNECTED, "other/client", "web.default", 80, TCP, EITHER, tool=Tool.WGET)


def test_both_endpoints_of_a_service_are_used(world):
    host = world.ip("service", "web")
    seen = {world.ask("default/client", host, 80, TCP, EITHER).identity for _ in range(4)}
    assert seen == {NEAR, FAR}


@pytest.mark.parametrize("family", [4, 6])
def test_a_pod_reaches_itself_through_its_service(world, family):
    world.sees(Verdict.CONNECTED, NEAR, world.ip("service", "hairpin", family), 80, TCP, (NEAR,))


@pytest.mark.parametrize("source", ["default/client", "node/node-1"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_service_without_endpoints_refuses(world, source, family):
    world.sees(Verdict.REFUSED, source, world.ip("service", "empty", family))


def test_a_node_port_without_endpoints_refuses(world):
    world.sees(Verdict.REFUSED, "outside/office", world.ip("node", "node-1"), 30999)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("node", ["node-1", "node-2", "node-3"])
def test_a_node_port_leads_from_every_node_to_the_pod(world, source, node, family):
    world.sees(Verdict.CONNECTED, source, world.ip("node", node, family), 30080, TCP, (FAR,))


def test_a_local_node_port_is_served_by_the_pods_node_alone(world):
    there = world.ask("outside/office", world.ip("node", "node-2"), 30081, TCP, (FAR,))
    elsewhere = world.ask("outside/office", world.ip("node", "node-1"), 30081, timeout=0.5)
    own = world.ask("default/client", world.ip("node", "node-1"), 30081, TCP, (FAR,))
    assert [there.verdict, elsewhere.verdict, own.verdict] == [
        Verdict.CONNECTED,
        Verdict.TIMED_OUT,
        Verdict.CONNECTED,
    ]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ["balanced", "balanced-local"])
def test_a_load_balancer_is_reached_from_everywhere(world, source, name, family):
    world.sees(Verdict.CONNECTED, source, world.ip("load balancer", name, family), 80, TCP, (FAR,))


@pytest.mark.parametrize("source", SOURCES)
def test_a_pod_on_the_nodes_network_is_reached_at_the_nodes_address(world, source):
    world.sees(Verdict.CONNECTED, source, world.ip("node", "node-3"), 9100, TCP, ("default/agent",))


def test_a_pod_on_the_nodes_network_asks_from_there(world):
    world.sees(Verdict.CONNECTED, "default/agent", "web", 80, TCP, EITHER, tool=Tool.WGET)


@pytest.mark.parametrize("source", [*SOURCES, "outside/warehouse"])
@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("172.17.1.5", "outside/office"),
        ("10.0.0.5", "outside/warehouse"),
    ],
)
def test_hosts_outside_serve_at_any_address(world, source, host, server, protocol):
    world.sees(Verdict.CONNECTED, source, host, 5978, protocol, (server,))


@pytest.mark.parametrize("source", SOURCES)
def test_hosts_outside_serve_over_ipv6_too(world, source):
    world.sees(Verdict.CONNECTED, source, "2001:db8::5", 5978, TCP, ("outside/office",))


def test_a_closed_port_refuses(world):
    for protocol in (TCP, UDP):
        world.sees(Verdict.REFUSED, "default/client", world.ip("pod", "far"), 81, protocol)


def test_the_wrong_server_is_told_from_the_right_one(world):
    world.sees(Verdict.WRONG_SERVER, "default/client", world.ip("pod", "far"), 8080, TCP, (NEAR,))


def test_a_source_that_does_not_run_is_an_error(world):
    seen = world.ask("default/nobody", world.ip("pod", "far"), 8080, TCP, (FAR,))
    assert seen.verdict is Verdict.ERROR
    assert "nobody" in seen.output


def test_the_probes_pass_their_own_test(world):
    checks = checks_in_time(world.cluster)
    assert {check.observation.probe.tool for check in checks} == set(Tool)
    for check in checks:
        assert check.observation.verdict is check.expected, check


def test_a_cluster_of_ipv6_alone(asking):
    with closing(EmbeddedCluster()) as cluster:
        info = cluster.start(ClusterSpec(families=(6,)))
        assert info.families == ("IPv6",)
        world = asking(cluster)
        # It has two nodes, so that the pods of the third one are on the second.
        nodes = {"node-3": "node-2"}
        there = [
            replace(item, node=nodes.get(item.node, item.node)) if isinstance(item, Pod) else item
            for item in PODS
        ]
        world.apply(*there, *SERVICES)
        for check in checks_in_time(cluster):
            assert check.observation.verdict is check.expected, check
        for host, server in (("web", EITHER), ("nginx", ("default/nginx",))):
            for tool in Tool:
                world.sees(Verdict.CONNECTED, "default/client", host, servers=server, tool=tool)
