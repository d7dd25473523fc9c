"""What the in-memory API admits, completes and refuses."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.api.addresses import CapacityError
from netpol_conformance.api.server import DNS_POD, Api
from netpol_conformance.model.objects import IPAddress, ObjectKey, Pod, Service, ServicePort
from netpol_conformance.model.problems import ManifestError
from netpol_conformance.model.version import KubernetesVersion


def pod(name: str, spec: str = "", status: str = "", labels: str = "{}") -> str:
    return f"""
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {labels}}}
spec: {{containers: [{{name: c, image: own}}]{spec}}}
status: {{{status}}}
"""


def node(name: str, labels: str = "{}") -> str:
    return f"\n---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {labels}}}"


def addresses(ips: Iterable[IPAddress]) -> list[str]:
    return [str(ip) for ip in ips]


def service(name: str, spec: str) -> str:
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]{spec}}}
"""


def stored(api: Api, kind: str, name: str, namespace: str = "default"):
    key = ObjectKey(kind, namespace, name)
    return next(item for item in api.state().objects() if item.key == key)


def new(**shape) -> Api:
    """A cluster whose only pods are those that a test makes."""
    api = Api(**shape)
    api.delete(DNS_POD.key)
    return api


@pytest.fixture
def api() -> Api:
    return new()


def test_a_new_cluster_has_its_namespaces_nodes_and_dns():
    state = Api().state()
    assert [item.name for item in state.namespaces] == ["default", "kube-system"]
    assert state.namespaces[0].labels == {"kubernetes.io/metadata.name": "default"}
    assert [str(node.ips[0]) for node in state.nodes] == ["172.18.0.2", "172.18.0.3"]
    assert [str(node.pod_cidrs[0]) for node in state.nodes] == ["10.244.1.0/24", "10.244.2.0/24"]
    (dns,) = state.pods
    assert (dns.node, str(dns.ips[0])) == ("node-1", "10.244.1.2")
    assert [str(service.cluster_ips[0]) for service in state.services] == ["10.96.0.10"]


def test_before_1_21_namespaces_have_no_name_label():
    api = new(version=KubernetesVersion(1, 20))
    assert api.state().namespaces[0].labels == {}


def test_the_name_label_cannot_be_changed(api):
    api.apply(
        "apiVersion: v1\nkind: Namespace\n"
        "metadata: {name: a, labels: {kubernetes.io/metadata.name: b}}"
    )
    assert stored(api, "Namespace", "a", "").labels == {"kubernetes.io/metadata.name": "a"}


def test_pods_go_round_the_nodes_unless_they_name_one(api):
    api.apply(pod("a") + pod("b") + pod("c", ", nodeName: node-2") + pod("d"))
    placed = [(item.name, item.node, str(item.ips[0])) for item in api.state().pods]
    assert placed == [
        ("a", "node-1", "10.244.1.2"),
        ("b", "node-2", "10.244.2.2"),
        ("c", "node-2", "10.244.2.3"),
        ("d", "node-1", "10.244.1.3"),
    ]


def test_a_pod_on_the_nodes_network_has_the_nodes_address(api):
    api.apply(pod("a", ", hostNetwork: true, nodeName: node-2"))
    assert stored(api, "Pod", "a").ips == (ip_address("172.18.0.3"),)


def test_a_pod_for_an_unknown_node_waits(api):
    api.apply(pod("a", ", nodeName: nowhere"))
    waiting = stored(api, "Pod", "a")
    assert (waiting.phase, waiting.ips) == ("Pending", ())


def test_a_pending_pod_has_no_address_until_it_runs(api):
    api.apply(pod("a", status="phase: Pending"))
    assert stored(api, "Pod", "a").ips == ()
    api.apply(pod("a", status="phase: Running"))
    assert stored(api, "Pod", "a").ips


def test_a_deleted_pods_address_is_the_next_ones(api):
    api.apply(pod("a", ", nodeName: node-1"))
    api.delete(ObjectKey("Pod", "default", "a"))
    api.apply(pod("b", ", nodeName: node-1"))
    assert str(stored(api, "Pod", "b").ips[0]) == "10.244.1.2"


def test_a_finished_pods_address_is_the_next_ones(api):
    api.apply(pod("a", ", nodeName: node-1"))
    api.apply(pod("a", ", nodeName: node-1", "phase: Succeeded"))
    api.apply(pod("b", ", nodeName: node-1"))
    assert stored(api, "Pod", "a").ips == stored(api, "Pod", "b").ips


def test_applying_again_updates_labels_and_keeps_the_rest(api):
    api.apply(pod("a"))
    before = stored(api, "Pod", "a")
    api.drain()
    api.apply(pod("a", labels="{x: z}"))
    assert stored(api, "Pod", "a") == replace(before, labels={"x": "z"})
    assert [event.type for event in api.drain()] == ["MODIFIED"]
    api.apply(pod("a", labels="{x: z}"))
    assert api.drain() == ()


def test_a_running_pod_cannot_move(api):
    api.apply(pod("a", ", nodeName: node-1"))
    with pytest.raises(ManifestError, match='The Pod "a" is invalid: spec: Forbidden'):
        api.apply(pod("a", ", nodeName: node-2"))


def test_what_came_before_a_refusal_is_stored(api):
    with pytest.raises(ManifestError, match='namespaces "x" not found'):
        api.apply(
            pod("a") + "  \n---\napiVersion: v1\nkind: Service\n"
            "metadata: {name: s, namespace: x}\nspec: {ports: [{port: 80}]}" + pod("b")
        )
    assert [item.name for item in api.state().pods] == ["a"]


def test_an_invalid_manifest_is_refused_in_the_servers_words(api):
    with pytest.raises(ManifestError, match=r'ports\[0\].protocol: Unsupported value: "tcp"'):
        api.apply(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
            "spec: {podSelector: {}, ingress: [{ports: [{protocol: tcp}]}]}"
        )


def test_a_version_serves_its_own_groups():
    api = new(version=KubernetesVersion(1, 5))
    with pytest.raises(ManifestError, match="no matches for kind"):
        api.apply(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
            "spec: {podSelector: {}}"
        )


def test_services_get_what_their_type_calls_for(api):
    api.apply(
        service("a", "")
        + service("b", ", clusterIP: None")
        + service("c", ", type: NodePort")
        + service("d", ", type: LoadBalancer")
    )
    found = [stored(api, "Service", name) for name in "abcd"]
    cluster_ips = [["10.96.1.0"], [], ["10.96.1.1"], ["10.96.1.2"]]
    assert [addresses(item.cluster_ips) for item in found] == cluster_ips
    assert [item.ports[0].node_port for item in found] == [None, None, 30000, 30001]
    balanced = [[], [], [], ["192.168.200.1"]]
    assert [addresses(item.load_balancer_ips) for item in found] == balanced


def test_applying_a_service_again_keeps_its_addresses(api):
    api.apply(service("a", ", type: LoadBalancer"))
    before = stored(api, "Service", "a")
    api.apply(service("a", ", type: LoadBalancer"))
    assert stored(api, "Service", "a") == before
    api.apply(service("a", ""))
    assert stored(api, "Service", "a").load_balancer_ips == ()


@pytest.mark.parametrize(
    "spec",
    [
        "type: NodePort, ports: [{port: 80, nodePort: 30500}]",
        "ports: [{port: 80}], clusterIP: 10.96.9.9",
    ],
)
def test_what_is_taken_is_refused(api, spec):
    text = service("a", "").replace("ports: [{port: 80}]", spec)
    api.apply(text)
    with pytest.raises(ManifestError, match="already allocated"):
        api.apply(text.replace("name: a", "name: b"))


def test_dual_stack_gives_both_families():
    api = new(families=(4, 6))
    api.apply(pod("a") + service("s", ", type: LoadBalancer"))
    found = stored(api, "Service", "s")
    assert addresses(stored(api, "Pod", "a").ips) == ["10.244.1.2", "fd00:10:244:1::2"]
    assert addresses(found.cluster_ips) == ["10.96.1.0", "fd00:10:96::100"]
    assert addresses(found.load_balancer_ips) == ["192.168.200.1", "fd00:192:168:200::1"]


def test_a_namespace_goes_with_all_that_is_in_it(api):
    api.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}")
    api.store(Pod("a", "p"))
    api.store(Service("a", "s", ports=(ServicePort(80, 80),)))
    api.drain()
    api.delete(ObjectKey("Namespace", "", "a"))
    gone = [str(event.object.key) for event in api.drain()]
    assert gone == ["Pod a/p", "Service a/s", "Namespace a"]


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "message"),
    [
        ("Pod", "default", "x", 'pods "x" not found'),
        ("NetworkPolicy", "default", "x", 'networkpolicies.networking.k8s.io "x" not found'),
        ("Namespace", "", "default", "this namespace may not be deleted"),
        ("Node", "", "node-1", "forbidden"),
    ],
)
def test_what_cannot_be_deleted(api, kind, namespace, name, message):
    with pytest.raises(ManifestError, match=message):
        api.delete(ObjectKey(kind, namespace, name))


def test_a_nodes_labels_can_be_set_but_no_node_added(api):
    api.apply(node("node-1", "{zone: a}"))
    assert stored(api, "Node", "node-1", "").labels == {"zone": "a"}
    with pytest.raises(CapacityError, match="ask for more nodes"):
        api.apply(node("node-9"))


def test_a_full_node_says_so():
    api = new(nodes=1)
    for number in range(253):
        api.store(Pod("default", f"p{number}"))
    with pytest.raises(CapacityError, match=r"no free address is left in 10.244.1.0/24"):
        api.store(Pod("default", "one too many"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40))
def test_events_replayed_give_the_state_and_no_two_pods_share_an_address(changes):
    api = new()
    replayed = {}
    for number, alive in changes:
        item = Pod("default", f"p{number}")
        known = {each.key for each in api.pods()}
        if alive:
            api.store(item)
        elif item.key in known:
            api.delete(item.key)
        addresses = [ip for each in api.pods() for ip in each.ips]
        assert len(addresses) == len(set(addresses))
    for event in api.drain():
        if event.type == "DELETED":
            del replayed[event.object.key]
        else:
            assert (event.type == "ADDED") == (event.object.key not in replayed)
            replayed[event.object.key] = event.object
    assert set(replayed.values()) == set(api.state().objects())


def test_a_finished_pod_keeps_its_status_and_loses_its_address(api):
    api.apply(pod("job"))
    before = stored(api, "Pod", "job")
    api.drain()
    api.finish(before.key)
    after = stored(api, "Pod", "job")
    assert (after.phase, after.ips) == ("Succeeded", before.ips)
    assert [event.type for event in api.drain()] == ["MODIFIED"]
    with pytest.raises(ManifestError, match='pods "nobody" not found'):
        api.finish(ObjectKey("Pod", "default", "nobody"))


def test_an_address_that_is_kept_for_a_pod_is_given_to_it_once(api):
    api.apply(pod("job") + pod("other"))
    job = stored(api, "Pod", "job")
    late = ObjectKey("Pod", "default", "late")
    api.finish(job.key)
    api.reserve({late: job})
    api.apply(pod("late"))
    assert (stored(api, "Pod", "late").ips, stored(api, "Pod", "late").node) == (job.ips, job.node)
    api.delete(late)
    api.apply(pod("third", f", nodeName: {job.node}") + pod("late"))
    assert stored(api, "Pod", "late").ips != stored(api, "Pod", "third").ips


def test_a_pod_waits_for_a_node_that_has_the_labels_it_asks_for(api):
    api.apply(pod("late", ", nodeSelector: {disk: fast}"))
    waiting = stored(api, "Pod", "late")
    assert (waiting.phase, waiting.ips, waiting.node) == ("Pending", (), "")
    with pytest.raises(ManifestError, match="nodeSelector"):
        api.apply(pod("bad", ', nodeSelector: {"disk": "not a label"}'))


def test_pods_take_turns_on_the_nodes_that_are_fit_for_them(api):
    picky = ", nodeSelector: {disk: ssd}"
    api.apply(node("node-2", "{disk: ssd}") + pod("a", picky) + pod("b", picky) + pod("c"))
    placed = {item.name: (item.node, str(item.ips[0])) for item in api.pods()}
    assert placed == {
        "a": ("node-2", "10.244.2.2"),
        "b": ("node-2", "10.244.2.3"),
        "c": ("node-1", "10.244.1.2"),
    }


def test_a_waiting_pod_starts_once_a_node_has_the_labels_and_stays_without_them(api):
    api.apply(pod("late", ", nodeSelector: {disk: ssd}") + pod("held", status="phase: Pending"))
    api.drain()
    api.apply(node("node-2", "{disk: ssd}"))
    late = stored(api, "Pod", "late")
    assert (late.phase, late.node, str(late.ips[0])) == ("Running", "node-2", "10.244.2.2")
    assert [event.object.key.name for event in api.drain()] == ["node-2", "late"]
    assert stored(api, "Pod", "held").phase == "Pending"
    api.apply(node("node-2"))
    assert stored(api, "Pod", "late") == late


def test_a_pod_that_has_finished_never_runs_again(api):
    api.apply(pod("job"))
    job = stored(api, "Pod", "job")
    api.finish(job.key)
    api.apply(pod("job", labels="{x: z}"))
    assert stored(api, "Pod", "job") == replace(job, labels={"x": "z"}, phase="Succeeded")


def test_what_is_not_there_is_told_with_what_may_be_meant(api):
    api.apply(pod("web"))
    with pytest.raises(ManifestError) as caught:
        api.delete(ObjectKey("Pod", "default", "wbe"))
    (problem,) = caught.value.problems
    assert problem.cause == "there is no Pod default/wbe"
    assert problem.suggestion == 'did you mean "Pod default/web"?'
