"""Services -> nft text for one node, as kube-proxy would have it. Pure.

The table is replaced whole, in one transaction: address translation is decided by a connection's
first packet, so that nothing is lost. Priorities follow kube-proxy's: translation before policy
looks (S40), so that a policy sees the pod behind the Service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    Node,
    Pod,
    Service,
    ServicePort,
)
from netpol_conformance.model.service import endpoints

TABLE = "inet services"

_TEMPLATE = """\
table {table}
delete table {table}
table {table} {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    jump dispatch
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    jump dispatch
  }}
  chain forwarded {{
    type filter hook forward priority filter - 10; policy accept;
    jump unserved
  }}
  chain delivered {{
    type filter hook input priority filter - 10; policy accept;
    jump unserved
  }}
  chain sent {{
    type filter hook output priority filter - 10; policy accept;
    jump unserved
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
{masquerade}
  }}
  chain unserved {{
{unserved}
  }}
{chains}
  chain dispatch {{
{dispatch}
  }}
}}
"""
_IP = {4: "ip", 6: "ip6"}
# Where what comes from other nodes and from outside comes in; pods have links of their own.
_UPLINK = '"eth0"'


@dataclass(slots=True)
class _Rules:
    """``targets`` maps a family's "address . protocol . port" to a chain's name."""

    chains: list[str] = field(default_factory=list)
    targets: dict[int, dict[str, str]] = field(default_factory=lambda: {4: {}, 6: {}})
    unserved: dict[int, list[str]] = field(default_factory=lambda: {4: [], 6: []})

    def chain(self, lines: Iterable[str]) -> str:
        """Add a chain and return its name."""
        name = f"service-{len(self.chains)}"
        body = "".join(f"    {line}\n" for line in lines)
        self.chains.append(f"  chain {name} {{\n{body}  }}")
        return name


def ruleset(state: ClusterState, node: Node) -> str:
    """The nft text that makes ``node`` translate the Services of ``state``, replacing what was."""
    rules = _Rules()
    for service in sorted(state.services, key=lambda item: item.key):
        for port in service.ports:
            _add(rules, state, service, port, node)
    return _TEMPLATE.format(
        table=TABLE,
        masquerade=_block(_masquerade(state, node)),
        unserved=_block(_unserved(rules)),
        chains="\n".join(rules.chains),
        dispatch=_block(_dispatch(rules)),
    )


def entry_node(state: ClusterState, service: Service) -> Node | None:
    """The node to which what is outside sends a LoadBalancer's traffic: with policy Local, the
    first that has an endpoint (S41); otherwise simply the first. None if there are no nodes.
    """
    nodes = sorted(state.nodes, key=lambda node: (len(node.name), node.name))
    if service.external_traffic_policy == "Local":
        having = {pod.node for port in service.ports for pod, _ in endpoints(state, service, port)}
        nodes = [node for node in nodes if node.name in having] or nodes
    return nodes[0] if nodes else None


def _add(
    rules: _Rules, state: ClusterState, service: Service, port: ServicePort, node: Node
) -> None:
    backends = endpoints(state, service, port)
    local = [(pod, number) for pod, number in backends if pod.node == node.name]
    for family in (4, 6):
        inner = [ip for ip in service.cluster_ips if ip.version == family]
        outer = [ip for ip in service.load_balancer_ips if ip.version == family]
        keys = [_key(ip, port, port.port) for ip in inner]
        outer_keys = [_key(ip, port, port.port) for ip in outer]
        if port.node_port:
            own = (ip for ip in node.ips if ip.version == family)
            outer_keys += [_key(ip, port, port.node_port) for ip in own]
        if not keys and not outer_keys:
            continue
        all_rule = _translation(port, family, backends)
        if not all_rule:
            rules.unserved[family] += keys + outer_keys
            continue
        everywhere = rules.chain([all_rule])
        rules.targets[family].update(dict.fromkeys(keys, everywhere))
        if outer_keys and service.external_traffic_policy == "Local":
            here = _translation(port, family, local) or "drop"
            outside = rules.chain([here])
            everywhere = rules.chain(
                [f"iifname {_UPLINK} goto {outside}", f"goto {everywhere}"],
            )
        rules.targets[family].update(dict.fromkeys(outer_keys, everywhere))


def _key(ip: IPAddress, port: ServicePort, number: int) -> str:
    return f"{ip} . {port.protocol.value.lower()} . {number}"


def _translation(port: ServicePort, family: int, backends: Sequence[tuple[Pod, int]]) -> str:
    """The rule that sends a connection to the next of ``backends``; empty if there is none."""
    targets = [(ip, number) for pod, number in backends for ip in pod.ips if ip.version == family]
    if not targets:
        return ""
    ip = _IP[family]
    rule = f"meta l4proto {port.protocol.value.lower()} dnat {ip} to"
    if len(targets) == 1:
        address, number = targets[0]
        return f"{rule} {f'[{address}]' if family == 6 else address}:{number}"
    pairs = ", ".join(
        f"{index} : {address} . {number}" for index, (address, number) in enumerate(targets)
    )
    return f"{rule} numgen inc mod {len(targets)} map {{ {pairs} }}"


def _masquerade(state: ClusterState, node: Node) -> Iterator[str]:
    """Answers must come back the way the question went: a pod that reaches itself through a
    Service (S42), and what enters at this node for a pod on another (S41).
    """
    backends = {
        pod.key: pod
        for service in state.services
        for port in service.ports
        for pod, _ in endpoints(state, service, port)
        if pod.node == node.name and not pod.host_network
    }
    for own in node.ips:
        ip = _IP[own.version]
        here = [
            address
            for pod in backends.values()
            for address in pod.ips
            if address.version == own.version
        ]
        if here:
            pairs = ", ".join(f"{address} . {address}" for address in here)
            yield f"ct status dnat {ip} saddr . {ip} daddr {{ {pairs} }} snat {ip} to {own}"
        yield (
            f"iifname {_UPLINK} oifname {_UPLINK} ct status dnat meta nfproto "
            f"ipv{own.version} snat {ip} to {own}"
        )


def _unserved(rules: _Rules) -> Iterator[str]:
    for family, keys in rules.unserved.items():
        if keys:
            members = ", ".join(keys)
            ip = _IP[family]
            yield f"ct state new {ip} daddr . meta l4proto . th dport {{ {members} }} reject"


def _dispatch(rules: _Rules) -> Iterator[str]:
    for family, targets in rules.targets.items():
        if targets:
            members = ", ".join(f"{key} : goto {chain}" for key, chain in targets.items())
            yield f"{_IP[family]} daddr . meta l4proto . th dport vmap {{ {members} }}"


def _block(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
