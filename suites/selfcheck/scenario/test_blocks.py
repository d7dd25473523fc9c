"""The block of a cluster's pods, whoever gives them their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.model.objects import ClusterState, IPAddress, IPNetwork, Node, Pod
from netpol_conformance.scenario.blocks import NoBlock, around, blocks_of_pods

POOLS = {4: ip_network("10.0.0.0/8"), 6: ip_network("fd00::/64")}
FAMILIES = st.sampled_from([4, 6])
NUMBERS = st.sets(st.integers(0, 300) | st.integers(0, 2**24 - 1), max_size=6)
SOME = st.sets(st.integers(0, 300) | st.integers(0, 2**24 - 1), min_size=1, max_size=6)


def state(pods: Sequence[IPAddress] = (), nodes: Sequence[IPAddress] = ()) -> ClusterState:
    """A cluster with a pod, or a node, for each address; no pod is on any of the nodes, which have
    a podCIDR of each family.
    """
    cidrs = (ip_network("10.244.1.0/24"), ip_network("fd00:10:244:1::/64"))
    return ClusterState().with_objects(
        *(Node(f"node-{at}", (ip,), cidrs) for at, ip in enumerate(nodes)),
        *(Pod("default", f"pod-{at}", ips=(ip,)) for at, ip in enumerate(pods)),
    )


def halves(network: IPNetwork) -> list[IPNetwork]:
    return list(network.subnets()) if network.prefixlen < network.max_prefixlen else []


@given(FAMILIES, SOME)
def test_around_is_the_smallest_that_holds_all(family: int, numbers: set[int]) -> None:
    ips = [POOLS[family][number] for number in numbers]
    block = around(map(ip_network, ips))
    assert all(ip in block for ip in ips)
    assert not any(all(ip in half for ip in ips) for half in halves(block))


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(24, 32)), min_size=1, max_size=5))
def test_around_holds_whole_networks(parts: list[tuple[int, int]]) -> None:
    networks = [
        ip_network((POOLS[4][number << 8], prefix), strict=False) for number, prefix in parts
    ]
    block = around(networks)
    assert all(network.subnet_of(block) for network in networks)
    assert not any(all(each.subnet_of(half) for each in networks) for half in halves(block))


@given(FAMILIES, SOME, NUMBERS, NUMBERS)
def test_it_holds_all_pods_and_nobody_else_or_says_who_is_in_the_way(
    family: int, pods: set[int], nodes: set[int], hosts: set[int]
) -> None:
    pool = POOLS[family]
    own = [pool[number] for number in pods]
    others = [pool[number] for number in nodes | hosts]
    outside = {f"host-{number}": [pool[number]] for number in hosts}
    found = blocks_of_pods(state(own, [pool[number] for number in nodes]), outside)[family]
    smallest = around(map(ip_network, own))
    inside = [ip for ip in others if ip in smallest]
    if inside:
        assert isinstance(found, NoBlock)
        assert any(f"({ip})" in found.reason for ip in inside)
    else:
        assert found == smallest


NODES = (
    Node("node-1", (ip_address("172.18.0.2"),), (ip_network("10.244.1.0/24"),)),
    Node("node-2", (ip_address("172.18.0.3"),), (ip_network("10.244.2.0/24"),)),
)


def pod(name: str, ip: str, node: str = "node-1", **fields: object) -> Pod:
    return Pod("default", name, ips=(ip_address(ip),), node=node, **fields)


@pytest.mark.parametrize(
    ("pods", "block"),
    [
        ((), "10.244.0.0/22"),
        ((pod("a", "10.244.1.2"),), "10.244.0.0/22"),  # one on node-2 may come
        ((pod("a", "10.244.1.2"), pod("b", "10.244.2.2", "node-2")), "10.244.0.0/22"),
        ((pod("a", "10.244.2.2"), pod("b", "10.244.2.9")), "10.244.2.0/28"),  # of another's podCIDR
        ((pod("a", "10.244.110.130"), pod("b", "10.244.162.131", "node-2")), "10.244.0.0/16"),
        ((pod("a", "192.168.1.4"), pod("b", "192.168.1.7")), "192.168.1.4/30"),
        ((pod("a", "192.168.1.4"), pod("n", "172.18.0.2", host_network=True)), "192.168.1.4/32"),
        ((pod("a", "192.168.1.4"), pod("o", "10.9.9.9", phase="Succeeded")), "192.168.1.4/32"),
    ],
)
def test_it_is_that_of_the_podcidrs_only_where_pods_have_their_addresses_from_them(
    pods: tuple[Pod, ...], block: str
) -> None:
    found = blocks_of_pods(ClusterState().with_objects(*NODES, *pods), {})
    assert found == {4: ip_network(block)}


def test_where_the_podcidrs_are_too_wide_it_is_that_of_the_pods() -> None:
    pods = pod("a", "10.244.1.2"), pod("b", "10.244.2.2", "node-2")
    cluster = ClusterState().with_objects(*NODES, *pods)
    found = blocks_of_pods(cluster, {"office": [ip_address("10.244.0.5")]})
    assert isinstance(found[4], NoBlock)
    assert found[4].reason.endswith("10.244.0.0/22, the smallest around the pods, holds "
                                    "outside/office (10.244.0.5)")  # fmt: skip
    near = ClusterState().with_objects(*NODES, pods[0])
    assert blocks_of_pods(near, {"office": [ip_address("10.244.0.5")]}) == {
        4: ip_network("10.244.1.2/32")
    }
