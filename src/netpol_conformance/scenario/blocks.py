"""The block of addresses that stands for a cluster's pods: ``${cluster/pods}``. Pure.

Addresses are taken from where the pods are, since the API promises nothing else: many plugins have
an IPAM of their own, whose addresses lie outside every node's ``spec.podCIDRs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from netpol_conformance.model.objects import ClusterState, IPAddress, IPNetwork, Pod

FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class NoBlock:
    """No block of a family is that of the pods alone; ``reason`` says what is in the way."""

    reason: str


def blocks_of_pods(
    state: ClusterState, outside: Mapping[str, Iterable[IPAddress]]
) -> dict[int, IPNetwork | NoBlock]:
    """The block of the pods of ``state``, by family: it holds all of them, and no node and none of
    the hosts ``outside``, whose addresses are given by name.

    Where each pod's address is from its node's podCIDRs, as pods' that are yet to come will be, it
    is the smallest around all podCIDRs; else, or if that holds anything else, the smallest around
    the pods. Pods in their node's own network are left out, and so are those that have finished. A
    family that nothing has is not there.
    """
    found: dict[int, IPNetwork | NoBlock] = {}
    for family in FAMILIES:
        others = list(_others(state, outside, family))
        for networks in _extents(state, family):
            found[family] = _without(others, around(networks))
            if not isinstance(found[family], NoBlock):
                break
    return found


def _without(others: Iterable[tuple[IPAddress, str]], block: IPNetwork) -> IPNetwork | NoBlock:
    """The block, unless it holds any of ``others``."""
    for ip, name in others:
        if ip in block:
            return NoBlock(
                "none holds all pods, and neither a node nor a host outside: "
                f"{block}, the smallest around the pods, holds {name} ({ip})"
            )
    return block


def has_own_addresses(pod: Pod) -> bool:
    """Whether the pod's addresses are its own: neither its node's, nor free for another pod."""
    return not (pod.host_network or pod.finished)


def around(networks: Iterable[IPNetwork]) -> IPNetwork:
    """The smallest network that holds all of ``networks``, which are of one family and at least
    one.
    """
    given = list(networks)
    first = min(given, key=lambda network: int(network.network_address)).network_address
    last = max(given, key=lambda network: int(network.broadcast_address)).broadcast_address
    free = (int(first) ^ int(last)).bit_length()
    return ip_network((first, first.max_prefixlen - free), strict=False)


def _extents(state: ClusterState, family: int) -> Iterator[list[IPNetwork]]:
    """The networks to have in the block, the best choice first."""
    cidrs = {
        node.name: [cidr for cidr in node.pod_cidrs if cidr.version == family]
        for node in state.nodes
    }
    pods = [
        (ip, cidrs.get(pod.node, []))
        for pod in state.pods
        if has_own_addresses(pod)
        for ip in pod.ips
        if ip.version == family
    ]
    known = [cidr for own in cidrs.values() for cidr in own]
    if known and all(any(ip in cidr for cidr in own) for ip, own in pods):
        yield known
    if pods:
        yield [ip_network(ip) for ip, _ in pods]


def _others(
    state: ClusterState, outside: Mapping[str, Iterable[IPAddress]], family: int
) -> Iterator[tuple[IPAddress, str]]:
    """The addresses that are no pod's, and whose they are."""
    for node in state.nodes:
        yield from ((ip, node.name) for ip in node.ips if ip.version == family)
    for name, ips in outside.items():
        yield from ((ip, f"outside/{name}") for ip in ips if ip.version == family)
