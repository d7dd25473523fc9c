"""The planned cluster: what each step leaves behind, and with which addresses."""

from __future__ import annotations

from netpol_conformance.model.objects import ObjectKey
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.planning import own_pods, planned_state

from .scenario_texts import SOUND, spoilt

POD = """
  - title: A pod is applied
    apply: |
      apiVersion: v1
      kind: Pod
      metadata: {name: NAME, labels: {role: foe}}
      spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
    expect:
      other/app:9000: {"*": connected}
"""


def test_the_state_before_the_first_step():
    state = planned_state(load(SOUND, "x.yaml"), -1)
    assert [node.name for node in state.nodes] == ["node-1", "node-2", "node-3"]
    assert {item.name for item in state.namespaces} == {"default", "kube-system", "other"}
    assert not state.policies
    dns = next(pod for pod in state.pods if pod not in own_pods(state))
    assert (dns.namespace, dns.labels) == ("kube-system", {"k8s-app": "kube-dns"})


def test_steps_add_and_remove():
    scenario = load(SOUND, "x.yaml")
    names = [[policy.name for policy in planned_state(scenario, n).policies] for n in range(3)]
    assert names == [[], ["only-friend"], []]


def test_addresses_are_unique_and_of_the_nodes_networks():
    state = planned_state(load(SOUND, "x.yaml"), 0)
    nodes = {node.name: node for node in state.nodes}
    addresses = [ip for pod in state.pods for ip in pod.ips]
    addresses += [ip for node in state.nodes for ip in node.ips]
    addresses += [ip for service in state.services for ip in service.cluster_ips]
    assert len(addresses) == len(set(addresses))
    for pod in state.pods:
        assert all(
            ip in network for ip, network in zip(pod.ips, nodes[pod.node].pod_cidrs, strict=True)
        )


def test_a_host_network_pod_has_its_nodes_addresses():
    text = spoilt("ports: [9000], node: node-3", "ports: [9000], node: node-3, hostNetwork: true")
    state = planned_state(load(text, "x.yaml"), 0)
    app = next(pod for pod in state.pods if pod.name == "app")
    assert app.ips == state.nodes[2].ips


def test_a_relabelled_pod_keeps_its_place():
    scenario = load(SOUND + POD.replace("NAME", "friend"), "x.yaml")
    before, after = (
        next(item for item in planned_state(scenario, step).pods if item.name == "friend")
        for step in (2, 3)
    )
    assert (before.labels, after.labels) == ({"role": "friend"}, {"role": "foe"})
    assert (after.ips, after.node) == (before.ips, before.node)


def test_a_new_pod_joins_the_matrix():
    scenario = load(SOUND + POD.replace("NAME", "late"), "x.yaml")
    assert "late" in [str(source) for source in scenario.sources]
    assert "late:80" in [str(destination) for destination in scenario.destinations]
    late = next(item for item in planned_state(scenario, 3).pods if item.name == "late")
    assert late.ips


def test_a_deleted_namespace_takes_all_in_it_along():
    scenario = load(
        spoilt("[networkpolicy/only-friend]", "[namespace/other]").replace(
            'delete: [namespace/other]\n    expect:\n      web:80: {"*": connected}',
            "delete: [namespace/other]\n    expect:\n      web:80: {friend: connected}",
        ),
        "x.yaml",
    )
    gone = {ObjectKey("Pod", "other", "app"), ObjectKey("Namespace", "", "other")}
    assert gone <= {item.key for item in planned_state(scenario, 1).objects()}
    assert not gone & {item.key for item in planned_state(scenario, 2).objects()}


def test_load_balancers_and_node_ports_get_their_own():
    text = spoilt("targetPort: 80", "targetPort: 80, type: LoadBalancer")
    state = planned_state(load(text, "x.yaml"), 0)
    web = next(service for service in state.services if service.name == "web")
    assert [ip.version for ip in web.load_balancer_ips] == [4, 6]
    assert web.ports[0].node_port == 30000


def test_a_headless_service_has_no_address():
    text = spoilt("{port: 8080, targetPort: 80}", "{port: 80, headless: true}")
    text = text.replace("service/web:8080", "service/web:80")
    state = planned_state(load(text, "x.yaml"), 0)
    web = next(service for service in state.services if service.name == "web")
    assert not web.cluster_ips
