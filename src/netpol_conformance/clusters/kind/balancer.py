"""Addresses for Services of type LoadBalancer where nothing in the cluster gives any. Pure.

An address of kind's own network, written into the Service's status, is all that kube-proxy needs
to serve it on every node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from netpol_conformance.model.objects import IPAddress, IPNetwork


def balancer_ips(networks: Iterable[IPNetwork], key: str) -> tuple[IPAddress, ...]:
    """An address in each network for the Service whose unique id is ``key``, always the same.

    From the third quarter of the network: Docker gives out addresses from the first on. That two
    Services of a run, of thousands of addresses, get the same one is left to chance.
    """
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return tuple(_pick(network, number) for network in networks)


def _pick(network: IPNetwork, number: int) -> IPAddress:
    quarter = network.num_addresses // 4
    return network[2 * quarter + number % quarter]
