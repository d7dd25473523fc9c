"""From a cell's names to the probe that asks it: addresses, names, ports and identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from netpol_conformance.clusters.base import OUTSIDE_NAMES, OutsideHost
from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    Node,
    Pod,
    Service,
    ServicePort,
    SourceKind,
)
from netpol_conformance.model.service import endpoints
from netpol_conformance.probe.verdict import Probe, Source
from netpol_conformance.scenario.types import CellKey, Destination, SourceRef, Via


class AddressError(LookupError):
    """The cluster has no such object or address; says which."""


class Addressing:
    """The addresses of one cluster at one moment: those of its ``state``, and of the hosts that
    are ``outside``, by name.
    """

    def __init__(self, state: ClusterState, outside: Mapping[str, OutsideHost]) -> None:
        self._pods = {(pod.namespace, pod.name): pod for pod in state.pods}
        self._services = {(item.namespace, item.name): item for item in state.services}
        self._nodes = {node.name: node for node in state.nodes}
        self._outside = outside
        self._state = state

    def probe(self, cell: CellKey, *, by_name: bool = False) -> Probe:
        """The probe that asks ``cell``; ``by_name`` dials the DNS name, not the address.

        Raises AddressError.
        """
        destination = cell.destination
        host, port = self._dialled(destination)
        if by_name:
            home = destination.namespace or OUTSIDE_NAMES
            same = cell.source.namespace == home
            host = destination.name if same else f"{destination.name}.{home}"
        identities = frozenset(identity for identity, _, _ in self._servers(destination))
        source = _source(cell.source)
        return Probe(source, host, port, identities, destination.protocol)

    def witnesses(self, destination: Destination, timeout: float) -> tuple[Probe, ...]:
        """Probes of each server behind ``destination`` from inside its own network namespace,
        which wait ``timeout`` seconds. Raises AddressError.
        """
        return tuple(
            Probe(
                Source.parse(identity),
                str(address),
                port,
                frozenset([identity]),
                destination.protocol,
                timeout=timeout,
            )
            for identity, address, port in self._servers(destination)
        )

    def _servers(self, destination: Destination) -> tuple[tuple[str, IPAddress, int], ...]:
        """Who may answer, as (identity, own address, own port)."""
        family = destination.family
        if destination.via in (Via.OUTSIDE, Via.OUTSIDE_NAME):
            host = self._host(destination.name)
            address = _of_family(host.ips, family, destination)
            return ((f"outside/{host.name}", address, destination.port),)
        backends: tuple[tuple[Pod, int], ...]
        if destination.via is Via.POD:
            backends = ((self._pod(destination), destination.port),)
        elif destination.via is Via.NODE:
            backends = tuple((pod, destination.port) for pod in self._on_host(destination))
        else:
            service = self._service(destination)
            backends = endpoints(self._state, service, _port(service, destination))
        return tuple(
            (f"{pod.namespace}/{pod.name}", _of_family(pod.ips, family, destination), port)
            for pod, port in backends
        )

    def _dialled(self, destination: Destination) -> tuple[str, int]:
        """The address and port that a client dials."""
        family, via = destination.family, destination.via
        if via in (Via.POD, Via.OUTSIDE, Via.OUTSIDE_NAME):
            _, address, port = self._servers(destination)[0]
            return str(address), port
        if via is Via.NODE:
            address = _of_family(self._node(destination.name).ips, family, destination)
            return str(address), destination.port
        service = self._service(destination)
        if via is Via.NODE_PORT:
            node_port = _port(service, destination).node_port
            if node_port is None:
                raise AddressError(f"{destination}: Service {service.name} has no node port")
            node = self._node(destination.node)
            return str(_of_family(node.ips, family, destination)), node_port
        if via is Via.LOAD_BALANCER:
            addresses = service.load_balancer_ips
        elif service.headless:
            addresses = tuple(address for _, address, _ in self._servers(destination))
        else:
            addresses = service.cluster_ips
        return str(_of_family(addresses, family, destination)), destination.port

    def _pod(self, destination: Destination) -> Pod:
        return _found(self._pods, (destination.namespace, destination.name), destination)

    def _on_host(self, destination: Destination) -> list[Pod]:
        """The pods that serve this port with the node's own network."""
        return [
            pod
            for pod in self._pods.values()
            if pod.host_network
            and pod.node == destination.name
            and any(
                (port.number, port.protocol) == (destination.port, destination.protocol)
                for port in pod.ports
            )
        ]

    def _service(self, destination: Destination) -> Service:
        return _found(self._services, (destination.namespace, destination.name), destination)

    def _host(self, name: str) -> OutsideHost:
        return _found(self._outside, name, name)

    def _node(self, name: str) -> Node:
        return _found(self._nodes, name, name)


K = TypeVar("K")
V = TypeVar("V")


def _found(table: Mapping[K, V], key: K, asked: object) -> V:
    if key not in table:
        raise AddressError(f"{asked}: the cluster has no such object")
    return table[key]


def _port(service: Service, destination: Destination) -> ServicePort:
    for port in service.ports:
        if port.port == destination.port and port.protocol is destination.protocol:
            return port
    raise AddressError(f"{destination}: Service {service.name} has no such port")


def _of_family(addresses: tuple[IPAddress, ...], family: int, asked: object) -> IPAddress:
    for address in addresses:
        if address.version == family:
            return address
    raise AddressError(f"{asked}: has no IPv{family} address")


def _source(ref: SourceRef) -> Source:
    return Source(ref.kind, ref.name, ref.namespace if ref.kind == SourceKind.POD else "")
