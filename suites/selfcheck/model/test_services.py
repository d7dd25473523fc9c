"""Backends of a Service."""

from ipaddress import ip_address

from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Pod,
    Protocol,
    Service,
    ServicePort,
)
from netpol_conformance.model.service import endpoints

WEB = {"app": "web"}
HTTP = ServicePort(80, "http")
PORTS = (ContainerPort(8080, name="http"),)


def pod(name, labels=WEB, *, ports=PORTS, **options):
    options = {"namespace": "default", "ips": (ip_address("10.244.1.2"),), **options}
    return Pod(name=name, labels=labels, ports=ports, **options)


def backends(*pods, port=HTTP, selector=WEB):
    service = Service("default", "web", selector, (port,))
    found = endpoints(ClusterState(pods=pods), service, port)
    return [(item.name, number) for item, number in found]


def test_only_pods_of_the_namespace_whose_labels_match():
    pods = (
        pod("a", {"app": "web", "tier": "front"}),
        pod("b", {"app": "api"}),
        pod("c", namespace="other"),
        pod("d"),
    )
    assert backends(*pods) == [("a", 8080), ("d", 8080)]


def test_only_pods_that_run_and_have_an_address():
    pods = (pod("a", phase="Pending"), pod("b", phase="Succeeded"), pod("c", ips=()), pod("d"))
    assert backends(*pods) == [("d", 8080)]


def test_a_named_target_port_is_looked_up_pod_by_pod():
    pods = (
        pod("a", ports=(ContainerPort(81, name="http"),)),
        pod("b", ports=(ContainerPort(82, Protocol.UDP, "http"), ContainerPort(83, name="http"))),
        pod("c", ports=(ContainerPort(84, name="other"),)),
    )
    assert backends(*pods) == [("a", 81), ("b", 83)]
    assert backends(*pods, port=ServicePort(80, "http", Protocol.UDP)) == [("b", 82)]


def test_a_numeric_target_port_needs_no_container_port():
    assert backends(pod("a", ports=()), port=ServicePort(80, 8080)) == [("a", 8080)]


def test_a_service_without_a_selector_has_no_backends():
    assert backends(pod("a"), selector={}) == []
