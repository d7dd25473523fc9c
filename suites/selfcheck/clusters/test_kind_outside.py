"""What a scenario on a kind cluster has outside, and who is told when pods come."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterSpec,
    OutsideHost,
    UnsupportedError,
)
from netpol_conformance.clusters.kind.cluster import KindCluster
from netpol_conformance.clusters.kind.machines import Machine
from netpol_conformance.clusters.kind.outside import KindBalancer, KindOutside, pod_networks
from netpol_conformance.clusters.kubernetes.cluster import Setup
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.enforcer.manifests import STOPPED_LABEL
from netpol_conformance.model.objects import IPAddress, ObjectKey

from .kubernetes_api import StoringApi, node, serving
from .test_kubernetes_reuse import CLIENT, OTHER, POLICY, SHOP

OFFICE = OutsideHost("office", (ip_address("172.17.1.5"), ip_address("2001:db8::5")), (443,))
SPEC = ClusterSpec(nodes=1, outside=(OFFICE,))


class Notes:
    """Machines that only note what they are to do."""

    def __init__(self) -> None:
        self.pod_cidrs = (ip_network("10.244.1.0/24"),)
        self.started: list[str] = []
        self.routes: list[tuple[str, dict[str, str]]] = []

    def identity(self, ip: IPAddress) -> str:
        return f"outside/{ip.version}"

    def start(self, ip: IPAddress, _ports: object) -> Machine:
        self.started.append(str(ip))
        return Machine(ip, f"container of {ip}", ip_address("172.18.0.9"))

    def route(self, machine: Machine, targets: Mapping[IPAddress, str]) -> None:
        known = {str(target): where for target, where in targets.items()}
        self.routes.append((str(machine.ip), known))


@pytest.fixture
def api() -> Iterator[StoringApi]:
    with serving(StoringApi()) as one:
        one.answers["GET", "/version"] = (200, {"gitVersion": "v1.34.4"})
        one.answers["GET", "/api/v1/nodes"] = (200, {"items": [node("worker")]})
        one.answers["GET", "/api/v1/pods"] = (200, {"items": []})
        yield one


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def cluster(
    api: StoringApi, notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KindCluster]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(KindCluster, "_check_enforcer", lambda _: None)
    client: Any = api.client()
    outside = KindOutside(notes, KindBalancer([]), client)
    setup = Setup(client, "1", Images("own:1"), "kind", "tested", outside=outside)
    one = KindCluster(setup, outside)
    yield one
    one.close()


def address(cluster: KindCluster, name: str) -> str:
    return next(str(pod.ips[0]) for pod in cluster.state().pods if pod.name == name)


def place(api: StoringApi) -> None:
    """The pods that are there run on the only node."""
    for path, item in api.stored.items():
        if "/pods/" in path:
            item["spec"]["nodeName"] = "worker"


def test_whoever_comes_is_routed_to_once_by_its_node(
    api: StoringApi, cluster: KindCluster, notes: Notes
) -> None:
    cluster.start(SPEC)
    assert notes.started == ["172.17.1.5", "2001:db8::5"]
    cluster.apply_initial(SHOP + CLIENT)
    place(api)
    cluster.wait_ready(5)
    first = address(cluster, "client")
    assert notes.routes == [("172.17.1.5", {first: "worker"})]
    cluster.apply(POLICY)
    cluster.wait_ready(5)
    assert len(notes.routes) == 1, "a policy moves nobody"
    cluster.apply(OTHER)
    place(api)
    cluster.wait_ready(5)
    assert notes.routes[1:] == [
        ("172.17.1.5", {first: "worker", address(cluster, "other"): "worker"})
    ]


def test_one_that_comes_again_is_routed_to_again(
    api: StoringApi, cluster: KindCluster, notes: Notes
) -> None:
    """Meanwhile another scenario's may have had its address, on another node."""
    cluster.start(SPEC)
    cluster.apply_initial(SHOP + CLIENT)
    place(api)
    cluster.wait_ready(5)
    cluster.delete([ObjectKey("Pod", "shop", "client")])
    cluster.apply(CLIENT)
    place(api)
    cluster.wait_ready(5)
    assert len(notes.routes) == 2


def test_without_hosts_outside_nobody_is_told(cluster: KindCluster, notes: Notes) -> None:
    cluster.start(ClusterSpec(nodes=1))
    cluster.apply_initial(SHOP + CLIENT)
    cluster.wait_ready(5)
    assert (notes.started, notes.routes) == ([], [])


def running(ip: str, place: str, **fields: Any) -> dict[str, Any]:
    status = {"phase": "Running", "podIPs": [{"ip": ip}]} | fields.pop("status", {})
    return {"metadata": {"name": ip}, "spec": {"nodeName": place, **fields}, "status": status}


def test_an_address_that_pods_may_have_is_no_hosts(api: StoringApi, cluster: KindCluster) -> None:
    pods = [running("172.17.1.2", "worker"), running("172.17.1.9", "worker")]
    api.answers["GET", "/api/v1/pods"] = (200, {"items": pods})
    with pytest.raises(UnsupportedError, match=r"172\.17\.1\.5.*may be a pod's.*172\.17\.1\.0/28"):
        cluster.start(SPEC)
    within = OutsideHost("within", (ip_address("10.244.1.200"),))
    with pytest.raises(UnsupportedError, match=r"10\.244\.1\.0/24"):
        cluster.start(ClusterSpec(nodes=1, outside=(within,)))


def test_nodes_and_what_has_ended_take_no_address() -> None:
    pods = [
        running("10.0.0.1", "a"),
        running("10.0.0.2", "a"),
        running("10.9.0.1", "b"),
        running("172.18.0.2", "a", hostNetwork=True),
        running("10.200.0.1", "a", status={"phase": "Succeeded"}),
        {"metadata": {"name": "new"}, "spec": {}},
    ]
    assert [str(network) for network in pod_networks(pods)] == ["10.0.0.0/30", "10.9.0.1/32"]


def test_where_nobody_enforces_no_scenario_runs(
    api: StoringApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client: Any = api.client()
    outside = KindOutside(Notes(), KindBalancer([]), client)
    setup = Setup(client, "1", Images("own:1"), "kind", "tested", outside=outside)
    cluster = KindCluster(setup, outside)
    with pytest.raises(ClusterError, match="nobody enforces policies on worker"):
        cluster.start(ClusterSpec(nodes=1))
    cluster.close()
    asked = [query for _, path, query, _ in api.requests if path == "/api/v1/nodes"]
    assert asked[-1] == {"labelSelector": STOPPED_LABEL}
