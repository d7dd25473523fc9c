"""Which features a scenario needs, seen from its objects and cells, and what shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    LabelSelector,
    NetworkPolicy,
    Node,
    ObjectKey,
    Pod,
    PolicyPort,
    PolicyRule,
    Protocol,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION
from netpol_conformance.oracle.index import Index
from netpol_conformance.oracle.places import Place
from netpol_conformance.scenario.features import CONTROLLER_LABELS, FIRST_PACKET
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
        yield from _of_policy(state, policy)


def _of_policy(state: ClusterState, policy: NetworkPolicy) -> Shown:
    where = f"policy {policy.namespace}/{policy.name}"
    if state.version.annotation_isolates:
        yield "legacyIsolation", f"{where} is for Kubernetes {state.version}"
    for key in (key for selector in _selectors(policy) for key in _keys(selector)):
        if key in CONTROLLER_LABELS:
            yield "controllerLabels", f"{where} selects by {key}"
    for direction in Direction:
        rules = policy.rules(direction)
        if rules and direction not in policy.policy_types and state.version.has_egress:
            yield "unlistedRules", f"{where} has rules for {direction}, and is not for it"
        for rule in rules:
            for port in rule.ports:
                yield from _of_port(port, where)
            if named := [port for port in rule.ports if isinstance(port.port, str)]:
                pods = _looked_up_on(state, policy, direction, rule)
                if any(_differs(pods, port) for port in named):
                    yield "namedPortsByPod", f"{where} has a name that is not one number on all"


def _selectors(policy: NetworkPolicy) -> Iterator[LabelSelector]:
    yield policy.pod_selector
    for rule in (*policy.ingress, *policy.egress):
        for peer in rule.peers:
            yield from filter(None, (peer.pod_selector, peer.namespace_selector))


def _keys(selector: LabelSelector) -> Iterator[str]:
    yield from (key for key, _ in selector.match_labels)
    yield from (requirement.key for requirement in selector.match_expressions)


def _looked_up_on(
    state: ClusterState, policy: NetworkPolicy, direction: Direction, rule: PolicyRule
) -> list[Pod]:
    """The pods on which a rule's port names may be looked up: those that the policy selects; on the
    way out those that serve, or, where the rule names no peer, all.
    """
    if direction is Direction.EGRESS:
        return [pod for pod in own_pods(state) if pod.ports or not rule.peers]
    selecting = Index(replace(state, policies=(policy,)))
    return [pod for pod in own_pods(state) if _rules(selecting, pod, direction) is not None]


def _differs(pods: Sequence[Pod], port: PolicyPort) -> bool:
    """Whether a port's name is not simply one number: one of the pods lacks it, or numbers it
    otherwise than another.
    """
    wanted = (port.port, port.protocol)
    numbers = {
        frozenset(item.number for item in pod.ports if (item.name, item.protocol) == wanted)
        for pod in pods
    }
    return len(numbers) > 1 or frozenset() in numbers


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
        if _allowed_one_way(policies, flow, found.family):
            yield "directionsOfOnePolicy"
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


def _allowed_one_way(policies: Index, flow: Flow, family: int) -> bool:
    """Whether a policy that selects both ends lets the one send and the other not receive, or the
    other way round.
    """
    source, destination = flow.source, flow.destination
    if not (isinstance(source, Pod) and isinstance(destination, Pod)) or source == destination:
        return False
    places = policies.places[family]
    sender, receiver = (
        places.pod(policies.numbers[end.namespace, end.name]) for end in (source, destination)
    )

    def say(direction: Direction, target: Place, peer: Place) -> dict[ObjectKey, bool]:
        return {
            applied.policy.key: any(
                policies.ports(rule.ports, flow.port, flow.protocol) & receiver.bit
                and rule.admits(peer)
                for rule in applied.rules
            )
            for applied in policies.applying(target.number, direction)
        }

    sent = say(Direction.EGRESS, sender, receiver)
    received = say(Direction.INGRESS, receiver, sender)
    return any(sent[key] != received[key] for key in sent.keys() & received.keys())


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
