"""Where a cell's connection really goes: the pods behind a Service, the DNS server before it.

A cell is written in names; policies apply to endpoints (S40). ``path`` resolves names to flows and
decides nothing: whether a flow is allowed is the oracle's answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from netpol_conformance.api.server import DNS_SERVICE
from netpol_conformance.model.objects import (
    ClusterState,
    Node,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
    SourceKind,
    TranslatedSource,
)
from netpol_conformance.model.service import endpoints
from netpol_conformance.scenario.types import (
    CellKey,
    Destination,
    OutsideSpec,
    Scenario,
    SourceRef,
    Via,
)

End = Pod | Node | OutsideSpec
Seen = End | TranslatedSource
"""Whom the pod that is reached may see as its client."""
Named = TypeVar("Named", Pod, Node, Service, OutsideSpec)
SERVICE_WAYS = frozenset({Via.SERVICE, Via.CLUSTER_IP, Via.NODE_PORT, Via.LOAD_BALANCER})
"""The ways through a Service."""
_ENTRANCES = {
    Via.NODE_PORT: ("NodePort", "LoadBalancer"),
    Via.LOAD_BALANCER: ("LoadBalancer",),
}
"""The ways in from outside, and the types of the Services that have them."""


class PathError(LookupError):
    """A cell names something that does not exist in this state; the message says what."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One connection as policy sees it: its ends, and the port of the destination itself."""

    source: Seen
    destination: End
    port: int
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Path:
    """All that a cell's connection may be.

    Exactly one of ``flows`` happens, and which of them is chance (a Service's backends) or the
    implementation's (whose address a pod sees behind a node port, S41): what the specification
    says of the cell is certain only where it says the same of all. Of ``lookup`` too, one
    happens, first: the name is resolved (S43); it is empty where no name is. Empty ``flows``
    means that no server is there to answer. ``family`` is 4 or 6.
    """

    flows: tuple[Flow, ...]
    lookup: tuple[Flow, ...] = ()
    family: int = 4

    @property
    def to_itself(self) -> bool:
        """Whether the source may be its own server."""
        return any(flow.source == flow.destination for flow in self.flows)


def path(state: ClusterState, scenario: Scenario, cell: CellKey) -> Path:
    """The path of ``cell`` in ``state``; raises PathError if one of its ends is not there."""
    source, destination = find_source(state, scenario, cell.source), cell.destination
    if destination.via not in SERVICE_WAYS:
        server = find_server(state, scenario, destination)
        flows: tuple[Flow, ...] = (Flow(source, server, destination.port, destination.protocol),)
    else:
        flows = _service_flows(state, source, destination)
    lookup = _lookup(state, source) if destination.named else ()
    return Path(flows, lookup, destination.family)


def find_source(state: ClusterState, scenario: Scenario, source: SourceRef) -> End:
    """The pod, node or outside host that asks; raises PathError."""
    if source.kind == SourceKind.OUTSIDE:
        return _outside(scenario, source.name)
    if source.kind == SourceKind.NODE:
        return _node(state, source.name)
    return _pod(state, source.namespace, source.name)


def find_service(state: ClusterState, destination: Destination) -> tuple[Service, ServicePort]:
    """The Service and its port that a destination names; raises PathError."""
    key = ObjectKey("Service", destination.namespace, destination.name)
    near = (service for service in state.services if service.namespace == key.namespace)
    service = _named(near, key.name, str(key))
    wanted = (destination.port, destination.protocol)
    for port in service.ports:
        if (port.port, port.protocol) == wanted:
            return service, port
    has = ", ".join(f"{port.port}/{port.protocol}" for port in service.ports)
    raise PathError(f"{key} has no port {wanted[0]}/{wanted[1]}; it has {has or 'none'}")


def find_server(state: ClusterState, scenario: Scenario, destination: Destination) -> End:
    """The pod, node or host outside that a destination names; raises PathError."""
    if destination.via in (Via.OUTSIDE, Via.OUTSIDE_NAME):
        host = _outside(scenario, destination.name)
        _check_port(destination, [(port, destination.protocol) for port in host.ports])
        return host
    if destination.via is Via.NODE:
        return _node(state, destination.name)
    pod = _pod(state, destination.namespace, destination.name)
    _check_port(destination, [(port.number, port.protocol) for port in pod.ports])
    return pod


def check_destination(state: ClusterState, scenario: Scenario, destination: Destination) -> None:
    """Raise PathError unless the destination exists and serves the port asked for."""
    if destination.via in SERVICE_WAYS:
        service, _ = find_service(state, destination)
        _check_way(service, destination.via)
    else:
        find_server(state, scenario, destination)


def _check_way(service: Service, via: Via) -> None:
    """A Service has the kinds of address that its type gives it, and no others."""
    if via in _ENTRANCES and service.type not in _ENTRANCES[via]:
        wanted = " or ".join(_ENTRANCES[via])
        raise PathError(f"{service.key} has no {via}, for its type is not {wanted}")
    if via is Via.CLUSTER_IP and service.headless:
        raise PathError(f"{service.key} is headless: it has a name, and no clusterip")


def _check_port(destination: Destination, served: list[tuple[int, Protocol]]) -> None:
    """A port that nobody serves could be neither connected nor proven blocked."""
    if (destination.port, destination.protocol) not in served:
        has = ", ".join(f"{port}/{protocol}" for port, protocol in served) or "none"
        raise PathError(
            f"{destination.name} serves no port {destination.port}/{destination.protocol}; "
            f"it has {has}"
        )


def _service_flows(state: ClusterState, source: End, destination: Destination) -> tuple[Flow, ...]:
    service, port = find_service(state, destination)
    flows: list[Flow] = []
    for pod, number in endpoints(state, service, port):
        target = destination.port if service.headless else number  # no NAT before a headless one
        flows += (
            Flow(seen, pod, target, destination.protocol)
            for seen in _seen_sources(source, pod, service, destination)
        )
    if destination.via is Via.NODE_PORT and isinstance(source, Pod):
        flows += _to_entrance(state, source, port, destination)
    return tuple(flows)


def _seen_sources(
    source: End, pod: Pod, service: Service, destination: Destination
) -> Iterator[Seen]:
    """Whom the pod may see as the client: itself, or, at an entrance that does not keep its
    address, another in its place. That is so at the pod's own node, too: who translates there may
    do it before policy is asked (S31, S41).
    """
    yield source
    if destination.via not in _ENTRANCES or service.external_traffic_policy == "Local":
        return
    if not (isinstance(source, Node) and source.name == pod.node == destination.node):
        yield TranslatedSource()


def _to_entrance(
    state: ClusterState, source: Pod, port: ServicePort, destination: Destination
) -> Iterator[Flow]:
    """The client's own side may see the node that it dials, and not the pod behind (S31)."""
    if port.node_port is not None:
        entrance = _node(state, destination.node)
        yield Flow(source, entrance, port.node_port, destination.protocol)


def _lookup(state: ClusterState, source: End) -> tuple[Flow, ...]:
    if not isinstance(source, Pod):
        raise PathError("only a pod can look up a name in the cluster's DNS")
    for service in state.services:
        if service.key == DNS_SERVICE.key:
            port = next(port for port in service.ports if port.protocol is Protocol.UDP)
            return tuple(
                Flow(source, pod, number, Protocol.UDP)
                for pod, number in endpoints(state, service, port)
            )
    return ()


def _pod(state: ClusterState, namespace: str, name: str) -> Pod:
    running = (pod for pod in state.pods if pod.namespace == namespace and not pod.finished)
    return _named(running, name, f"pod {namespace}/{name} running")


def _node(state: ClusterState, name: str) -> Node:
    return _named(state.nodes, name, f"node {name}")


def _outside(scenario: Scenario, name: str) -> OutsideSpec:
    return _named(scenario.outside, name, f"host {name} outside")


def _named(items: Iterable[Named], name: str, described: str) -> Named:
    """The one of this name; raises PathError, which describes what there is none of."""
    for item in items:
        if item.name == name:
            return item
    raise PathError(f"there is no {described}")


def has_family(end: Seen, family: int) -> bool:
    """Whether an end has an address of the family, so that a flow of it can exist at all."""
    if isinstance(end, TranslatedSource):
        return True
    if isinstance(end, OutsideSpec):
        return any(ip_address(text).version == family for text in end.addresses)
    return any(ip.version == family for ip in end.ips)
