"""Which features a scenario needs, seen from its objects and cells, and what shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    Node,
    Pod,
    PolicyPort,
    PolicyRule,
    Protocol,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION
from netpol_conformance.oracle.index import Index
from netpol_conformance.scenario.features import FIRST_PACKET
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import (
    SERVICE_WAYS,
    Flow,
    Path,
    PathError,
    Seen,
    find_service,
    path,
)
from netpol_conformance.scenario.planning import own_pods, planned_state, state_in_force
from netpol_conformance.scenario.types import CellKey, Destination, Scenario, Step, Via

Shown = Iterator[tuple[str, str]]
"""Features, each with what shows that it is needed."""
Rules = tuple[PolicyRule, ...] | None
"""The rules that apply to an end of a flow; None where no policy selects it."""

_ENTRANCES = {Via.NODE_PORT: "nodePort", Via.LOAD_BALANCER: "loadBalancer"}


def needed_features(scenario: Scenario) -> dict[str, str]:
    """Each feature that the scenario needs, with the first thing that shows it.

    Of cells, all that are judged count, not only the stated: whatever is asked can fail.
    """
    shown = [*_of_cluster(scenario), *_of_destinations(scenario.destinations)]
    for index, step in enumerate(scenario.steps):
        shown += _of_step(index, step)
        shown += _of_state(planned_state(scenario, index))
        shown += _of_cells(scenario, index, state_in_force(scenario, index))
    return dict(reversed(shown))


def _of_cluster(scenario: Scenario) -> Shown:
    if FIRST_PACKET in scenario.features:
        yield FIRST_PACKET, "declaring it is what asks for it"
    if 6 in scenario.families:
        yield "ipv6", "cluster.families has IPv6"


def _of_step(index: int, step: Step) -> Shown:
    if step.meanwhile:
        yield "noMomentaryGap", f"step {index + 1} asks all the time"
    if step.enforcer:
        yield "outlivesEnforcer", f"in step {index + 1} the enforcer is {step.enforcer}"


def _of_destinations(destinations: Sequence[Destination]) -> Shown:
    for destination in destinations:
        if destination.protocol is Protocol.SCTP:
            yield "sctp", f"{destination} is asked"
        if destination.via in _ENTRANCES:
            yield _ENTRANCES[destination.via], f"{destination} is asked"


def _of_state(state: ClusterState) -> Shown:
    for pod in own_pods(state):
        if pod.host_network:
            yield "hostNetwork", f"pod {pod.namespace}/{pod.name} is on its node's network"
    if state.version.annotation_isolates:
        for namespace in state.namespaces:
            if ISOLATION_ANNOTATION in namespace.annotations:
                yield "legacyIsolation", f"namespace {namespace.name} has the annotation"
    for policy in state.policies:
        where = f"policy {policy.namespace}/{policy.name}"
        if state.version.annotation_isolates:
            yield "legacyIsolation", f"{where} is for Kubernetes {state.version}"
        for rule in (*policy.ingress, *policy.egress):
            for port in rule.ports:
                yield from _of_port(port, where)


def _of_port(port: PolicyPort, where: str) -> Shown:
    """A rule over SCTP needs no SCTP: it isolates, and opens no TCP, without it too (S24)."""
    if port.end_port is not None:
        yield "endPort", f"{where} has a range of ports"
    if isinstance(port.port, str):
        yield "namedPorts", f'{where} has a port by name, "{port.port}"'


def _of_cells(scenario: Scenario, index: int, state: ClusterState) -> Shown:
    policies, step = Index(state), scenario.steps[index]
    asked = [*cells(scenario, step, state), *(cell for cell, _ in step.meanwhile), *step.held]
    for cell in asked:
        with suppress(PathError):  # an end that is gone by the end of the step
            for feature in _of_path(policies, cell, path(state, scenario, cell)):
                yield feature, f"step {index + 1} asks {cell}"


def _of_path(policies: Index, cell: CellKey, found: Path) -> Iterator[str]:
    if cell.destination.via in SERVICE_WAYS and found.to_itself:
        yield "hairpinThroughService"
    for flow in found.flows:
        egress = _rules(policies, flow.source, Direction.EGRESS)
        ingress = _rules(policies, flow.destination, Direction.INGRESS)
        if egress is not None and _is_own_node(flow):
            yield "egressToOwnNode"
        if egress and _nat_matters(policies.state, cell.destination, flow, egress):
            yield "egressAfterServiceNAT"
        if _in_a_block(flow.destination, egress, found.family) or _in_a_block(
            flow.source, ingress, found.family
        ):
            yield "ipBlockMatchesPods"
    for flow in found.lookup:  # cluster DNS is a Service too
        if any(rule.peers for rule in _rules(policies, flow.source, Direction.EGRESS) or ()):
            yield "egressAfterServiceNAT"


def _rules(policies: Index, end: Seen, direction: Direction) -> Rules:
    """The rules that apply to an end."""
    if not isinstance(end, Pod):
        return None
    applying = policies.applying(policies.numbers[end.namespace, end.name], direction)
    if not applying:
        return None
    return tuple(rule for applied in applying for rule in applied.policy.rules(direction))


def _is_own_node(flow: Flow) -> bool:
    source, node = flow.source, flow.destination
    return isinstance(source, Pod) and isinstance(node, Node) and source.node == node.name


def _nat_matters(
    state: ClusterState, destination: Destination, flow: Flow, rules: tuple[PolicyRule, ...]
) -> bool:
    """Whether a rule would judge the Service's own address or port otherwise than the pod's."""
    if destination.via not in SERVICE_WAYS:
        return False
    service, port = find_service(state, destination)
    if service.headless:
        return False
    ports_differ = port.port != flow.port
    return any(rule.peers or (rule.ports and ports_differ) for rule in rules)


def _in_a_block(end: Seen, rules: Rules, family: int) -> bool:
    """Whether one of the rules has a block that the address of a pod is in."""
    if not isinstance(end, Pod) or not rules:
        return False
    addresses = [ip for ip in end.ips if ip.version == family]
    blocks = [peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block is not None]
    return any(ip in block.cidr for ip in addresses for block in blocks)
