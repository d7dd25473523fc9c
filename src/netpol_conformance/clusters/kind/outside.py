"""Outside a kind cluster: hosts for scenarios, and addresses of load balancers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.clusters.kind.machines import Machines
from netpol_conformance.clusters.kubernetes.public import (
    ENDPOINT_SLICES,
    Agents,
    Channel,
    Client,
    CommandChannel,
)
from netpol_conformance.model.objects import IPAddress, IPNetwork, Node
from netpol_conformance.probe.verdict import Observation, Probe, Source


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


class KindBalancer:
    """Gives Services addresses of kind's network; ``networks`` has one a family.

    An address is the Service's by its name alone, so that nothing needs to be agreed on.
    """

    def __init__(self, networks: Sequence[IPNetwork]) -> None:
        self._networks = tuple(networks)
        self.services: dict[IPAddress, str] = {}
        """The Services that have addresses, as namespace/name, by address."""

    def addresses(self, service: str) -> Sequence[IPAddress]:
        """The Service's addresses, always the same; ``service`` is its namespace/name."""
        ips = balancer_ips(self._networks, service)
        for ip in ips:
            self.services[ip] = service
        return ips

    def release(self, service: str) -> None:
        """Forget the Service."""
        for ip in balancer_ips(self._networks, service):
            self.services.pop(ip, None)


class KindOutside:
    """The hosts outside of one scenario at a time, on machines that all scenarios share."""

    def __init__(self, machines: Machines, balancer: KindBalancer, client: Client) -> None:
        self._machines = machines
        self._balancer = balancer
        self._client = client
        self._hosts: dict[str, OutsideHost] = {}
        self._agents: Agents | None = None
        self._entries: dict[tuple[str, IPAddress], str] = {}

    def identities(self) -> dict[str, str]:
        """What the servers of hosts call themselves, by the identity a scenario knows them by."""
        return {
            f"outside/{name}": self._machines.identity(host) for name, host in self._hosts.items()
        }

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """Have these hosts, serving on their ports."""
        self.close()
        for host in hosts:
            self._machines.start(host)
        self._hosts = {host.name: host for host in hosts}
        self._agents = Agents(self._connect)

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once, those to load balancers by a node that serves them."""
        assert self._agents is not None, "start() comes first"
        for probe in probes:
            target = ip_address(probe.host)
            if target in self._balancer.services:
                self._route(self._hosts[probe.source.name], target)
        return self._agents.ask(probes)

    def close(self) -> None:
        """End the agents; the machines stay until the driver removes them."""
        if self._agents is not None:
            self._agents.close()
            self._agents = None
        self._hosts = {}
        self._entries = {}

    def _connect(self, source: Source) -> Channel:
        return CommandChannel(self._machines.agent(self._hosts[source.name]))

    def _route(self, host: OutsideHost, target: IPAddress) -> None:
        node = self._entry(self._balancer.services[target])
        if node is not None and self._entries.get((host.name, target)) != node.name:
            self._machines.route(host, target, node)
            self._entries[host.name, target] = node.name

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
