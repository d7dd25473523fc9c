"""Services: for every set of them, each answers by one of its endpoints, or refuses."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.clusters.embedded.services import entry_node, ruleset
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Node,
    Pod,
    Protocol,
    Service,
    ServicePort,
    SourceKind,
)
from netpol_conformance.model.service import endpoints
from netpol_conformance.probe.verdict import Probe, Source, Verdict
from netpol_conformance.run.execution import manifest_list

PODS = tuple(
    Pod(
        "default",
        name,
        {"app": app},
        ports=(
            ContainerPort(number, Protocol.TCP, "web"),
            ContainerPort(number, Protocol.UDP, "echo"),
        ),
        image="own",
        node=node,
    )
    for name, app, node, number in (
        ("a", "one", "node-1", 8080),
        ("b", "one", "node-2", 9090),
        ("c", "two", "node-2", 8080),
    )
)
CLIENT = Source(SourceKind.POD, "a", "default")

ports = st.lists(
    st.builds(
        ServicePort,
        st.integers(1, 65535),
        st.sampled_from(["web", "echo", 8080, 9090, "nothing"]),
        st.sampled_from([Protocol.TCP, Protocol.UDP]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda port: (port.port, port.protocol),
)
services = st.lists(
    st.builds(
        Service,
        namespace=st.just("default"),
        name=st.sampled_from(["s", "t", "u"]),
        selector=st.sampled_from([{"app": "one"}, {"app": "two"}, {"app": "none"}]),
        ports=ports.map(
            lambda found: tuple(
                replace(port, name=f"p{number}") for number, port in enumerate(found)
            )
        ),
        type=st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]),
        external_traffic_policy=st.sampled_from(["Cluster", "Local"]),
    ),
    max_size=3,
    unique_by=lambda service: service.name,
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    started = EmbeddedCluster("none")
    started.start(ClusterSpec(families=(4, 6)))
    started.apply(manifest_list(PODS))
    yield started
    started.close()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(services)
def test_a_service_answers_by_one_of_its_endpoints_or_refuses(cluster, wanted):
    present = [item.key for item in cluster.state().services if item.namespace == "default"]
    cluster.delete(present)
    cluster.apply(manifest_list(wanted))
    state = cluster.state()
    probes = []
    for service in (item for item in state.services if item.namespace == "default"):
        for port in service.ports:
            serving = [
                pod
                for pod, number in endpoints(state, service, port)
                if any(number == own.number and own.protocol is port.protocol for own in pod.ports)
            ]
            everybody = {pod.key for pod, _ in endpoints(state, service, port)}
            # A number that a pod does not listen on is refused by the pod itself.
            if len(serving) in (0, len(everybody)):
                names = frozenset(f"{pod.namespace}/{pod.name}" for pod in serving)
                probes += [
                    Probe(CLIENT, str(ip), port.port, names, port.protocol, timeout=10)
                    for ip in (*service.cluster_ips, *service.load_balancer_ips)
                ]
    for seen in cluster.probe(probes):
        expected = Verdict.CONNECTED if seen.probe.identities else Verdict.REFUSED
        assert seen.verdict is expected, seen


NODES = tuple(Node(f"node-{n}", (ip_address(f"172.18.0.{n + 1}"),)) for n in (1, 2, 10))
WEB = Service(
    "default",
    "web",
    {"app": "two"},
    (ServicePort(80, 8080, node_port=30000),),
    type="LoadBalancer",
    cluster_ips=(ip_address("10.96.1.0"),),
    load_balancer_ips=(ip_address("192.168.200.1"),),
)
PLACED = tuple(
    replace(pod, ips=(ip_address(f"10.244.{number}.2"),)) for number, pod in enumerate(PODS)
)
STATE = ClusterState(nodes=NODES[::-1], pods=PLACED, services=(WEB,))


def test_a_load_balancer_comes_in_at_the_first_node_or_where_its_pod_is():
    assert entry_node(STATE, WEB) == NODES[0]
    assert entry_node(STATE, replace(WEB, external_traffic_policy="Local")) == NODES[1]
    assert entry_node(ClusterState(), WEB) is None


def test_each_node_translates_its_own_node_ports_only():
    texts = [ruleset(STATE, node) for node in NODES]
    for node, text in zip(NODES, texts, strict=True):
        assert f"{node.ips[0]} . tcp . 30000" in text
        assert text.count(". tcp . 30000") == 1


def test_pods_that_serve_nothing_change_nothing():
    more = STATE.with_objects(replace(PLACED[0], name="z", ips=(ip_address("10.244.1.99"),)))
    assert [ruleset(more, node) for node in NODES] == [ruleset(STATE, node) for node in NODES]
