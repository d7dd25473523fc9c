"""How a machine outside and a node reach each other, as shell scripts for both. Pure.

What they send each other goes through a VXLAN tunnel between their containers: a host whose
firewall sees bridged packets would translate addresses such as 172.17.1.5, which a scenario may
ask for, because they are Docker's own on another network. Every script may be run twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netpol_conformance.model.objects import IPAddress

_LINK = "npc-outside"
_PORT = 14789
"""UDP, none that a network plugin is known to use for its own tunnels."""
_ID = 28784
_MTU = 1400
"""What is left of Ethernet's 1500 bytes by a tunnel over IPv6, and then some."""
_TABLE = 28784
"""The routing table of the tunnel's own packets."""


@dataclass(frozen=True, slots=True)
class End:
    """A container on Docker's network. ``transport`` is its address there; ``ips`` are those that
    scenarios know it by.
    """

    transport: IPAddress
    ips: tuple[IPAddress, ...]


def of_machine(machine: End, nodes: Sequence[End]) -> str:
    """What to run on the machine: all that it sends to nodes has its own address.

    The tunnel's packets are recognised by their source, Docker's address.
    """
    lines = [*_link(machine)]
    flag, here = _flag(machine.transport), machine.transport
    lines.append(
        f"ip {flag} rule | grep -qF 'from {here} ' || ip {flag} rule add from {here} table {_TABLE}"
    )
    lines += [
        f"ip {_flag(own)} address replace {own} dev {_LINK}{_no_detection(own)}"
        for own in machine.ips
    ]
    for node in nodes:
        lines.append(f"ip {flag} route replace {node.transport} dev eth0 table {_TABLE}")
        for own in machine.ips:
            lines += _to_node(machine, node, own)
    return _script(lines)


def of_targets(machine: End, targets: Iterable[tuple[IPAddress, End]]) -> str:
    """What to run on the machine so that it reaches each target by the node beside it."""
    return _script(
        _route(target, machine, node, own, gateway)
        for target, node in targets
        for own in machine.ips
        for gateway in node.ips
        if own.version == gateway.version == target.version
    )


def of_node(node: End, machine: End) -> str:
    """What to run on the node."""
    lines = [*_link(node)]
    for own in machine.ips:
        lines += [_neighbour(own, machine), f"{_replace(own)} {_tunnel(node, machine)} dev {_LINK}"]
    return _script(lines)


def without_link() -> str:
    """What to run on a node once no machine is left."""
    return _script([f"ip link delete {_LINK} || true"])


def _link(end: End) -> Iterator[str]:
    yield (
        f"ip link show dev {_LINK} >/dev/null 2>&1 || "
        f"ip link add {_LINK} mtu {_MTU} address {_hardware(end.transport)} "
        f"type vxlan external dstport {_PORT} || ip link show dev {_LINK} >/dev/null"
    )
    yield f"ip link set {_LINK} up"


def _to_node(machine: End, node: End, own: IPAddress) -> Iterator[str]:
    for gateway in node.ips:
        if gateway.version != own.version:
            continue
        yield _neighbour(gateway, node)
        yield f"{_replace(gateway)} {_tunnel(machine, node)} dev {_LINK} src {own}"


def _route(target: IPAddress, machine: End, node: End, own: IPAddress, gateway: IPAddress) -> str:
    return f"{_replace(target)} {_tunnel(machine, node)} via {gateway} dev {_LINK} onlink src {own}"


def _replace(target: IPAddress) -> str:
    return f"ip {_flag(target)} route replace {target}"


def _tunnel(here: End, there: End) -> str:
    kind = "ip" if there.transport.version == 4 else "ip6"
    return f"encap {kind} id {_ID} src {here.transport} dst {there.transport}"


def _neighbour(ip: IPAddress, end: End) -> str:
    """Nobody is asked where an address is: nothing but these scripts knows the tunnel's ends."""
    hardware = _hardware(end.transport)
    return f"ip {_flag(ip)} neighbour replace {ip} lladdr {hardware} dev {_LINK} nud permanent"


def _hardware(transport: IPAddress) -> str:
    """An Ethernet address of the container's own: locally administered, then its IP's end."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x6E, *transport.packed[-4:]))


def _flag(ip: IPAddress) -> str:
    return f"-{ip.version}"


def _no_detection(ip: IPAddress) -> str:
    return " nodad" if ip.version == 6 else ""


def _script(lines: Iterable[str]) -> str:
    return "set -e\n" + "".join(f"{line}\n" for line in lines)
