"""The controller against a fake kernel that sometimes refuses."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import cast

import pytest
from suites.selfcheck import random_clusters as rc

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.compilation import Compilation, compile_node
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    IPBlock,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    Operator,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
    WatchEvent,
)
from netpol_conformance.model.version import KubernetesVersion

from .fake_kernel import FakeKernel


def pod(name: str, number: int, node: str = "node-1", **changes) -> Pod:
    ips = (ip_address(f"10.244.1.{number}"),)
    return Pod("default", name, **({"labels": {"app": name}, "node": node, "ips": ips} | changes))


def selecting(name: str) -> LabelSelector:
    return LabelSelector((("app", name),))


def opening(name: str, *peers: PolicyPeer, **changes) -> NetworkPolicy:
    """Pod ``name`` is isolated for ingress but for these peers on TCP port 80."""
    rule = PolicyRule(peers, (PolicyPort(port=80),))
    fields = {"pod_selector": selecting(name), "ingress": (rule,)} | changes
    return NetworkPolicy("default", f"to-{name}", **fields)


FROM_B = PolicyPeer(pod_selector=selecting("b"))
BASE = ClusterState(
    namespaces=(Namespace("default"),),
    nodes=(rc.node(1, 4), rc.node(2, 4)),
    pods=(pod("a", 2), pod("b", 3)),
    policies=(opening("a", FROM_B),),
)


@pytest.fixture
def controller(kernel: FakeKernel) -> Controller:
    controller = Controller("node-1", kernel)
    controller.start(BASE.objects())
    return controller


def test_a_start_is_one_transaction_that_takes_the_place_of_what_was_there(
    controller, kernel
) -> None:
    (text,) = kernel.texts
    for table in ruleset.TABLES:
        assert f"delete table {table}\n" in text
    assert text.index("type filter hook forward") < text.index("10.244.1.2 . 10.244.1.3 . 6 . 80")


def test_events_are_one_transaction_of_elements(controller, kernel) -> None:
    moved = pod("b", 3, labels={"app": "c"})
    controller.handle([WatchEvent("MODIFIED", moved), WatchEvent("ADDED", pod("d", 4))])
    (change,) = kernel.texts[1:]
    assert change == (
        "delete element inet netpol_conformance ingress4 {\n\t10.244.1.2 . 10.244.1.3 . 6 . 80\n}\n"
        "add element inet netpol_conformance pods4 {\n\t10.244.1.4\n}\n"
        "add element inet netpol_conformance self4 {\n\t10.244.1.4 . 10.244.1.4\n}\n"
    )


def test_what_concerns_nobody_here_changes_nothing(controller, kernel) -> None:
    elsewhere = pod("far", 9, node="node-2")
    controller.handle([WatchEvent("ADDED", elsewhere), WatchEvent("DELETED", elsewhere)])
    controller.handle([WatchEvent("ADDED", elsewhere), WatchEvent("MODIFIED", pod("b", 3))])
    assert len(kernel.texts) == 1


def test_a_refused_change_is_mended_by_a_full_load(controller, kernel) -> None:
    kernel.refuses = "delete element"
    controller.handle([WatchEvent("DELETED", BASE.policies[0])])
    assert kernel.texts[-1].startswith("table inet")
    assert ". 80" not in kernel.texts[-1]


def test_a_change_refused_twice_is_tried_again_with_the_next(controller, kernel) -> None:
    kernel.refuses = ""
    with pytest.raises(NftError, match="refused"):
        controller.handle([WatchEvent("DELETED", BASE.policies[0])])
    kernel.refuses = None
    controller.handle([])
    assert "delete element inet netpol_conformance ingress4" in kernel.texts[-1]


def test_a_large_change_is_built_aside(controller, kernel) -> None:
    ports = tuple(PolicyPort(port=n) for n in range(1, ruleset.LARGEST + 3))
    rule = PolicyRule((FROM_B,), ports)
    controller.handle([WatchEvent("MODIFIED", opening("a", ingress=(rule,)))])
    hooks = ["type filter hook" in text for text in kernel.texts]
    assert hooks[0]
    assert hooks[-1]
    assert not any(hooks[1:-1])


def test_an_address_belongs_to_the_pod_that_has_it_now() -> None:
    """The finished b's address is c's now, who isn't named; then b's own again (S51)."""
    finished, heir = pod("b", 3, phase="Succeeded"), pod("c", 3)
    state = BASE.with_objects(finished, heir)
    assert "ingress4" not in compile_node(state, "node-1")
    compilation = Compilation("node-1", Compiler())
    for item in (*BASE.objects(), heir):
        compilation.put(item)
    assert "ingress4" not in compilation.change().added
    compilation.remove(heir.key)
    assert compilation.change().added["ingress4"] == {"10.244.1.2 . 10.244.1.3 . 6 . 80"}


def test_a_pod_without_an_address_is_no_peer_and_stops_nothing() -> None:
    pending = pod("b2", 0, ips=(), phase="Pending", labels={"app": "b"})
    assert compile_node(BASE.with_objects(pending), "node-1") == compile_node(BASE, "node-1")


def test_a_host_network_pod_is_its_node_as_peer_and_nobody_as_target() -> None:
    """Its own address field doesn't matter; that of the node does (S7)."""
    host = pod("b", 3, node="node-2", host_network=True)
    target = pod("a", 2, host_network=True)
    elements = compile_node(BASE.with_objects(host), "node-1")
    assert elements["ingress4"] == {"10.244.1.2 . 172.18.0.3 . 6 . 80"}
    assert "ingress_isolated4" not in compile_node(BASE.with_objects(target), "node-1")


UNKNOWN = Requirement("app", cast("Operator", "Near"), ("a",))


def test_a_target_that_cannot_be_read_is_everyone_it_might_be(kernel) -> None:
    policy = NetworkPolicy("default", "odd", LabelSelector((), (UNKNOWN,)), ingress=(PolicyRule(),))
    other = NetworkPolicy(
        "default", "odd-peer", ingress=(PolicyRule((PolicyPeer(policy.pod_selector),)),)
    )
    controller = Controller("node-1", kernel)
    controller.start([*BASE.with_objects(policy, other).objects()])
    assert controller.problems == {
        policy.key: 'the selector operator "Near" is not known',
        other.key: 'the selector operator "Near" is not known',
    }


def test_a_peer_that_cannot_be_read_is_nobody() -> None:
    odd = PolicyPeer(pod_selector=LabelSelector((), (UNKNOWN,)))
    elements = compile_node(BASE.with_objects(opening("a", odd, FROM_B)), "node-1")
    assert elements["ingress4"] == {"10.244.1.2 . 10.244.1.3 . 6 . 80"}


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (
            PolicyRule((PolicyPeer(),)),
            "a peer has neither podSelector, namespaceSelector nor ipBlock",
        ),
        (PolicyRule((), (PolicyPort(cast("str", "ICMP")),)), 'the protocol "ICMP" is not known'),
    ],
)
def test_a_policy_that_cannot_be_compiled_isolates_and_allows_nothing(
    kernel, rule, problem
) -> None:
    policy = opening("a", ingress=(PolicyRule((FROM_B,)), rule))
    controller = Controller("node-1", kernel)
    controller.start(BASE.with_objects(policy).objects())
    assert controller.problems == {policy.key: problem}
    assert "ingress_isolated4 {\n\t10.244.1.2" in kernel.texts[0]
    assert "ingress4 {\n\t10" not in kernel.texts[0]
    controller.handle([WatchEvent("MODIFIED", BASE.policies[0])])
    assert controller.problems == {}


LEGACY = KubernetesVersion(1, 6)
ANNOTATED = Namespace("default", annotations=rc.DEFAULT_DENY)
OTHERWISE = Namespace("default", annotations=dict.fromkeys(rc.DEFAULT_DENY, "[]"))


@pytest.mark.parametrize(
    ("version", "namespace", "isolated"),
    [
        (LEGACY, Namespace("default"), set()),
        (LEGACY, OTHERWISE, set()),
        (LEGACY, ANNOTATED, {"10.244.1.2", "10.244.1.3"}),
        (KubernetesVersion(1, 7), Namespace("default"), {"10.244.1.2"}),
        (KubernetesVersion(1, 7), ANNOTATED, {"10.244.1.2"}),
    ],
)
def test_up_to_1_6_the_namespace_isolates_and_since_then_the_policy(
    version, namespace, isolated
) -> None:
    state = ClusterState((namespace,), BASE.nodes, BASE.pods, (), BASE.policies, version)
    elements = compile_node(state, "node-1")
    assert elements.get("ingress_isolated4", set()) == isolated
    assert "egress_isolated4" not in elements
    allowed = {"10.244.1.2 . 10.244.1.3 . 6 . 80"} if isolated else set()
    assert elements.get("ingress4", set()) == allowed


def test_named_egress_ports_resolve_on_pods_inside_a_block() -> None:
    """A block's addresses have no port names, the pods behind them do (S22, S31)."""
    named = pod("b", 3, ports=(ContainerPort(8080, name="http"),))
    block = PolicyPeer(ip_block=IPBlock(ip_network("10.244.0.0/16")))
    rule = PolicyRule((block,), (PolicyPort(port="http"),))
    policy = NetworkPolicy("default", "out", selecting("a"), (Direction.EGRESS,), egress=(rule,))
    elements = compile_node(BASE.with_objects(named, policy), "node-1")
    assert elements["egress4"] == {"10.244.1.2 . 10.244.1.3 . 6 . 8080"}
    assert "egress_ranges4" not in elements


def test_one_membership_change_compiles_only_whom_it_concerns() -> None:
    compiled: list[ObjectKey] = []

    class Counting(Compiler):
        def allowance(self, policy, *rest):
            compiled.append(policy.key)
            return super().allowance(policy, *rest)

    compilation = Compilation("node-1", Counting())
    others = [
        opening(f"other-{n}", FROM_B if n == 7 else PolicyPeer(pod_selector=selecting(f"x{n}")))
        for n in range(50)
    ]
    for item in (*BASE.objects(), *others, *(pod(f"other-{n}", 100 + n) for n in range(50))):
        compilation.put(item)
    compilation.settle(compilation.change())
    compiled.clear()
    compilation.put(pod("b", 3, labels={}))
    compilation.change()
    assert sorted(compiled) == sorted([BASE.policies[0].key, others[7].key])
