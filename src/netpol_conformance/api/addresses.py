"""Which addresses a cluster uses, and who has which. Pure.

Always the lowest free address is given out: the same manifests give the same addresses, and an
address that a pod leaves is soon another's, as happens in real clusters (S51).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address, ip_network

from netpol_conformance.model.objects import IPAddress, IPNetwork

POD_GATEWAY = {4: ip_address("169.254.1.1"), 6: ip_address("fe80::1")}
"""Where a pod sends everything; nobody has this address (``netlink`` says why that works)."""
FABRIC = {4: ip_address("172.18.0.1"), 6: ip_address("fd00:172:18::1")}
"""The router between the nodes and what is outside."""
NODES = {4: ip_network("172.18.0.0/24"), 6: ip_network("fd00:172:18::/64")}
PODS = {4: ip_network("10.244.0.0/16"), 6: ip_network("fd00:10:244::/48")}
SERVICES = {4: ip_network("10.96.0.0/16"), 6: ip_network("fd00:10:96::/112")}
LOAD_BALANCERS = {4: ip_network("192.168.200.0/24"), 6: ip_network("fd00:192:168:200::/64")}
DNS = {4: ip_address("10.96.0.10"), 6: ip_address("fd00:10:96::a")}
NODE_PORTS = range(30000, 32768)

_FIRST_POD = 2
_FIRST_SERVICE = 256


def is_inside(address: IPAddress) -> bool:
    """Whether the address may be that of a node, pod, Service or load balancer."""
    return any(address in part[address.version] for part in (NODES, PODS, SERVICES, LOAD_BALANCERS))


class CapacityError(Exception):
    """The cluster has no room for what an API server would take; says for what."""


def node_ip(number: int, family: int) -> IPAddress:
    """The address of node ``number`` (counted from 1): 172.18.0.2 is node 1's."""
    return NODES[family][number + 1]


@cache
def pod_cidr(number: int, family: int) -> IPNetwork:
    """The part of PODS that is node ``number``'s (counted from 1)."""
    return ip_network(f"10.244.{number}.0/24" if family == 4 else f"fd00:10:244:{number}::/64")


def free_pod_ip(network: IPNetwork, used: Iterable[IPAddress]) -> IPAddress:
    """The lowest address for a pod in ``network``; raises CapacityError when it is full."""
    return _free(network, _FIRST_POD, used)


def free_service_ip(family: int, used: Iterable[IPAddress]) -> IPAddress:
    """The lowest free ClusterIP; raises CapacityError when there is none."""
    return _free(SERVICES[family], _FIRST_SERVICE, used)


def free_load_balancer_ip(family: int, used: Iterable[IPAddress]) -> IPAddress:
    """The lowest free address for a LoadBalancer; raises CapacityError when there is none."""
    return _free(LOAD_BALANCERS[family], 1, used)


def free_node_port(used: Iterable[int]) -> int:
    """The lowest free node port; raises CapacityError when there is none."""
    taken = set(used)
    for port in NODE_PORTS:
        if port not in taken:
            return port
    raise CapacityError(f"all node ports from {NODE_PORTS[0]} to {NODE_PORTS[-1]} are taken")


def _free(network: IPNetwork, first: int, used: Iterable[IPAddress]) -> IPAddress:
    taken = set(used)
    # The last address of an IPv4 network is its broadcast address.
    for number in range(first, min(network.num_addresses - 1, 1 << 16)):
        if network[number] not in taken:
            return network[number]
    raise CapacityError(f"no free address is left in {network}")
