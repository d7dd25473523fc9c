"""Policies in force: the enforcer sees every change, and nothing else decides."""

from contextlib import closing
from dataclasses import replace

import pytest

from netpol_conformance.clusters.base import ClusterError, ClusterSpec, RefusedError
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import (
    ContainerPort,
    Direction,
    LabelSelector,
    NetworkPolicy,
    ObjectKey,
    Pod,
    PolicyPeer,
    PolicyRule,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.run.execution import manifest_list

from ..probe.helping import script

WEB_POD = Pod(
    "default", "web", {"app": "web"}, ports=(ContainerPort(80),), image="own", node="node-1"
)
WEB = (WEB_POD, Service("default", "web", {"app": "web"}, (ServicePort(80, 80),)))
PLAIN = Pod("default", "client", image="busybox", node="node-2")
FRIEND = replace(PLAIN, labels={"role": "friend"})
NO_INGRESS = NetworkPolicy("default", "deny")
NO_EGRESS = replace(NO_INGRESS, policy_types=(Direction.EGRESS,))
FRIENDS = PolicyPeer(LabelSelector((("role", "friend"),)))
ALLOW = NetworkPolicy(
    "default",
    "allow",
    LabelSelector((("app", "web"),)),
    ingress=(PolicyRule((FRIENDS,)),),
)


def look(world, timeout=0.5, *, tool=Tool.SOCKET, source="default/client", host=None) -> Verdict:
    host = host or world.ip("service", "web")
    return world.ask(source, host, servers=("default/web",), tool=tool, timeout=timeout).verdict


def reaches(world, **question) -> bool:
    return look(world, 10, **question) is Verdict.CONNECTED


def test_labels_policies_and_their_removal_take_effect_as_they_are_applied(started):
    started.apply(*WEB, PLAIN)
    assert reaches(started)
    started.apply(NO_INGRESS, ALLOW)
    assert look(started) is Verdict.TIMED_OUT
    started.apply(FRIEND)
    assert reaches(started)
    started.apply(PLAIN)
    assert look(started) is Verdict.TIMED_OUT
    started.cluster.delete([ObjectKey("NetworkPolicy", "default", "deny")])
    assert look(started) is Verdict.TIMED_OUT
    started.cluster.delete([ObjectKey("NetworkPolicy", "default", "allow")])
    assert reaches(started)


def test_a_denied_pod_still_hears_its_node_and_itself(started):
    started.apply(*WEB, PLAIN, NO_INGRESS)
    own = started.ip("pod", "web")
    assert reaches(started, source="node/node-1", host=own)
    assert look(started, source="node/node-2", host=own) is Verdict.TIMED_OUT
    assert reaches(started, source="default/web")
    assert reaches(started, source="default/web", host=own)


def test_without_egress_names_are_not_resolved(started):
    started.apply(*WEB, PLAIN, NO_EGRESS)
    for tool in Tool:
        assert look(started, host="web", tool=tool) is Verdict.NAME_NOT_RESOLVED


def test_nobody_enforces_where_none_is_asked_for(asking):
    with closing(EmbeddedCluster("none")) as cluster:
        assert cluster.start(ClusterSpec()).implementation == "none"
        world = asking(cluster)
        world.apply(*WEB, PLAIN, NO_INGRESS)
        assert reaches(world)


def test_a_stopped_enforcer_keeps_its_rules_and_sees_nothing_new(started):
    started.apply(*WEB, PLAIN, NO_INGRESS, ALLOW)
    started.cluster.stop_enforcer()
    assert look(started) is Verdict.TIMED_OUT
    started.apply(FRIEND)
    assert look(started) is Verdict.TIMED_OUT
    started.cluster.start_enforcer()
    assert reaches(started)


def test_an_enforcer_without_the_api_keeps_the_last_state_and_catches_up(started):
    started.apply(*WEB, PLAIN, NO_INGRESS, ALLOW)
    started.cluster.cut_off_enforcer()
    started.apply(FRIEND)
    assert look(started) is Verdict.TIMED_OUT
    started.cluster.cut_off_enforcer()
    started.cluster.reconnect_enforcer()
    assert reaches(started)


SPY = """
import os
from netpol_conformance.enforcer.controller import Controller


class Spy(Controller):
    def handle(self, events):
        networks = 0
        for number in os.listdir("/proc/self/fd"):
            try:
                networks += os.readlink(f"/proc/self/fd/{number}").startswith("net:")
            except OSError:
                pass
        names = " ".join(event.object.name for event in events)
        with open("TOLD", "a") as told:
            told.write(f"{names}: {networks}\\n")
        super().handle(events)
"""


def test_the_enforcer_knows_of_a_pod_before_the_pod_has_a_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spy, told = tmp_path / "spy.py", tmp_path / "told"
    spy.write_text(SPY.replace("TOLD", str(told)))
    with closing(EmbeddedCluster("spy.py:Spy")) as cluster:
        cluster.start(ClusterSpec(nodes=1))
        cluster.apply(manifest_list(WEB))
        cluster.apply(manifest_list([replace(PLAIN, node="node-1")]))
    networks = dict(line.split(": ") for line in told.read_text().splitlines())
    assert int(networks["client"]) == int(networks["web web"]) + 1


def assert_cannot_start(implementation: str, reason: str) -> None:
    with (
        closing(EmbeddedCluster(implementation)) as cluster,
        pytest.raises(ClusterError, match=reason),
    ):
        cluster.start(ClusterSpec())


@pytest.mark.parametrize(
    ("implementation", "reason"),
    [
        ("calico", "unknown implementation"),
        ("no.such.module:Factory", "cannot load"),
        ("/no/such/file.py:Factory", "cannot load"),
        ("netpol_conformance.enforcer.controller:Nothing", "cannot load"),
    ],
)
def test_an_unknown_implementation_is_an_error(implementation, reason):
    assert_cannot_start(implementation, reason)


OWN = """
class Starts:
    def __init__(self, *_): ...
    def start(self, objects): raise KeyError("my bug")
five = 5
"""


@pytest.mark.parametrize(
    ("text", "factory", "reason"),
    [
        ("def x(:", "x", "cannot load.*SyntaxError"),
        ("raise RuntimeError('boom')", "x", "cannot load.*RuntimeError: boom"),
        (OWN, "five", "five cannot be called"),
        (OWN, "Starts", r"enforcer of node-1 cannot start: KeyError: 'my bug' \(.*own.py:4\)"),
    ],
)
def test_a_mistake_in_an_enforcer_of_ones_own_is_told_as_such(text, factory, reason, tmp_path):
    own = tmp_path / f"{factory}_{len(text)}_own.py"
    own.write_text(text)
    assert_cannot_start(f"{own}:{factory}", reason)


def test_a_refused_manifest_is_told_and_what_came_before_is_in_force(started):
    started.apply(*WEB, PLAIN)
    with pytest.raises(RefusedError, match='namespaces "nowhere" not found'):
        started.apply(NO_INGRESS, replace(ALLOW, namespace="nowhere"))
    assert look(started) is Verdict.TIMED_OUT


def test_each_start_is_a_new_cluster(started):
    started.apply(*WEB)
    info = started.cluster.start(ClusterSpec(nodes=1, version=KubernetesVersion(1, 5)))
    assert (info.nodes, info.kubernetes_version) == (1, "1.5")
    state = started.cluster.state()
    assert [pod.namespace for pod in state.pods] == ["kube-system"]
    assert state.version == KubernetesVersion(1, 5)


def test_a_broken_busybox_is_an_error_and_never_a_block(tmp_path):
    with closing(EmbeddedCluster(busybox=script(tmp_path, "exit 1"))) as cluster:
        cluster.start(ClusterSpec())
        seen = {
            check.observation.verdict
            for check in cluster.self_test()
            if check.observation.probe.tool is Tool.WGET
        }
        assert seen == {Verdict.ERROR}


def test_a_pod_that_finishes_and_one_that_moves(started):
    started.apply(*WEB, FRIEND)
    host = started.ip("pod", "web")
    started.apply(replace(WEB_POD, phase="Succeeded"))
    assert look(started, host=host) is not Verdict.CONNECTED
    assert look(started) is Verdict.REFUSED
    started.cluster.delete([ObjectKey("Pod", "default", "web")])
    started.apply(replace(WEB_POD, node="node-2"))
    assert reaches(started)


def test_readiness_names_the_pods_that_wait_for_a_node(started):
    started.cluster.apply(manifest_list([replace(WEB_POD, node="node-9")]))
    with pytest.raises(ClusterError, match=r"default/web \(node node-9\)"):
        started.cluster.wait_ready(1)


def test_a_pod_that_cannot_serve_is_named_and_can_be_replaced(started):
    first = replace(WEB_POD, name="first", host_network=True)
    started.apply(first)
    with pytest.raises(ClusterError, match=r"pod default/second cannot serve: .*port 80"):
        started.cluster.apply(manifest_list([replace(first, name="second")]))
    started.cluster.delete([ObjectKey("Pod", "default", "first")])
    started.cluster.wait_ready(20)
    started.sees(
        Verdict.CONNECTED, "node/node-2", started.ip("node", "node-1"), servers=("default/second",)
    )


def test_a_cluster_whose_dns_is_deleted_is_not_ready(started):
    started.cluster.delete([ObjectKey("Pod", "kube-system", "coredns")])
    with pytest.raises(ClusterError, match="no DNS any more"):
        started.cluster.wait_ready(1)
