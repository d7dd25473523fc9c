"""Pod networks that do not carry everything, for tests: what is lacking -> nft text. Pure.

Real networks lack some kinds of path: a bridge without hairpin mode, nodes to which nothing outside
has a route, no SCTP. A connection of such a kind never comes, whatever policies there are. Here a
table of its own on each node sees to that, after Services were translated and before any enforcer
looks, which hears nothing of it.

The cluster's DNS is exempt, so that names are resolved where anything but ``Way.DNS`` is lacking.
What nodes do not see cannot be lacking: a pod at its own address, hosts outside among themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from netpol_conformance.api import addresses
from netpol_conformance.api.server import DNS_POD
from netpol_conformance.model.objects import ClusterState, IPAddress, Node, Protocol

TABLE = "inet lacks"


class Way(StrEnum):
    """A kind of path. Of a Service's way count both the address that is dialled and the way from
    where it is translated to the pod.
    """

    ANY = "everything"
    DNS = "the cluster's DNS"
    SAME_NODE = "from pods to others of their node"
    OTHER_NODE = "from pods to those of other nodes"
    HAIRPIN = "from a pod through a Service to itself"
    CLUSTER_IP = "a Service's cluster IP"
    NODE_PORT_HERE = "a node port at the node of the pod behind it"
    NODE_PORT_ELSEWHERE = "a node port at another node than that of the pod behind it"
    LOAD_BALANCER_INSIDE = "a load balancer's address from pods and nodes"
    LOAD_BALANCER_OUTSIDE = "a load balancer's address from outside"
    OUTSIDE_TO_POD = "from outside to pods"
    OUTSIDE_TO_NODE = "from outside to nodes"
    POD_TO_OUTSIDE = "from pods to outside"
    POD_TO_OWN_NODE = "from pods to their node"
    POD_TO_OTHER_NODE = "from pods to other nodes"
    NODE_TO_OWN_POD = "from nodes to their pods"
    NODE_TO_OTHER_POD = "from nodes to the pods of others"


BETWEEN_NODES = frozenset(
    {Way.OTHER_NODE, Way.POD_TO_OTHER_NODE, Way.NODE_TO_OTHER_POD},
)
"""The ways that may be lacking between two nodes alone."""


class Manner(StrEnum):
    """What becomes of a connection that is not carried.

    A node's own programs get an error of their machine's ("not permitted") where what they send
    over UDP or SCTP is refused, whatever the manner.
    """

    DROPPED = "dropped"
    RESET = "reset"
    """TCP by a reset, as from a closed port; other protocols by ICMP port unreachable."""
    HOST_UNREACHABLE = "host unreachable"
    NO_ROUTE = "no route"


@dataclass(frozen=True, slots=True)
class Lack:
    """What a network lacks: one way, or of it one ``protocol``, one ``family`` (4 or 6), or what
    goes from the first of two ``nodes`` to the second. Raises ValueError.
    """

    way: Way = Way.ANY
    protocol: Protocol | None = None
    family: int | None = None
    nodes: tuple[str, str] | None = None
    manner: Manner = Manner.DROPPED

    def __post_init__(self) -> None:
        if self.nodes is not None and self.way not in BETWEEN_NODES:
            raise ValueError(f"{self.way.value} is not a way between nodes")

    def __str__(self) -> str:
        """``SCTP over IPv6: from pods to outside, reset``."""
        protocol = self.protocol.value if self.protocol else ""
        family = f"IPv{self.family}" if self.family else ""
        only = " over ".join(word for word in (protocol, family) if word)
        where = f" ({' to '.join(self.nodes)})" if self.nodes else ""
        manner = "" if self.manner is Manner.DROPPED else f", {self.manner.value}"
        return f"{only}{': ' if only else ''}{self.way.value}{where}{manner}"


_TEMPLATE = """\
table {table}
delete table {table}
table {table} {{
{selves}
  chain forwarded {{
    type filter hook forward priority filter - 20; policy accept;
    jump lacking
  }}
  chain delivered {{
    type filter hook input priority filter - 20; policy accept;
    jump lacking
  }}
  chain sent {{
    type filter hook output priority filter - 20; policy accept;
    oifname != "lo" jump lacking_at_sender
  }}
  chain lacking {{
    ct state established,related return
    iifname "lo" return
{passing}
  }}
  chain lacking_at_sender {{
    ct state established,related return
{sent}
  }}
}}
"""
_UPLINK = 'iifname "eth0"'
_WAYS = {
    Way.ANY: "meta nfproto ipv{family}",
    Way.DNS: "ct original {ip} daddr {dns}",
    Way.SAME_NODE: (
        "{ip} saddr {own_pods} {ip} daddr {own_pods} {ip} saddr . {ip} daddr != @self{family}"
    ),
    Way.OTHER_NODE: "{ip} saddr {own_pods} {ip} daddr {other_pods}",
    Way.HAIRPIN: "{ip} saddr . {ip} daddr @self{family}",
    Way.CLUSTER_IP: "ct original {ip} daddr {services}",
    Way.NODE_PORT_HERE: (
        "ct status dnat ct original {ip} daddr {nodes} {ip} daddr {{ {own_pods}, {own_node} }}"
    ),
    Way.NODE_PORT_ELSEWHERE: (
        "ct status dnat ct original {ip} daddr {nodes} {ip} daddr != {{ {own_pods}, {own_node} }}"
    ),
    Way.LOAD_BALANCER_INSIDE: 'iifname != "eth0" ct original {ip} daddr {load_balancers}',
    Way.LOAD_BALANCER_OUTSIDE: _UPLINK + " ct original {ip} daddr {load_balancers}",
    Way.OUTSIDE_TO_POD: _UPLINK + " {ip} saddr != {inside} ct original {ip} daddr {pods}",
    Way.OUTSIDE_TO_NODE: _UPLINK + " {ip} saddr != {inside} {ip} daddr {own_node}",
    Way.POD_TO_OUTSIDE: "{ip} saddr {own_pods} {ip} daddr != {inside}",
    Way.POD_TO_OWN_NODE: "{ip} saddr {own_pods} {ip} daddr {own_node}",
    # What goes to a node port of another node is translated there.
    Way.POD_TO_OTHER_NODE: (
        "{ip} saddr {own_pods} {ip} daddr {other_nodes} th dport != {node_ports}"
    ),
    Way.NODE_TO_OWN_POD: "{ip} saddr {own_node} {ip} daddr {own_pods}",
    Way.NODE_TO_OTHER_POD: "{ip} saddr {own_node} {ip} daddr {other_pods}",
}
"""The first packets that a node sees of each way, as an nft expression."""
_IP = {4: "ip", 6: "ip6"}
# Protocols as numbers, so that nothing depends on /etc/protocols.
_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}


def ruleset(state: ClusterState, node: Node, lacking: Collection[Lack]) -> str:
    """The nft text that has ``node`` carry nothing of what is ``lacking``, replacing what was;
    empty if nothing is.
    """
    if not lacking:
        return ""
    ordered = sorted(lacking, key=str)
    return _TEMPLATE.format(
        table=TABLE,
        selves="\n".join(_selves(state, node, family) for family in _IP),
        passing=_block(rule for lack in ordered for rule in _rules(lack, state, node)),
        sent=_block(rule for lack in ordered for rule in _rules(lack, state, node, sent=True)),
    )


def _selves(state: ClusterState, node: Node, family: int) -> str:
    """Each pod's address twice: nft cannot compare a packet's fields with one another."""
    pods = [pod for pod in state.pods if pod.node == node.name and not pod.host_network]
    ips = sorted({ip for pod in pods for ip in pod.ips if ip.version == family})
    elements = f"elements = {{ {', '.join(f'{ip} . {ip}' for ip in ips)} }}" if ips else ""
    return (
        f"  set self{family} {{\n    type ipv{family}_addr . ipv{family}_addr\n    {elements}\n  }}"
    )


def _rules(lack: Lack, state: ClusterState, node: Node, *, sent: bool = False) -> Iterator[str]:
    """The rules for what passes through ``node`` or comes to it, or for what it has ``sent``."""
    if lack.nodes is not None and node.name != lack.nodes[0]:
        return
    others = [other for other in state.nodes if other.name != node.name]
    if lack.nodes is not None:
        others = [other for other in others if other.name == lack.nodes[1]]
    if lack.way in BETWEEN_NODES and not others:
        return
    for family in (lack.family,) if lack.family else _IP:
        if not any(ip.version == family for ip in node.ips):
            continue
        condition = _WAYS[lack.way].format(**_places(node, others, family))
        if lack.way is not Way.DNS:
            condition += "".join(f" {_IP[family]} daddr != {ip}" for ip in _dns(state, family))
        for protocol in (lack.protocol,) if lack.protocol else Protocol:
            end = _end(lack.manner, protocol, family, sent=sent)
            yield f"meta l4proto {_NUMBERS[protocol]} {condition} {end}"


def _places(node: Node, others: Collection[Node], family: int) -> dict[str, object]:
    """What the expressions name, as ``node`` sees it and the ``others`` that are meant."""
    pods, nodes = addresses.PODS[family], addresses.NODES[family]
    services, load_balancers = addresses.SERVICES[family], addresses.LOAD_BALANCERS[family]
    return {
        "family": family,
        "ip": _IP[family],
        "dns": addresses.DNS[family],
        "pods": pods,
        "nodes": nodes,
        "services": services,
        "load_balancers": load_balancers,
        "inside": f"{{ {pods}, {nodes}, {services}, {load_balancers} }}",
        "own_pods": _pods((node,), family),
        "own_node": _ips((node,), family),
        "other_pods": f"{{ {_pods(others, family)} }}",
        "other_nodes": f"{{ {_ips(others, family)} }}",
        "node_ports": f"{addresses.NODE_PORTS[0]}-{addresses.NODE_PORTS[-1]}",
    }


def _dns(state: ClusterState, family: int) -> list[IPAddress]:
    """Where DNS is behind its Service: other nodes than the client's see nothing else."""
    return [
        ip for pod in state.pods if pod.key == DNS_POD.key for ip in pod.ips if ip.version == family
    ]


def _pods(nodes: Collection[Node], family: int) -> str:
    return ", ".join(
        str(cidr) for node in nodes for cidr in node.pod_cidrs if cidr.version == family
    )


def _ips(nodes: Collection[Node], family: int) -> str:
    return ", ".join(str(ip) for node in nodes for ip in node.ips if ip.version == family)


def _end(manner: Manner, protocol: Protocol, family: int, *, sent: bool) -> str:
    if manner is Manner.DROPPED:
        # A program hears of what its own machine drops; what goes astray is just lost.
        return f"{_IP[family]} daddr set {addresses.FABRIC[family]} accept" if sent else "drop"
    if manner is Manner.RESET:
        is_tcp = protocol is Protocol.TCP
        return "reject with " + ("tcp reset" if is_tcp else "icmpx type port-unreachable")
    kind = "host-unreachable" if manner is Manner.HOST_UNREACHABLE else "no-route"
    return f"reject with icmpx type {kind}"


def _block(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
