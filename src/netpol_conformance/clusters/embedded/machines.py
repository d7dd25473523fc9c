"""Nodes, pods and hosts outside as network namespaces, wired to each other.

The namespace of the process itself is the fabric, a router to which every node and every host
outside has a link. A pod has a link to its node. Everything is routed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_network

from netpol_conformance.api import addresses
from netpol_conformance.clusters.base import ClusterError, OutsideHost
from netpol_conformance.clusters.embedded.namespaces import new_network
from netpol_conformance.clusters.embedded.netlink import LOOPBACK, Netlink
from netpol_conformance.model.objects import IPAddress, Node, ObjectKey, Pod, SourceKind
from netpol_conformance.probe.netns import CLONE_NEWNET, current, inside

_UPLINK = 2
_FIRST_LINK = 10
_EVERYTHING = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
# No strict reverse path, no redirects, every ICMP error sent: a refusal that the limit of their
# rate swallows would look like a drop.
_SETTINGS = {
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/icmp_ratelimit": 0,
}
_ROUTER = {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
}
_HOST = {"ipv4/ip_forward": 0}
_WITHOUT_IPV6 = {"ipv6/conf/default/disable_ipv6": 1}
# No link-local addresses, no waiting for duplicates of addresses to speak up.
_WITH_IPV6 = {
    "ipv6/conf/all/disable_ipv6": 0,
    "ipv6/conf/default/disable_ipv6": 0,
    "ipv6/conf/default/addr_gen_mode": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/icmp/ratelimit": 0,
}
_IPV6_ROUTER = {"ipv6/conf/all/forwarding": 1}
# Without these nothing arrives; without the others it does so less nicely.
_NEEDED = {"ipv4/ip_forward", *_IPV6_ROUTER}


@dataclass(slots=True)
class _Machine:
    """``network`` is the descriptor of its namespace; ``link`` the index of the other end of its
    uplink; ``router`` its rtnetlink socket if others hang on it.
    """

    network: int
    link: int
    ips: tuple[IPAddress, ...]
    router: Netlink | None = None


class Machines:
    """All machines of one cluster; the calling process's network namespace is its fabric.

    Raises OSError where the kernel refuses, ClusterError where it cannot do what ``families`` ask.
    """

    def __init__(self, families: tuple[int, ...]) -> None:
        self.families = families
        self._nodes: dict[str, _Machine] = {}
        self._pods: dict[ObjectKey, _Machine] = {}
        self._outside: dict[str, _Machine] = {}
        self._entries: dict[IPAddress, str] = {}
        self._next_link = _FIRST_LINK
        self._sysctls = True
        self._home = current(CLONE_NEWNET)
        self._set(router=True)
        self._fabric = Netlink()
        self._fabric.up(LOOPBACK)
        for family in self.families:
            self._fabric.address(addresses.FABRIC[family], LOOPBACK)
        self._fabric.commit()

    def add_node(self, node: Node) -> None:
        """Make a node and route its own address and its pods' to it."""
        machine = self._new(self._home, node.ips, router=True)
        self._nodes[node.name] = machine
        self._plug(self._fabric, machine.link)
        for ip in node.ips:
            self._fabric.route(ip, machine.link)
        for network in node.pod_cidrs:
            self._fabric.route(network, machine.link, _of_family(node.ips, network.version))
        self._fabric.commit()

    def add_outside(self, host: OutsideHost) -> None:
        """Make a host outside the cluster, reachable from everywhere at all its addresses that are
        of the cluster's families.
        """
        ips = [ip for ip in host.ips if ip.version in self.families]
        machine = self._new(self._home, ips, router=False)
        self._outside[host.name] = machine
        self._plug(self._fabric, machine.link)
        for ip in ips:
            self._fabric.route(ip, machine.link)
        self._fabric.commit()

    def remove_outside(self, name: str) -> None:
        """Remove a host outside; nothing of it may be in use any more."""
        self._remove(self._outside.pop(name), self._fabric)

    def add_pods(self, pods: Iterable[Pod]) -> None:
        """Make pods that have a node and addresses; from here on they can be reached."""
        touched = set()
        for pod in pods:
            if pod.host_network:
                self._pods[pod.key] = self._nodes[pod.node]
                continue
            node = self._nodes[pod.node]
            machine = self._new(node.network, pod.ips, router=False)
            self._pods[pod.key] = machine
            touched.add(pod.node)
            self._plug(_router(node), machine.link)
            for ip in pod.ips:
                _router(node).route(ip, machine.link)
        for name in touched:
            _router(self._nodes[name]).commit()

    def remove_pod(self, pod: Pod) -> None:
        """Remove a pod; its servers must have ended."""
        machine = self._pods.pop(pod.key)
        if not pod.host_network:
            self._remove(machine, _router(self._nodes[pod.node]))

    def route_to_nodes(self, entries: Mapping[IPAddress, Node]) -> None:
        """Have the fabric hand what is for these addresses (LoadBalancers') to these nodes, and
        for no other address but machines' own to any.
        """
        for ip, name in list(self._entries.items()):
            if ip not in entries:
                self._fabric.unroute(ip, self._nodes[name].link)
                del self._entries[ip]
        for ip, node in entries.items():
            if self._entries.get(ip) != node.name:
                link = self._nodes[node.name].link
                self._fabric.route(ip, link, _of_family(node.ips, ip.version))
                self._entries[ip] = node.name
        self._fabric.commit()

    def in_node(self, name: str) -> AbstractContextManager[None]:
        """Be in a node's network; raises KeyError if there is none of that name."""
        return inside(self._nodes[name].network)

    def network(self, kind: SourceKind, name: str, namespace: str = "") -> int:
        """The descriptor of the network of a ``pod``, ``node`` or ``outside`` host.

        Raises KeyError if there is none of that name.
        """
        if kind == SourceKind.POD:
            return self._pods[ObjectKey("Pod", namespace, name)].network
        return (self._nodes if kind == SourceKind.NODE else self._outside)[name].network

    def _new(self, onto: int, ips: Iterable[IPAddress], *, router: bool) -> _Machine:
        machine = _Machine(new_network(), self._next_link, tuple(ips))
        self._next_link += 1
        with inside(machine.network):
            self._set(router=router)
            link = Netlink()
            link.up(LOOPBACK)
            link.veth("eth0", _UPLINK, f"link{machine.link}", machine.link, onto)
            if router:
                self._plug(link, _UPLINK)
            for ip in machine.ips:
                link.address(ip, _UPLINK)
            for family in {ip.version for ip in machine.ips}:
                link.route(_EVERYTHING[family], _UPLINK, addresses.POD_GATEWAY[family])
            link.commit()
        if router:
            machine.router = link
        else:
            link.close()
        return machine

    def _plug(self, router: Netlink, link: int) -> None:
        router.up(link)
        if not self._sysctls:
            router.forward(link)

    def _remove(self, machine: _Machine, router: Netlink) -> None:
        # The link goes when the kernel comes to clean up the namespace; the routes must go now,
        # for the address may be another's in a moment.
        for ip in machine.ips:
            router.unroute(ip, machine.link)
        router.commit()
        os.close(machine.network)

    def _set(self, *, router: bool) -> None:
        settings = _SETTINGS | (_ROUTER if router else _HOST)
        settings |= _WITH_IPV6 if 6 in self.families else _WITHOUT_IPV6
        if router and 6 in self.families:
            settings |= _IPV6_ROUTER
        for name, value in settings.items():
            try:
                _set_sysctl(name, value)
            except OSError as error:
                if name in _NEEDED:
                    self._do_without_sysctls(error)

    def _do_without_sysctls(self, error: OSError) -> None:
        """In a container /proc/sys may be read-only; netlink can set the least that IPv4 needs."""
        if 6 in self.families:
            raise ClusterError(
                f"IPv6 forwarding cannot be set here ({error}), as in most containers; start it "
                "with --security-opt systempaths=unconfined, or keep to scenarios of IPv4"
            ) from error
        self._sysctls = False


def _set_sysctl(name: str, value: int) -> None:
    # There are some ten for each machine: a file object for each would cost more than the kernel.
    opened = os.open(f"/proc/sys/net/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(opened, str(value).encode())
    finally:
        os.close(opened)


def _router(machine: _Machine) -> Netlink:
    if machine.router is None:
        raise ValueError("only nodes have pods")
    return machine.router


def _of_family(ips: Iterable[IPAddress], family: int) -> IPAddress | None:
    return next((ip for ip in ips if ip.version == family), None)
