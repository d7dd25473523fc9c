"""What a pod network carries, kind of path by kind of path. Pure.

A network that never carried a kind of path says nothing about policy there: some know no hairpin,
no SCTP, no hosts outside. What it carried before any policy, and a policy does not deny, it must
carry later (S1, S51).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from netpol_conformance.model.objects import ClusterState, Node, Pod, Protocol
from netpol_conformance.model.service import endpoints
from netpol_conformance.scenario.paths import (
    SERVICE_WAYS,
    End,
    PathError,
    find_server,
    find_service,
    find_source,
)
from netpol_conformance.scenario.types import CellKey, Destination, Scenario, Via

_THROUGH = {
    Via.SERVICE: "a Service",
    Via.CLUSTER_IP: "a Service",
    Via.NODE_PORT: "a node port",
    Via.LOAD_BALANCER: "a load balancer",
}


@dataclass(frozen=True, slots=True, order=True)
class PathKind:
    """A kind of path that a network may carry or not.

    ``client`` and ``server`` are "pod", "node" or "host outside", the server of a pod that asks
    itself "itself". ``through`` is what stands between, if anything. ``nodes`` are those of client,
    entrance and server, where each has one.
    """

    client: str
    server: str
    through: str
    protocol: Protocol
    family: int
    nodes: tuple[str, ...]

    @property
    def anywhere(self) -> PathKind:
        """The kind, whichever nodes it is between."""
        return replace(self, nodes=())

    def __str__(self) -> str:
        """``pod to itself through a Service, SCTP over IPv4``."""
        through = f" through {self.through}" if self.through else ""
        return f"{self.client} to {self.server}{through}, {self.protocol} over IPv{self.family}"


@dataclass(frozen=True, slots=True)
class Network:
    """What was measured of a pod network: whether it ``carries`` each kind of path, by kind.

    What was not measured is as ``assumed``: None if nothing is known of it. ``isolated`` are the
    kinds that it carried only once a policy allowed everything: then it is not the network that
    lacks them (S1).
    """

    carried: Mapping[PathKind, bool] = field(default_factory=dict)
    isolated: frozenset[PathKind] = frozenset()
    assumed: bool | None = None

    def carries(self, kinds: Iterable[PathKind]) -> bool | None:
        """Whether it carries paths of all these ``kinds``; None if that is not known.

        Between nodes that were not measured it is taken to carry what it carries between all that
        were.
        """
        known = [self._carries(kind) for kind in kinds] or [self.assumed]
        if False in known:
            return False
        return None if None in known else True

    def _carries(self, kind: PathKind) -> bool | None:
        if kind in self.carried:
            return self.carried[kind]
        alike = {
            carried for other, carried in self.carried.items() if other.anywhere == kind.anywhere
        }
        return alike.pop() if len(alike) == 1 else self.assumed

    @property
    def lacks(self) -> tuple[PathKind, ...]:
        """The kinds that it does not carry."""
        return tuple(kind for kind, carried in sorted(self.carried.items()) if not carried)


OWN_NETWORK = Network(assumed=True)
"""That of the embedded cluster, which is the suite's own and lacks nothing."""


def path_kinds(state: ClusterState, scenario: Scenario, cell: CellKey) -> frozenset[PathKind]:
    """The kinds of path that ``cell`` may take in ``state``: one for each server that may answer.

    Empty if one of its ends is not there.
    """
    with suppress(PathError):
        source, destination = find_source(state, scenario, cell.source), cell.destination
        if destination.via not in SERVICE_WAYS:
            server = find_server(state, scenario, destination)
            return frozenset([_kind(source, server, destination, "")])
        service, port = find_service(state, destination)
        through = "" if service.headless else _THROUGH[destination.via]
        if destination.via in (Via.NODE_PORT, Via.LOAD_BALANCER):
            through += f" ({service.external_traffic_policy})"
        pods = (pod for pod, _ in endpoints(state, service, port))
        return frozenset(_kind(source, pod, destination, through) for pod in pods)
    return frozenset()


def _kind(source: End, server: End, destination: Destination, through: str) -> PathKind:
    nodes = (_node(source), destination.node, _node(server))
    return PathKind(
        client=_word(source),
        server="itself" if source == server else _word(server),
        through=through,
        protocol=destination.protocol,
        family=destination.family,
        nodes=tuple(node for node in nodes if node),
    )


def _word(end: End) -> str:
    if isinstance(end, Pod) and not end.host_network:
        return "pod"
    return "node" if isinstance(end, Pod | Node) else "host outside"


def _node(end: End) -> str:
    if isinstance(end, Pod):
        return end.node
    return end.name if isinstance(end, Node) else ""
