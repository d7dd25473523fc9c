"""How a connection gets there: every kind of path, in one dual-stack cluster without policies."""

from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address

import pytest

from netpol_conformance.clusters.base import ClusterSpec, OutsideHost
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.run.preparing import self_test

TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP

WEB = "{name: c, image: own, ports: [{containerPort: 8080, name: web},"
WEB += " {containerPort: 53, protocol: UDP, name: echo}, {containerPort: 99, protocol: SCTP}]}"

PODS = f"""
apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec: {{nodeName: node-1, containers: [{{name: c, image: busybox}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: near, labels: {{app: web, at: near}}}}
spec: {{nodeName: node-1, containers: [{WEB}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: far, labels: {{app: web, at: far}}}}
spec: {{nodeName: node-2, containers: [{WEB}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: nginx, labels: {{app: nginx}}}}
spec: {{nodeName: node-1, containers: [{{name: c, image: "docker.io/library/nginx:1.27"}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: httpd, labels: {{app: httpd}}}}
spec:
  nodeName: node-2
  containers: [{{name: c, image: busybox, ports: [{{containerPort: 80}}]}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: agent}}
spec:
  nodeName: node-3
  hostNetwork: true
  containers: [{{name: c, image: own, ports: [{{containerPort: 9100}}]}}]
---
apiVersion: v1
kind: Namespace
metadata: {{name: other}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: other}}
spec: {{nodeName: node-3, containers: [{{name: c, image: busybox}}]}}
"""


def service(name: str, at: str, spec: str) -> str:
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{{at}}}
  {spec}
"""


ALL_PORTS = """ports:
  - {name: web, port: 80, targetPort: web}
  - {name: echo, port: 5353, targetPort: 53, protocol: UDP}
  - {name: sctp, port: 99, targetPort: 99, protocol: SCTP}
"""
SERVICES = "".join(
    [
        service("web", "app: web", ALL_PORTS),
        service("nginx", "app: nginx", "ports: [{port: 80}]"),
        service("httpd", "app: httpd", "ports: [{port: 80}]"),
        service("hairpin", "at: near", "ports: [{port: 80, targetPort: 8080}]"),
        service("direct", "app: web", "clusterIP: None\n  ports: [{port: 8080}]"),
        service("empty", "app: nobody", "type: NodePort\n  ports: [{port: 80, nodePort: 30999}]"),
        service(
            "everywhere",
            "at: far",
            "type: NodePort\n  ports: [{port: 80, targetPort: web, nodePort: 30080}]",
        ),
        service(
            "local",
            "at: far",
            "type: NodePort\n  externalTrafficPolicy: Local\n"
            "  ports: [{port: 80, targetPort: web, nodePort: 30081}]",
        ),
        service(
            "balanced", "at: far", "type: LoadBalancer\n  ports: [{port: 80, targetPort: web}]"
        ),
        service(
            "balanced-local",
            "at: far",
            "type: LoadBalancer\n  externalTrafficPolicy: Local\n"
            "  ports: [{port: 80, targetPort: web}]",
        ),
    ]
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
    result.apply(PODS + SERVICES)
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
    checks = self_test(world.cluster)
    assert {check.observation.probe.tool for check in checks} == set(Tool)
    for check in checks:
        assert check.observation.verdict is check.expected, check


def test_a_cluster_of_ipv6_alone(asking):
    with closing(EmbeddedCluster()) as cluster:
        info = cluster.start(ClusterSpec(families=(6,)))
        assert info.families == ("IPv6",)
        world = asking(cluster)
        world.apply(PODS.replace("node-3", "node-2") + SERVICES)
        for check in self_test(cluster):
            assert check.observation.verdict is check.expected, check
        for host, server in (("web", EITHER), ("nginx", ("default/nginx",))):
            for tool in Tool:
                world.sees(Verdict.CONNECTED, "default/client", host, servers=server, tool=tool)
