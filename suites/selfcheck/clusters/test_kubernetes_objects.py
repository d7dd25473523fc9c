from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from netpol_conformance.clusters.base import (
    ClusterError,
    NotReadyError,
    OutsideHost,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.objects.nodes import read_nodes
from netpol_conformance.clusters.kubernetes.objects.objects import Objects
from netpol_conformance.clusters.kubernetes.objects.pods import Images, Placing
from netpol_conformance.clusters.kubernetes.objects.reading import read_dns
from netpol_conformance.model.objects import ObjectKey, Pod, Service
from netpol_conformance.model.version import LATEST

from .kubernetes_api import StoringApi, node, serving

NAMES = Names("1", "2")
SPACES = "/api/v1/namespaces"
HOME = f"{SPACES}/npc-1-2-default"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/npc-1-2-default/networkpolicies"
WORKER = node("worker", podCIDRs=[], podCIDR="10.0.0.0/24")
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}}
"""
STORED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "namespace": "npc-1-2-default", "resourceVersion": "7"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: new}}
spec: {containers: [{name: main, image: nginx}]}
"""


@pytest.fixture
def api() -> Iterator[StoringApi]:
    with serving(StoringApi()) as one:
        yield one


def objects(api: StoringApi, *, families: tuple[int, ...] = (4,), secret: str = "") -> Objects:
    nodes = read_nodes([WORKER])
    placing = Placing(nodes.taking_pods, families, Images("own:1", pull_secret=secret))
    return Objects(api.client(), NAMES, nodes, placing, LATEST, families)


def refusal(reason: str, code: int = 409, message: str = "no") -> tuple[int, dict[str, Any]]:
    return code, {"reason": reason, "message": message}


def test_an_object_goes_to_the_scenarios_own_namespace_and_comes_back(api: StoringApi) -> None:
    (stored,) = objects(api).apply(POLICY)
    assert stored.key == ObjectKey("NetworkPolicy", "default", "deny")
    assert api.sent("POST")[0][1]["metadata"]["namespace"] == "npc-1-2-default"


def test_an_object_that_is_there_is_replaced(api: StoringApi) -> None:
    api.answers["POST", POLICIES] = refusal("AlreadyExists")
    api.answers["GET", f"{POLICIES}/deny"] = (200, STORED)
    api.answers["PUT", f"{POLICIES}/deny"] = (200, STORED)
    objects(api).apply(POLICY)
    ((_, sent),) = api.sent("PUT")
    assert sent["metadata"]["resourceVersion"] == "7"


def running(api: StoringApi, **metadata: Any) -> None:
    """Have the pod web be there already."""
    found = {
        "metadata": {"name": "web", "namespace": "npc-1-2-default", **metadata},
        "spec": {"containers": [{"name": "main", "image": "nginx"}], "restartPolicy": "Always"},
    }
    api.answers["POST", f"{HOME}/pods"] = refusal("AlreadyExists")
    api.answers["GET", f"{HOME}/pods/web"] = (200, found)
    api.answers["PATCH", f"{HOME}/pods/web"] = (200, found)


def test_of_a_pod_labels_are_changed_and_those_left_out_are_removed(api: StoringApi) -> None:
    annotations = {"netpol-conformance/image": "nginx", "note": "gone"}
    running(api, labels={"app": "old", "gone": "x"}, annotations=annotations)
    objects(api).apply(POD)
    ((_, patch),) = api.sent("PATCH")
    assert patch == {
        "metadata": {
            "labels": {"app": "new", "gone": None},
            "annotations": {"netpol-conformance/image": "nginx", "note": None},
        }
    }


def test_a_pod_that_finishes_is_ended(api: StoringApi) -> None:
    running(api)
    objects(api).apply(f"{POD}status: {{phase: Succeeded}}")
    assert api.sent("PATCH")[0][1]["spec"] == {"activeDeadlineSeconds": 1}


def test_lists_are_taken_apart_and_empty_documents_passed_over(api: StoringApi) -> None:
    item = POLICY.replace("\n", "\n  ")
    assert len(objects(api).apply(f"---\n---\nkind: List\nitems:\n- {item.strip()}\n")) == 1


def test_what_the_server_refuses_is_refused_in_the_scenarios_names(api: StoringApi) -> None:
    message = 'namespaces "npc-1-2-other" not found'
    api.answers["POST", POLICIES.replace("default", "other")] = refusal("NotFound", 404, message)
    with pytest.raises(RefusedError, match='namespaces "other" not found'):
        objects(api).apply(POLICY.replace("name: deny", "name: deny, namespace: other"))


def test_the_namespace_default_is_made_for_the_first_object_in_it(api: StoringApi) -> None:
    lacking = refusal("NotFound", 404, 'namespaces "npc-1-2-default" not found')
    api.answers["POST", POLICIES] = [lacking, (201, STORED)]
    [stored] = objects(api).apply(POLICY)
    assert stored.key == ObjectKey("NetworkPolicy", "default", "deny")
    assert [path for path, _ in api.sent("POST")] == [POLICIES, SPACES, POLICIES]


def test_a_namespace_that_goes_again_at_once_is_not_made_for_ever(api: StoringApi) -> None:
    message = 'namespaces "npc-1-2-default" not found'
    api.answers["POST", POLICIES] = refusal("NotFound", 404, message)
    with pytest.raises(RefusedError, match='namespaces "default" not found'):
        objects(api).apply(POLICY)


def test_a_manifest_that_no_pod_can_be_made_of_is_left_to_the_server(api: StoringApi) -> None:
    api.answers["POST", f"{HOME}/pods"] = refusal("Invalid", 422, "spec.containers: Required")
    with pytest.raises(RefusedError, match=r"spec\.containers: Required"):
        objects(api).apply("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (POLICY.replace("networking.k8s.io/v1", "extensions/v1beta1"), "no matches for kind"),
        ("{kind: Pod}", 'no matches for kind "Pod" in version "None"'),
        ("a: [", "error parsing STDIN"),
        ("just words", "unable to decode"),
    ],
)
def test_what_kubectl_itself_refuses(api: StoringApi, manifest: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        objects(api).apply(manifest)


@pytest.mark.parametrize(
    "manifest",
    [
        POLICY.replace("{name: deny}", "{name: deny, namespace: kube-system}"),
        "{apiVersion: v1, kind: Namespace, metadata: {name: kube-system, labels: {a: b}}}",
        "{apiVersion: v1, kind: Node, metadata: {name: node-1, labels: {a: b}}}",
    ],
)
def test_what_is_the_clusters_own_stays_as_it_is(api: StoringApi, manifest: str) -> None:
    with pytest.raises(UnsupportedError, match="belongs to the cluster"):
        objects(api).apply(manifest)
    assert not [request for request in api.requests if request[0] != "GET"]


@pytest.mark.parametrize(
    "key",
    [
        ObjectKey("Pod", "kube-system", "coredns"),
        ObjectKey("Namespace", "", "kube-system"),
        ObjectKey("Node", "", "node-1"),
    ],
)
def test_nor_is_it_deleted(api: StoringApi, key: ObjectKey) -> None:
    with pytest.raises(UnsupportedError):
        objects(api).delete([key])
    assert not api.requests


def test_deleting_waits_until_the_object_is_gone(api: StoringApi) -> None:
    api.answers["DELETE", f"{POLICIES}/deny"] = (200, {})
    gone = 404, {"message": "not found"}
    api.answers["GET", f"{POLICIES}/deny"] = [(200, STORED), (200, STORED), gone]
    objects(api).delete([ObjectKey("NetworkPolicy", "default", "deny")])
    assert len(api.sent("GET")) == 3


def test_deleting_what_is_not_there_is_refused(api: StoringApi) -> None:
    with pytest.raises(
        RefusedError, match=r'networkpolicies\.networking\.k8s\.io "deny" not found'
    ):
        objects(api).delete([ObjectKey("NetworkPolicy", "default", "deny")])


def test_what_is_never_gone_is_named(api: StoringApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "netpol_conformance.clusters.kubernetes.objects.objects.DELETE_TIMEOUT", 0.01
    )
    held = {"metadata": {"name": "npc-1-2-a", "finalizers": ["example.org/hold"]}}
    api.answers["DELETE", f"{SPACES}/npc-1-2-a"] = (200, {})
    api.answers["GET", f"{SPACES}/npc-1-2-a"] = (200, held)
    with pytest.raises(
        NotReadyError, match=r"Namespace a is not gone .*finalizer example.org/hold"
    ):
        objects(api).delete([ObjectKey("Namespace", "", "a")])


def test_a_new_namespace_is_waited_for_until_it_takes_pods(api: StoringApi) -> None:
    stored = {"metadata": {"name": "web"}, "spec": {"containers": [{"image": "nginx"}]}}
    message = 'error looking up service account x/default: serviceaccount "default" not found'
    api.answers["POST", f"{HOME}/pods"] = [refusal("Forbidden", 403, message), (201, stored)]
    objects(api).apply(POD)
    assert len(api.sent("POST")) == 2


def test_a_namespace_that_takes_no_pods_in_time_is_no_refusal(
    api: StoringApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the cluster would count as one whose API refuses the scenario's manifests."""
    monkeypatch.setattr(
        "netpol_conformance.clusters.kubernetes.objects.objects.ACCOUNT_TIMEOUT", 0.01
    )
    message = 'error looking up service account x/default: serviceaccount "default" not found'
    api.answers["POST", f"{HOME}/pods"] = refusal("Forbidden", 403, message)
    with pytest.raises(NotReadyError, match=r'serviceaccount "default" not found, after 0.01 s'):
        objects(api).apply(POD)


def test_services_have_both_families_where_the_scenario_has(api: StoringApi) -> None:
    stored = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    api.answers["POST", f"{HOME}/services"] = (201, stored)
    service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}"
    objects(api, families=(4, 6)).apply(service)
    objects(api, families=(4,)).apply(service)
    policies = [body["spec"].get("ipFamilyPolicy") for _, body in api.sent("POST")]
    assert policies == ["PreferDualStack", None]


def test_the_pull_secret_is_copied_to_each_namespace(api: StoringApi) -> None:
    secret = {"metadata": {"name": "key", "uid": "1"}, "data": {"a": "b"}, "type": "t"}
    api.answers["GET", f"{SPACES}/ci/secrets/key"] = (200, secret)
    objects(api, secret="ci/key").make_namespace("npc-1-2-a")
    assert api.sent("POST")[1][1] == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "data": {"a": "b"},
        "type": "t",
    }
    with pytest.raises(ClusterError, match="there is no Secret ci/lost"):
        objects(api, secret="ci/lost").make_namespace("npc-1-2-b")


def test_the_scenario_sees_its_own_objects_only_and_none_that_are_going(api: StoringApi) -> None:
    def space(name: str, **more: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "labels": dict(NAMES.labels), **more}}

    going = {"deletionTimestamp": "2020-01-01T00:00:00Z"}
    api.answers["GET", SPACES] = (
        200,
        {"items": [space("npc-1-2-default"), space("npc-1-2"), space("npc-1-2-b", **going)]},
    )
    for kind in ("pods", "services"):
        api.answers["GET", f"{HOME}/{kind}"] = (200, {"items": []})
    terminating = {**STORED, "metadata": {**STORED["metadata"], "name": "going", **going}}
    api.answers["GET", POLICIES] = (200, {"items": [STORED, terminating]})
    keys = [str(item.key) for item in objects(api).read()]
    assert keys == ["Namespace default", "NetworkPolicy default/deny"]
    assert api.requests[0][2]["labelSelector"] == (
        "netpol-conformance/run=1,netpol-conformance/slot=2"
    )


def test_the_clusters_dns_is_seen_as_it_is(api: StoringApi) -> None:
    system = f"{SPACES}/kube-system"
    api.answers["GET", system] = (200, {"metadata": {"name": "kube-system"}})
    api.answers["GET", f"{system}/services/kube-dns"] = (
        200,
        {
            "metadata": {"name": "kube-dns", "namespace": "kube-system"},
            "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"port": 53}]},
        },
    )
    pod = {
        "metadata": {"name": "dns", "namespace": "kube-system"},
        "spec": {"containers": [{"name": "c", "image": "coredns"}], "nodeName": "worker"},
    }
    api.answers["GET", f"{system}/pods"] = (200, {"items": [pod]})
    _, service, dns = read_dns(api.client(), NAMES, read_nodes([WORKER]), LATEST)
    assert isinstance(service, Service)
    assert isinstance(dns, Pod)
    assert (dns.namespace, dns.node) == ("kube-system", "node-1")
    assert api.requests[-1][2] == {"labelSelector": "k8s-app=kube-dns"}


OFFICE = OutsideHost("office", (ip_address("203.0.113.10"),), (443,), named=True)
SLICES = "/apis/discovery.k8s.io/v1/namespaces/npc-1-2-default/endpointslices"


def test_a_host_outside_is_named_by_a_service_without_selector(api: StoringApi) -> None:
    objects(api).name_outside(OFFICE)
    (_, service), (_, addresses) = api.sent("POST")
    assert service["metadata"]["name"] == "office"
    assert (service["spec"]["clusterIP"], "selector" in service["spec"]) == ("None", False)
    assert addresses["metadata"]["labels"] == {"kubernetes.io/service-name": "office"}
    assert addresses["endpoints"] == [{"addresses": ["203.0.113.10"]}]


def test_where_that_is_forbidden_it_is_not_supported(api: StoringApi) -> None:
    api.answers["POST", SLICES] = refusal("Forbidden", 403, "endpointslices is forbidden")
    with pytest.raises(UnsupportedError, match="endpointslices is forbidden"):
        objects(api).name_outside(OFFICE)
