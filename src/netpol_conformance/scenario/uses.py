"""Which paths scenarios use, and scenarios that use the same between all nodes. Pure.

Here: what must be asked to know what a pod network carries. Not here: asking it (``run``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product

from netpol_conformance.model.objects import (
    ContainerPort,
    KubernetesObject,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
    ServiceType,
    SourceKind,
)
from netpol_conformance.scenario.types import (
    CellKey,
    Destination,
    Documented,
    Expectation,
    OutsideSpec,
    Scenario,
    SourceRef,
    Step,
    Via,
)
from netpol_conformance.scenario.workloads import SERVER_IMAGE

_HOME = "default"
_PORT = 80
_NODE_PORT = 18719
"""Where pods on their nodes' own network serve: a port that no scenario uses."""
_HOST = "measured"
_TYPES: dict[Via, ServiceType] = {
    Via.CLUSTER_IP: "ClusterIP",
    Via.NODE_PORT: "NodePort",
    Via.LOAD_BALANCER: "LoadBalancer",
}
_SAME_WAY = {Via.SERVICE: Via.CLUSTER_IP, Via.OUTSIDE_NAME: Via.OUTSIDE}
"""What differs in a name only."""


@dataclass(frozen=True, slots=True)
class Use:
    """A way that a scenario's cell takes, wherever its ends are.

    ``on_node`` if the client is a pod on its node's own network; ``local`` if it comes in through a
    Service whose externalTrafficPolicy is Local. ``family`` is 4 or 6.
    """

    client: SourceKind
    via: Via
    protocol: Protocol
    family: int
    on_node: bool = False
    local: bool = False


def uses(scenarios: Iterable[Scenario]) -> frozenset[Use]:
    """All ways that the cells of ``scenarios`` may take."""
    return frozenset(use for scenario in scenarios for use in _uses(scenario))


def apart(used: Collection[Use]) -> list[frozenset[Use]]:
    """``used`` in parts, of which a cluster may be unable to be asked one and able another."""
    parts: dict[tuple[bool, ...], set[Use]] = {}
    for use in used:
        outside = use.client == SourceKind.OUTSIDE or use.via is Via.OUTSIDE
        node = use.client == SourceKind.NODE or use.on_node or use.via is Via.NODE
        needs = (outside, node, use.via is Via.LOAD_BALANCER, use.family == 6)
        parts.setdefault(needs, set()).add(use)
    return [frozenset(part) for _, part in sorted(parts.items())]


def measuring_scenarios(used: Collection[Use], of: Sequence[Scenario]) -> list[Scenario]:
    """Scenarios whose only step has a cell for each way ``used`` between any two nodes: on as many
    nodes as the scenarios ``of`` a run have, then on fewer. Nothing in them is a policy.
    """
    most = max((scenario.nodes for scenario in of), default=1)
    hosts = [host for scenario in of for host in scenario.outside]
    return [_measuring_scenario(used, nodes, hosts) for nodes in range(most, 0, -1)]


def _uses(scenario: Scenario) -> Iterator[Use]:
    """Objects that come with a step are taken for plain pods and Services."""
    there = {item.key: item for item in scenario.objects}
    for source, destination in product(scenario.sources, scenario.destinations):
        asks = there.get(ObjectKey("Pod", source.namespace, source.name))
        via = _SAME_WAY.get(destination.via, destination.via)
        kind = "Pod" if via is Via.POD else "Service"
        asked = there.get(ObjectKey(kind, destination.namespace, destination.name))
        if isinstance(asked, Pod) and asked.host_network:
            via = Via.NODE
        elif isinstance(asked, Service) and asked.headless:
            via = Via.POD
        local = isinstance(asked, Service) and asked.external_traffic_policy == "Local"
        on_node = isinstance(asks, Pod) and asks.host_network
        if source.kind == SourceKind.POD or via in (Via.POD, Via.NODE_PORT, Via.LOAD_BALANCER):
            yield Use(source.kind, via, destination.protocol, destination.family, on_node, local)


def _measuring_scenario(
    used: Collection[Use], nodes: int, hosts: Sequence[OutsideSpec]
) -> Scenario:
    families = tuple(sorted({use.family for use in used})) or (4,)
    outside = _outside(used, hosts, families)
    cells = dict.fromkeys(cell for use in sorted(used, key=str) for cell in _cells(use, nodes))
    open_to_all = tuple((cell, Expectation.CONNECTED) for cell in cells)
    return Scenario(
        path="the pod network",
        title="What the pod network carries without any policy",
        rules=("S1",),
        documented=Documented("", ""),
        covers=(),
        steps=(Step("Every kind of path between all nodes", expected=open_to_all),),
        objects=tuple(_objects(used, nodes)),
        sources=tuple(dict.fromkeys(cell.source for cell in cells)),
        destinations=tuple(dict.fromkeys(cell.destination for cell in cells)),
        outside=outside,
        nodes=nodes,
        families=families,
    )


def _outside(
    used: Collection[Use], hosts: Sequence[OutsideSpec], families: Sequence[int]
) -> tuple[OutsideSpec, ...]:
    """One host, with addresses as the scenarios' own have them."""
    if not any(Via.OUTSIDE is use.via or use.client == SourceKind.OUTSIDE for use in used):
        return ()
    by_family = {ip_address(each).version: each for host in hosts for each in host.addresses}
    addresses = [by_family[family] for family in families if family in by_family]
    return (OutsideSpec(_HOST, tuple(addresses), (_PORT,)),) if addresses else ()


def _objects(used: Collection[Use], nodes: int) -> Iterator[KubernetesObject]:
    protocols = sorted({use.protocol for use in used})
    on_nodes = any(use.on_node or use.via is Via.NODE for use in used)
    for number in range(1, nodes + 1):
        node = f"node-{number}"
        for role in ("client", "server"):
            yield _pod(f"{role}-{number}", node, protocols, _PORT)
        if on_nodes:
            yield _pod(f"host-{number}", node, protocols, _NODE_PORT, host_network=True)
        for via, local in sorted({(use.via, use.local) for use in used if use.via in _TYPES}):
            through = [use.protocol for use in used if (use.via, use.local) == (via, local)]
            yield Service(
                _HOME,
                _service(via, number, local=local),
                selector={"measured": f"server-{number}"},
                ports=tuple(
                    ServicePort(_PORT, _PORT, protocol, protocol.lower())
                    for protocol in sorted(set(through))
                ),
                type=_TYPES[via],
                external_traffic_policy="Local" if local else "Cluster",
            )


def _pod(
    name: str, node: str, protocols: Iterable[Protocol], port: int, *, host_network: bool = False
) -> Pod:
    return Pod(
        _HOME,
        name,
        labels={"measured": name},
        ports=tuple(ContainerPort(port, protocol) for protocol in protocols),
        image=SERVER_IMAGE,
        node=node,
        host_network=host_network,
    )


def _service(via: Via, number: int, *, local: bool) -> str:
    return f"{via.value}-{number}{'-local' if local else ''}"


def _cells(use: Use, nodes: int) -> Iterator[CellKey]:
    """The cells of ``use`` between all nodes; through its own Service a pod asks itself, too."""
    numbers = range(1, nodes + 1)
    servers = (1,) if use.via is Via.OUTSIDE else numbers
    clients = (1,) if use.client == SourceKind.OUTSIDE else numbers
    for client, server in product(clients, servers):
        for destination in _destinations(use, server, numbers):
            yield CellKey(_source(use, client), destination)
            if use.via in _TYPES and client == server and _is_plain(use):
                itself = SourceRef(SourceKind.POD, _HOME, f"server-{server}")
                yield CellKey(itself, destination)


def _is_plain(use: Use) -> bool:
    return use.client == SourceKind.POD and not use.on_node


def _source(use: Use, number: int) -> SourceRef:
    if use.client == SourceKind.POD:
        role = "host" if use.on_node else "client"
        return SourceRef(use.client, _HOME, f"{role}-{number}")
    name = _HOST if use.client == SourceKind.OUTSIDE else f"node-{number}"
    return SourceRef(use.client, "", name)


def _destinations(use: Use, server: int, numbers: Iterable[int]) -> Iterator[Destination]:
    ends = {
        Via.POD: (_HOME, f"server-{server}", _PORT),
        Via.NODE: ("", f"node-{server}", _NODE_PORT),
        Via.OUTSIDE: ("", _HOST, _PORT),
    }
    service = (_HOME, _service(use.via, server, local=use.local), _PORT)
    namespace, name, port = ends.get(use.via, service)
    # A node port of policy Local is open at the nodes of the Service's own pods only.
    entrances = [server] if use.local else numbers
    at = [f"node-{number}" for number in entrances] if use.via is Via.NODE_PORT else [""]
    for node in at:
        yield Destination(use.via, namespace, name, port, use.protocol, node, use.family)
