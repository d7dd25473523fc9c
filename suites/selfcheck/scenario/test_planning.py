"""The planned cluster: what each step leaves behind, and with which addresses."""

from __future__ import annotations

import pytest

from netpol_conformance.model.objects import ObjectKey
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.planning import own_pods, planned_state

from .scenario_texts import SOUND, faults, spoilt

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


def test_a_relabelled_pod_keeps_its_place():
    again = POD.replace("NAME", "friend").replace(", ports: [{containerPort: 80}]", "")
    scenario = load(SOUND + again, "x.yaml")
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


def test_pods_are_planned_where_they_are_fit_to_run():
    pods = "".join(POD.replace("NAME", name) for name in ("one", "two"))
    pods = pods.replace("spec: {", "spec: {nodeSelector: {disk: ssd}, ")
    node = "apiVersion: v1\n      kind: Node\n      metadata: {name: node-2, labels: {disk: ssd}}"
    text = SOUND + pods.replace("apply: |", f"apply: |\n      {node}\n      ---", 1)
    state = planned_state(load(text, "x.yaml"), 4)
    placed = {pod.name: pod.node for pod in state.pods if pod.name in ("one", "two")}
    assert placed == {"one": "node-2", "two": "node-2"}
    assert state.nodes[1].ips


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{name: NAME", "{namespace: othre, name: NAME", 'Pod othre/late: namespaces "othre" not'),
        ("apply: |\n", "delete: [namespace/default]\n    apply: |\n", "may not be deleted"),
    ],
)
def test_what_the_api_would_not_take_is_told_before_anything_starts(old, new, told):
    text = SOUND + POD.replace(old, new).replace("NAME", "late")
    assert told in "".join(map(str, faults(text)))


def test_what_the_cluster_has_no_room_for_is_told_before_anything_starts():
    node = "apiVersion: v1\n      kind: Node\n      metadata: {name: node-9}"
    text = SOUND + POD.replace("apply: |", f"apply: |\n      {node}\n      ---")
    with pytest.raises(ScenarioError, match=r"steps\[3\].apply: there is no node node-9"):
        load(text, "x.yaml")
    text = spoilt("    replicas: 2\n", "    replicas: 100\n    node: node-1\n")
    more = "".join(f"  more-{n}: {{replicas: 100, node: node-1}}\n" for n in range(2))
    with pytest.raises(ScenarioError, match=r"pods: no free address is left in 10.244.1.0/24"):
        load(text.replace("  friend:", f"{more}  friend:"), "x.yaml")
