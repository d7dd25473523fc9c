"""Scenarios one after the other on a cluster: what the next one finds of the one before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netpol_conformance.clusters.base import ClusterSpec, RefusedError
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.model.objects import ObjectKey

from .kubernetes_api import StoringApi, node, serving

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
"""
CLIENT = """
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {containers: [{name: main, image: own}]}
"""
OTHER = CLIENT.replace("client", "other")
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
"""
DENY = ObjectKey("NetworkPolicy", "shop", "deny")
POLICIES = "networkpolicies"


@pytest.fixture
def api() -> Iterator[StoringApi]:
    with serving(StoringApi()) as one:
        one.answers["GET", "/version"] = (200, {"gitVersion": "v1.34.4"})
        one.answers["GET", "/api/v1/nodes"] = (200, {"items": [node("worker")]})
        yield one


@pytest.fixture
def cluster(api: StoringApi) -> Iterator[KubernetesCluster]:
    one = KubernetesCluster(Setup(api.client(), "1", Images("own:1"), "kubeconfig", "tested"))
    yield one
    one.close()


def begin(cluster: KubernetesCluster, manifests: str, spec: ClusterSpec | None = None) -> bool:
    """Start a scenario that begins with these; whether it took something over."""
    cluster.start(spec or ClusterSpec(nodes=1))
    taken = cluster.apply_initial(manifests)
    cluster.wait_ready(5.0)
    return taken


def addresses(cluster: KubernetesCluster) -> dict[str, str]:
    return {pod.name: str(pod.ips[0]) for pod in cluster.state().pods}


def test_the_same_pods_are_taken_over_and_no_policies(
    api: StoringApi, cluster: KubernetesCluster
) -> None:
    assert not begin(cluster, SHOP + CLIENT)
    before = addresses(cluster)
    cluster.apply(POLICY)
    assert api.names(POLICIES) == ["deny"]
    cluster.release(clean=True)
    assert api.names(POLICIES) == []
    assert begin(cluster, SHOP + CLIENT)
    assert addresses(cluster) == before
    assert not cluster.state().policies


def test_pods_that_are_not_the_same_are_made_anew(
    api: StoringApi, cluster: KubernetesCluster
) -> None:
    begin(cluster, SHOP + CLIENT + OTHER)
    before = addresses(cluster)
    cluster.release(clean=True)
    labelled = CLIENT.replace("namespace: shop", "namespace: shop, labels: {a: b}")
    assert begin(cluster, SHOP + labelled)
    after = addresses(cluster)
    assert api.names("pods") == ["client"]
    assert after.keys() == {"client"}
    assert after["client"] not in before.values()
    assert len(api.names("namespaces")) == 1


def test_a_third_scenario_takes_over_from_the_second(cluster: KubernetesCluster) -> None:
    begin(cluster, SHOP + CLIENT)
    before = addresses(cluster)
    for _ in range(2):
        cluster.release(clean=True)
        assert begin(cluster, SHOP + CLIENT)
    assert addresses(cluster) == before


def alter_by_refusal(cluster: KubernetesCluster) -> None:
    with pytest.raises(RefusedError):
        cluster.apply(SERVICE + "---\napiVersion: v1\nkind: Unheard\nmetadata: {name: x}\n")


ALTERATIONS = {
    "a Service": lambda cluster: cluster.apply(SERVICE),
    "labels": lambda cluster: cluster.apply(SHOP.replace("team: shop", "team: other")),
    "a deletion": lambda cluster: cluster.delete([ObjectKey("Pod", "shop", "client")]),
    "its lifecycle": lambda cluster: cluster.lifecycle(),
    "a refusal": alter_by_refusal,
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS.keys())
def test_what_was_altered_is_nobody_elses(alter, api: StoringApi, cluster: KubernetesCluster):
    begin(cluster, SHOP + CLIENT)
    (space,) = api.names("namespaces")
    stored = api.stored[f"/api/v1/namespaces/{space}"]
    stored["metadata"]["resourceVersion"] = "1"
    api.answers["PUT", f"/api/v1/namespaces/{space}"] = (200, stored)
    alter(cluster)
    cluster.release(clean=True)
    assert not begin(cluster, SHOP + CLIENT)


def test_policies_that_come_and_go_alter_nothing(cluster: KubernetesCluster) -> None:
    begin(cluster, SHOP + CLIENT)
    cluster.apply(POLICY)
    cluster.delete([DENY])
    cluster.apply(POLICY)
    cluster.delete([])
    cluster.release(clean=True)
    assert begin(cluster, SHOP + CLIENT)


def test_what_a_scenario_leaves_that_failed_is_nobody_elses(cluster: KubernetesCluster) -> None:
    begin(cluster, SHOP + CLIENT)
    cluster.release()
    assert not begin(cluster, SHOP + CLIENT)


@pytest.mark.parametrize(
    "spec",
    [
        ClusterSpec(nodes=1, alone=True),
        ClusterSpec(nodes=1, asking=frozenset([ObjectKey("Pod", "shop", "client")])),
    ],
)
def test_scenarios_that_want_more_neither_take_nor_leave(
    spec: ClusterSpec, cluster: KubernetesCluster
) -> None:
    begin(cluster, SHOP + CLIENT)
    cluster.release(clean=True)
    assert not begin(cluster, SHOP + CLIENT, spec)
    cluster.release(clean=True)
    assert begin(cluster, SHOP + CLIENT)
    cluster.release()
    assert not begin(cluster, SHOP + CLIENT)


def test_workers_of_one_run_take_over_from_each_other(api: StoringApi) -> None:
    setup = Setup(api.client(), "1", Images("own:1"), "kubeconfig", "tested")
    one, other = KubernetesCluster(setup), KubernetesCluster(setup)
    begin(one, SHOP + CLIENT)
    one.release(clean=True)
    assert begin(other, SHOP + CLIENT)
    assert not begin(one, SHOP + CLIENT)
    one.close()
    other.close()


def test_while_only_policies_change_nothing_is_read_again(
    api: StoringApi, cluster: KubernetesCluster
) -> None:
    begin(cluster, SHOP + CLIENT)
    cluster.apply(POLICY)
    cluster.delete([DENY])
    read = len(api.sent("GET"))
    cluster.apply(POLICY)
    cluster.wait_ready(5.0)
    assert [policy.key for policy in cluster.state().policies] == [DENY]
    assert len(api.sent("GET")) == read
    cluster.delete([DENY])
    assert not cluster.state().policies
    assert len(api.sent("GET")) == read + 1, "that it is gone"


def test_a_pod_that_comes_is_waited_for_and_read(cluster: KubernetesCluster) -> None:
    begin(cluster, SHOP + CLIENT)
    cluster.apply(OTHER)
    cluster.wait_ready(5.0)
    assert addresses(cluster).keys() == {"client", "other"}
