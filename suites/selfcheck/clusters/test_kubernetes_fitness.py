"""What a cluster must be for a scenario, and what it says of itself where it is not well."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from netpol_conformance.clusters import drivers
from netpol_conformance.clusters.base import ClusterError, ClusterSpec, UnsupportedError
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.external import check_alike
from netpol_conformance.clusters.kubernetes.fitness import check_fits, families_of, read_version
from netpol_conformance.clusters.kubernetes.objects import waits
from netpol_conformance.clusters.kubernetes.objects.nodes import read_nodes
from netpol_conformance.clusters.kubernetes.objects.patience import Patience
from netpol_conformance.clusters.options import Options
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    IPBlock,
    NetworkPolicy,
    Pod,
    PolicyPeer,
    PolicyRule,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.probe.verdict import Observation, Probe, Verdict

from .kubernetes_api import ScriptedApi, node, serving

TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
UNWELL = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}


# -- nodes -----------------------------------------------------------------------------------------


def test_nodes_that_take_pods_come_first() -> None:
    nodes = read_nodes(
        [node("a", taints=[TAINT]), node("c"), node("b"), node("d", unschedulable=True)]
    )
    assert nodes.real == {"node-1": "b", "node-2": "c", "node-3": "a", "node-4": "d"}
    assert nodes.taking_pods == {"node-1": "b", "node-2": "c"}
    assert [item.name for item in nodes.objects()] == ["node-1", "node-2", "node-3", "node-4"]
    assert nodes.objects()[0].ips == (ip_address("192.0.2.7"),)
    assert nodes.objects()[0].pod_cidrs == (ip_network("10.1.0.0/24"),)


def test_a_node_that_is_not_ready_is_named_with_the_kubelets_words() -> None:
    with pytest.raises(ClusterError, match=r"node a is not ready .*cni plugin not initialized"):
        read_nodes([node("a", ready="False", taints=[UNWELL]), node("b")])


def test_a_node_that_takes_no_pods_need_not_be_ready() -> None:
    assert read_nodes([node("a", ready="Unknown", unschedulable=True), node("b")]).workers == 1


def test_a_cluster_without_nodes_for_pods_is_none() -> None:
    with pytest.raises(ClusterError, match="cordoned or tainted"):
        read_nodes([node("a", taints=[TAINT])])


# -- what a scenario wants -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "has", "fits"),
    [
        ("1.34", "1.29", True),  # asks for none in particular
        ("1.25", "1.34", True),  # means the same
        ("1.6", "1.34", False),
        ("1.18", "1.34", False),
        ("1.10", "1.10", True),
    ],
)
def test_a_scenario_of_other_rules_is_not_supported(wanted: str, has: str, fits: bool) -> None:
    spec = ClusterSpec(version=KubernetesVersion.parse(wanted))
    refused = pytest.raises(UnsupportedError, match=f"rules of Kubernetes {wanted}")
    with nullcontext() if fits else refused:
        check_fits(spec, KubernetesVersion.parse(has), 2, (4,))


def test_more_nodes_and_other_families_than_there_are_are_not_supported() -> None:
    with pytest.raises(UnsupportedError, match=r"needs 3 nodes that take pods, .* has 2"):
        check_fits(ClusterSpec(nodes=3), LATEST, 2, (4,))
    with pytest.raises(UnsupportedError, match="needs IPv6, and this cluster's pods have IPv4"):
        check_fits(ClusterSpec(families=(4, 6)), LATEST, 2, (4,))


def test_an_enforcer_without_the_api_is_refused_before_anything_is_made() -> None:
    with pytest.raises(UnsupportedError, match="cut the enforcer off from the API"):
        check_fits(ClusterSpec(alone=True, cut_off=True), LATEST, 2, (4,))


def test_families_are_those_of_pods() -> None:
    nodes = read_nodes([node("a")])
    dual = Pod("kube-system", "dns", ips=(ip_address("10.1.0.2"), ip_address("fd00::2")))
    assert families_of(nodes, [dual]) == (4, 6)
    assert families_of(nodes, []) == (4,)
    assert families_of(read_nodes([node("a", podCIDRs=[])]), []) == (4,)


def test_a_server_too_old_to_be_known_is_named() -> None:
    assert read_version("v1.34.4+k3s1") == KubernetesVersion(1, 34)
    with pytest.raises(ClusterError, match="too old"):
        read_version("v1.2.0")


def test_an_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'netpol-conformance\[kubernetes\]'"):
        drivers.make_driver(Options(cluster="kubeconfig"))


# -- waiting ---------------------------------------------------------------------------------------


def running(ready: str = "True", **container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "npc-1-2-default"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": "10.1.0.2"}],
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"name": "main", "image": "nginx", **container}],
        },
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return running("False", state={"waiting": {"reason": reason, "message": message}})


def wait_for(*looks: list[dict[str, Any]], seconds: float = 5.0) -> None:
    left = list(looks)
    with serving(ScriptedApi()) as api:
        event = {
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": "0/2 nodes",
            "involvedObject": {"name": "web"},
        }
        path = "/api/v1/namespaces/npc-1-2-default/events"
        api.answers["GET", path] = (200, {"items": [event, {"type": "Normal"}]})
        waits.until_running(
            lambda: left.pop(0) if len(left) > 1 else left[0],
            api.client(),
            Names("1", "2"),
            Patience(seconds, "ready"),
        )


def test_pods_are_waited_for() -> None:
    wait_for([waiting("ContainerCreating")], [running("False")], [running()])


def test_a_pod_that_has_finished_is_waited_for_no_more() -> None:
    wait_for([{"metadata": {"name": "a"}, "status": {"phase": "Succeeded"}}])


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CrashLoopBackOff", "InvalidImageName"])
def test_what_no_patience_mends_is_told_at_once(reason: str) -> None:
    with pytest.raises(ClusterError) as raised:
        wait_for([waiting(reason, "not found")], seconds=600)
    assert str(raised.value) == (
        f"pod default/web cannot run: container main of image nginx: {reason}: not found"
    )


def test_what_is_late_is_told_with_its_events() -> None:
    with pytest.raises(ClusterError) as raised:
        wait_for([waiting("ContainerCreating")], seconds=0.01)
    assert str(raised.value) == (
        "not ready, no progress for 0.01 s (1 of 1 pods): "
        "pod default/web (container main: ContainerCreating; FailedScheduling: 0/2 nodes): "
        "wait longer with --timeout ready=0.02, or run fewer scenarios at once with --jobs"
    )


WEB = Pod(
    "default", "web", {"app": "web"}, ports=(ContainerPort(80),), node="node-1",
    ips=(ip_address("10.1.0.2"),),
)  # fmt: skip
CLIENT = Pod("default", "client", node="node-2", ips=(ip_address("10.1.1.2"),))
SERVICE = Service(
    "default", "web", {"app": "web"}, (ServicePort(80, 80),), cluster_ips=(ip_address("10.9.0.1"),)
)
STATE = ClusterState(pods=(WEB, CLIENT), services=(SERVICE,))
UIDS = {("default", "web"): "1", ("default", "client"): "2"}


class Asked:
    """Answers with the verdict for the host asked, connected for all others; keeps the probes."""

    def __init__(self, **verdicts: Verdict) -> None:
        self.verdicts = verdicts
        self.probes: list[Probe] = []

    def __call__(self, probes: Sequence[Probe]) -> list[Observation]:
        self.probes += probes
        return [
            Observation(
                probe, self.verdicts.get(probe.host, Verdict.CONNECTED), "ask", "said", 0, 0
            )
            for probe in probes
        ]


def test_each_server_answers_itself_and_each_node_reaches_each_service() -> None:
    asked = Asked()
    waits.Readiness().wait(STATE, UIDS, asked, 5)
    assert {(probe.source.name, probe.host) for probe in asked.probes} == {
        ("web", "10.1.0.2"),
        ("client", "10.9.0.1"),
        ("client", "web.default"),
    }


def test_what_has_proven_to_serve_is_not_asked_again() -> None:
    readiness, again = waits.Readiness(), Asked()
    readiness.wait(STATE, UIDS, Asked(), 5)
    readiness.wait(STATE, UIDS, again, 5)
    assert again.probes == []
    readiness.wait(STATE, {**UIDS, ("default", "web"): "3"}, again, 5)
    assert {probe.host for probe in again.probes} == {"10.1.0.2", "10.9.0.1", "web.default"}


def test_a_server_that_does_not_answer_itself_is_named() -> None:
    asked = Asked(**{"10.1.0.2": Verdict.REFUSED})
    with pytest.raises(
        ClusterError, match=r"default/web does not answer itself at 10.1.0.2:80/TCP"
    ):
        waits.Readiness().wait(STATE, UIDS, asked, 0.01)


def test_a_service_out_of_reach_is_a_fault_only_without_policies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "UNDER_POLICY", 0.01)
    asked = Asked(**{"10.9.0.1": Verdict.TIMED_OUT})
    with pytest.raises(ClusterError, match="default/client does not reach the Service"):
        waits.Readiness().wait(STATE, UIDS, asked, 0.01)
    policed = STATE.with_objects(NetworkPolicy("default", "deny"))
    waits.Readiness().wait(policed, UIDS, asked, 600)


def test_a_pod_that_does_not_reach_itself_through_its_service_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "UNDER_POLICY", 0.01)
    asked = Asked(**{"10.9.0.1": Verdict.TIMED_OUT})
    waits.Readiness().wait(STATE.without(CLIENT.key), {("default", "web"): "1"}, asked, 600)
    assert {probe.source.name for probe in asked.probes} == {"web"}


# -- a client that stands for another --------------------------------------------------------------


def policy(cidr: str, *excepted: str) -> NetworkPolicy:
    block = IPBlock(ip_network(cidr), tuple(map(ip_network, excepted)))
    return NetworkPolicy("default", "p", ingress=(PolicyRule((PolicyPeer(ip_block=block),)),))


@pytest.mark.parametrize(
    ("one", "alike"),
    [
        (policy("0.0.0.0/0"), True),
        (policy("10.0.0.0/8"), True),
        (policy("203.0.113.0/24"), False),
        (policy("0.0.0.0/0", "192.0.2.0/24"), False),
        (policy("0.0.0.0/0", "10.0.0.0/8"), True),
        (NetworkPolicy("default", "deny"), True),
    ],
)
def test_a_stand_in_will_do_unless_a_policy_tells_it_apart(one: NetworkPolicy, alike: bool) -> None:
    stand_ins = {ip_address("203.0.113.10"): ip_address("192.0.2.5")}
    refused = pytest.raises(UnsupportedError, match=r"tells it from .* own address 192.0.2.5")
    with nullcontext() if alike else refused:
        check_alike([one, WEB], stand_ins)
