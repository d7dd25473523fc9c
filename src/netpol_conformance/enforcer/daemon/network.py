"""The pod network of a cluster without a network plugin, as one node needs it. Pure.

Every pod hangs on its node by a pair of devices (plugin ``ptp``) with an address out of the node's
own networks (``host-local``), and each node has routes to the others' networks. Pods' addresses
are kept wherever policies can see them: among pods, and between pods and nodes. What a pod sends
anywhere else leaves with its node's address, for nobody there knows the way back to a pod.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from netpol_conformance.enforcer.ranges import collapsed
from netpol_conformance.enforcer.ruleset import HEADERS, TYPES
from netpol_conformance.model.objects import IPAddress, IPNetwork, Node

NAME = "netpol-conformance"
TABLE = "inet netpol_conformance_network"
_CNI_VERSION = "0.3.1"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to another node's pods."""

    network: IPNetwork
    gateway: IPAddress


@dataclass(frozen=True, slots=True)
class Wiring:
    """What one node needs: its own pods' networks and addresses, and the ways to the others'."""

    own: Node
    routes: frozenset[Route]
    inside: tuple[IPNetwork, ...]


def wiring(nodes: Iterable[Node], name: str) -> Wiring | None:
    """What node ``name`` needs; None as long as it has no pod network."""
    nodes = tuple(nodes)
    own = next((node for node in nodes if node.name == name), None)
    if own is None or not own.pod_cidrs:
        return None
    others = (node for node in nodes if node.name != name)
    routes = frozenset(route for node in others for route in _ways(node))
    networks = {
        network for node in nodes for network in (*node.pod_cidrs, *map(ip_network, node.ips))
    }
    return Wiring(own, routes, tuple(collapsed(networks)))


def configuration(node: Node, mtu: int) -> str:
    """The CNI configuration of a node, as container runtimes read it."""
    versions = {network.version for network in node.pod_cidrs}
    everywhere = {4: "0.0.0.0/0", 6: "::/0"}
    pods = {
        "type": "ptp",
        "ipMasq": False,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            # What is taken is written down where a reboot does not lose it (host-local's own
            # default): else a new pod could get an address that the API still calls another's.
            "ranges": [[{"subnet": str(network)}] for network in node.pod_cidrs],
            "routes": [{"dst": everywhere[version]} for version in sorted(versions)],
        },
    }
    host_ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    whole = {"cniVersion": _CNI_VERSION, "name": NAME, "plugins": [pods, host_ports]}
    return json.dumps(whole, indent=2) + "\n"


def masquerade(wanted: Wiring) -> str:
    """What leaves the cluster gets the node's address: nft text, in place of what was."""
    rules, sets = [], []
    for family, header in HEADERS.items():
        own = _listed(net for net in wanted.own.pod_cidrs if net.version == family)
        inside = _listed(net for net in wanted.inside if net.version == family)
        if own:
            sets.append(
                f"\tset inside{family} {{\n\t\ttype {TYPES[family]}; flags interval\n"
                f"\t\telements = {{ {inside} }}\n\t}}\n"
            )
            rules.append(
                f"\t\t{header} saddr {{ {own} }} {header} daddr != @inside{family} masquerade\n"
            )
    return (
        f"table {TABLE}\ndelete table {TABLE}\n"
        f"table {TABLE} {{\n{''.join(sets)}"
        "\tchain postrouting {\n"
        "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
        f"{''.join(rules)}"
        "\t}\n}\n"
    )


def _ways(node: Node) -> Iterable[Route]:
    for network in node.pod_cidrs:
        # The first address of a family is the node's internal one.
        gateway = next((ip for ip in node.ips if ip.version == network.version), None)
        if gateway is not None:
            yield Route(network, gateway)


def _listed(networks: Iterable[IPNetwork]) -> str:
    return ", ".join(map(str, networks))
