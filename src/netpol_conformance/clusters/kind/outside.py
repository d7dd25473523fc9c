"""Outside a kind cluster: hosts for scenarios, and addresses of load balancers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import chain

from netpol_conformance.clusters.base import ClusterError, OutsideHost, UnsupportedError
from netpol_conformance.clusters.kind.machines import Machine, Machines
from netpol_conformance.clusters.kubernetes.public import (
    ENDPOINT_SLICES,
    PODS,
    Agents,
    Channel,
    Client,
    CommandChannel,
    Manifest,
)
from netpol_conformance.model.objects import IPAddress, IPNetwork, Node, Pod
from netpol_conformance.probe.verdict import Observation, Probe, Source
from netpol_conformance.scenario.blocks import around, has_own_addresses

_ATTEMPTS = 1000
"""How many addresses are tried for a Service, of the thousands that a network has."""


def balancer_ip(network: IPNetwork, key: str) -> IPAddress:
    """An address of the network for ``key``, always the same. Runs of other processes choose theirs
    without knowing of each other, so that equal ones are left to chance there.

    From the third quarter of the network: Docker gives out addresses from the first on.
    """
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    quarter = network.num_addresses // 4
    return network[2 * quarter + number % quarter]


class KindBalancer:
    """Gives the Services of all scenarios of a run addresses of kind's network; ``networks`` has
    one a family. Its methods may be called from any thread.
    """

    def __init__(self, networks: Sequence[IPNetwork]) -> None:
        self._networks = tuple(networks)
        self._lock = threading.Lock()
        self.services: dict[IPAddress, str] = {}
        """The Services that have addresses, as namespace/name, by address."""

    def addresses(self, service: str) -> Sequence[IPAddress]:
        """The addresses of a Service, as namespace/name, the same until they are released. No other
        has them meanwhile. Raises ClusterError if none is left.
        """
        with self._lock:
            return tuple(self._address(network, service) for network in self._networks)

    def release(self, service: str) -> None:
        """Forget the Service."""
        with self._lock:
            for ip in [ip for ip, owner in self.services.items() if owner == service]:
                del self.services[ip]

    def _address(self, network: IPNetwork, service: str) -> IPAddress:
        for ip, owner in self.services.items():
            if owner == service and ip in network:
                return ip
        for attempt in range(_ATTEMPTS):
            ip = balancer_ip(network, f"{service} {attempt}")
            if self.services.setdefault(ip, service) == service:
                return ip
        raise ClusterError(f"no address of {network} is left for the Service {service}")


class KindOutside:
    """The hosts outside of one scenario at a time, on machines that all scenarios share."""

    def __init__(self, machines: Machines, balancer: KindBalancer, client: Client) -> None:
        self._machines = machines
        self._balancer = balancer
        self._client = client
        self._hosts: dict[str, tuple[Machine, ...]] = {}
        self._agents: Agents | None = None
        self._entries: dict[tuple[Machine, IPAddress], str] = {}

    def identities(self) -> dict[str, tuple[str, ...]]:
        """What the servers of hosts call themselves, by the identity a scenario knows them by."""
        return {
            f"outside/{name}": tuple(self._machines.identity(machine.ip) for machine in machines)
            for name, machines in self._hosts.items()
        }

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """Have these hosts, serving on their ports; raises UnsupportedError for an address that may
        be a pod's.
        """
        self.close()
        if hosts:
            self._check_free(ip for host in hosts for ip in host.ips)
        self._hosts = {
            host.name: tuple(self._machines.start(ip, host.ports) for ip in host.ips)
            for host in hosts
        }
        self._agents = Agents(self._connect)

    def reach(self, pods: Iterable[Pod]) -> None:
        """Have hosts and pods reach each other by the pods' nodes, which go by their real names.

        A pod's address need not be from its node's podCIDRs. That of a pod which is gone may lead
        to the wrong node until another one has it.
        """
        places = {ip: pod.node for pod in pods if has_own_addresses(pod) for ip in pod.ips}
        for machine in dict.fromkeys(chain.from_iterable(self._hosts.values())):
            family = machine.ip.version
            targets = {ip: node for ip, node in places.items() if ip.version == family}
            if targets:
                self._machines.route(machine, targets)

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once, those to load balancers by a node that serves them."""
        assert self._agents is not None, "start() comes first"
        asked = []
        for probe in probes:
            target = ip_address(probe.host)
            machine = self._machine(probe.source.name, target.version)
            if target in self._balancer.services:
                self._route(machine, target)
            source = Source.parse(self._machines.identity(machine.ip))
            asked.append(replace(probe, source=source))
        seen = self._agents.ask(asked)
        return [replace(each, probe=probe) for each, probe in zip(seen, probes, strict=True)]

    def close(self) -> None:
        """End the agents; the machines stay until the driver removes them."""
        if self._agents is not None:
            self._agents.close()
            self._agents = None
        self._hosts = {}
        self._entries = {}

    def _check_free(self, ips: Iterable[IPAddress]) -> None:
        """A node with a way to the host would lose its way to a pod of that address."""
        with self._client.in_words():
            pods = self._client.items(PODS)
        taken = [*self._machines.pod_cidrs, *pod_networks(pods)]
        for ip in ips:
            for network in taken:
                if ip in network:
                    raise UnsupportedError(
                        f"needs a host outside at {ip}, which may be a pod's on this cluster: "
                        f"some have addresses in {network}"
                    )

    def _machine(self, host: str, family: int) -> Machine:
        """The machine that the host is for this family; raises ClusterError if it has none."""
        for machine in self._hosts[host]:
            if machine.ip.version == family:
                return machine
        raise ClusterError(f"the host {host} outside has no IPv{family} address")

    def _connect(self, source: Source) -> Channel:
        for machine in chain.from_iterable(self._hosts.values()):
            if str(source) == self._machines.identity(machine.ip):
                return CommandChannel(self._machines.agent(machine))
        raise ClusterError(f"there is no machine {source}")

    def _route(self, machine: Machine, target: IPAddress) -> None:
        node = self._entry(self._balancer.services[target])
        if node is not None and self._entries.get((machine, target)) != node.name:
            self._machines.route(machine, {target: node.name})
            self._entries[machine, target] = node.name

    def _entry(self, service: str) -> Node | None:
        """A node that has a pod of the Service: the only ones that serve it under policy Local."""
        namespace, _, name = service.partition("/")
        selector = f"kubernetes.io/service-name={name}"
        with self._client.in_words():
            slices = self._client.items(ENDPOINT_SLICES, namespace, labelSelector=selector)
        serving = {
            endpoint.get("nodeName")
            for item in slices
            for endpoint in item.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready", True)
        }
        return self._machines.node(serving)


def pod_networks(pods: Iterable[Manifest]) -> list[IPNetwork]:
    """The smallest networks around the addresses of each node's pods, which are manifests."""
    found: dict[tuple[str, int], list[IPNetwork]] = {}
    for pod in pods:
        status = pod.get("status") or {}
        if pod["spec"].get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
            continue
        for item in status.get("podIPs") or ():
            network = ip_network(item["ip"])
            found.setdefault((pod["spec"]["nodeName"], network.version), []).append(network)
    return [around(networks) for networks in found.values()]
