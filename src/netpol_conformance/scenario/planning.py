"""A scenario's cluster at each step, foreseen without any cluster.

Addresses are placeholders: pods get 10.244.<node>.k, nodes 172.18.0.<node + 1>, Services
10.96.1.k, and the like for IPv6. They stand in for ``${...}`` until real ones are known, and let
an oracle compute every matrix before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from ipaddress import ip_address, ip_network
from itertools import count

from netpol_conformance.model.decode import ManifestError, iter_decode
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    IPAddress,
    IPNetwork,
    KubernetesObject,
    Namespace,
    Node,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
)
from netpol_conformance.scenario.templating import directory, fill
from netpol_conformance.scenario.types import Scenario, Step
from netpol_conformance.scenario.workloads import SERVER_IMAGE, named_by_label

_NODES = {4: "172.18.0.{}", 6: "fd00:172:18::{}"}
_PODS = {4: "10.244.{}.0/24", 6: "fd00:10:244:{}::/64"}
_SERVICES = {4: ip_network("10.96.1.0/24"), 6: ip_network("fd00:10:96::100/120")}
_BALANCERS = {4: ip_network("172.18.255.0/24"), 6: ip_network("fd00:172:18::ff00/120")}
_DNS = {4: "10.96.0.10", 6: "fd00:10:96::a"}
_DNS_POD = ObjectKey("Pod", "kube-system", "kube-dns")
_DNS_LABELS = {"k8s-app": "kube-dns"}


def planned_state(scenario: Scenario, step_index: int) -> ClusterState:
    """The cluster after step ``step_index``, counting from 0; -1 is before the first step.

    A refused manifest is left out, as the API does it; the loader sees to it that the step
    expects the refusal.
    """
    steps = scenario.steps[: step_index + 1]
    return reduce(lambda state, step: change(state, step, scenario)[0], steps, initial(scenario))


def state_in_force(scenario: Scenario, step_index: int) -> ClusterState:
    """What must be in force after the step: where the enforcer is cut off from the API, the state
    after the last step at which it was not.
    """
    return planned_state(scenario, last_connected(scenario, step_index))


def last_connected(scenario: Scenario, step_index: int) -> int:
    """The last step up to this one at which the enforcer saw the API; -1 if there was none."""
    connected = (i for i in range(step_index, -1, -1) if scenario.steps[i].enforcer != "cut off")
    return next(connected, -1)


def passing_states(scenario: Scenario, step_index: int) -> list[ClusterState]:
    """All that may rightly be in force at some moment from before the step until it has settled.

    Its changes are made one by one, and a plugin may put each in force by itself.
    """
    before = state_in_force(scenario, step_index - 1)
    step = scenario.steps[step_index]
    if step.enforcer == "cut off":
        return [before]
    missed = planned_state(scenario, step_index - 1)
    states = [] if missed == before else [missed]
    with suppress(ManifestError):
        states += moments(missed, step, scenario)
    return [before, *states]


def initial(scenario: Scenario) -> ClusterState:
    """The cluster before the first step: nodes, DNS, and the scenario's own objects."""
    numbers = range(1, scenario.nodes + 1)
    empty = ClusterState(
        namespaces=tuple(
            named_by_label(Namespace(name), scenario.version) for name in ("default", "kube-system")
        ),
        nodes=tuple(_node(number, scenario.families) for number in numbers),
        version=scenario.version,
    )
    state = _with(empty, _dns_pod(), scenario)
    state = state.with_objects(_dns_service(scenario.families))
    return reduce(lambda seen, item: _with(seen, item, scenario), scenario.objects, state)


def change(
    state: ClusterState, step: Step, scenario: Scenario
) -> tuple[ClusterState, ManifestError | None]:
    """``state`` once ``step`` has been carried out, and the API's refusal if it refused.

    Of manifests that are refused, those before the refused one are applied. Raises
    TemplateError, and KeyError for the deletion of what is not there.
    """
    try:
        for moment in moments(state, step, scenario):
            state = moment
    except ManifestError as refusal:
        return state, refusal
    return state, None


def moments(state: ClusterState, step: Step, scenario: Scenario) -> Iterator[ClusterState]:
    """``state`` after each single change of ``step``; raises as ``change``, and ManifestError."""
    addresses = {new: _found(state, old) for new, old in step.reuse}
    for key in step.finish:
        pod = _found(state, key)
        state = state.with_objects(replace(pod, phase="Succeeded"))
        yield state
    for key in step.delete:
        state = _without(state, key)
        yield state
    text = fill(step.apply, directory(state, scenario.outside))
    for item in iter_decode(text, version=scenario.version):
        state = _with(state, item, scenario, addresses)
        yield state


def own_pods(state: ClusterState) -> tuple[Pod, ...]:
    """The pods of a planned state that are the scenario's, not the system's."""
    return tuple(pod for pod in state.pods if pod.key != _DNS_POD)


def _without(state: ClusterState, key: ObjectKey) -> ClusterState:
    """``state`` less one object, and less all in it if it is a namespace."""
    keys = [item.key for item in state.objects()]
    if key not in keys:
        raise KeyError(str(key))
    gone = [key]
    if key.kind == "Namespace":
        gone += [other for other in keys if other.namespace == key.name]
    return state.without(*gone)


def _found(state: ClusterState, key: ObjectKey) -> Pod:
    for pod in state.pods:
        if pod.key == key:
            return pod
    raise KeyError(str(key))


def _with(
    state: ClusterState,
    item: KubernetesObject,
    scenario: Scenario,
    addresses: Mapping[ObjectKey, Pod] | None = None,
) -> ClusterState:
    """``state`` with one object; ``addresses`` are the old pods whose addresses new ones get."""
    if isinstance(item, Pod):
        item = _placed(state, item, (addresses or {}).get(item.key))
    elif isinstance(item, Service):
        item = _addressed(state, item, scenario.families)
    elif isinstance(item, Namespace):
        item = named_by_label(item, scenario.version)
    return state.with_objects(item)


def _node(number: int, families: tuple[int, ...]) -> Node:
    return Node(
        f"node-{number}",
        tuple(ip_address(_NODES[family].format(number + 1)) for family in families),
        tuple(ip_network(_PODS[family].format(number)) for family in families),
    )


def _dns_pod() -> Pod:
    ports = (
        ContainerPort(53, Protocol.UDP, "dns"),
        ContainerPort(53, Protocol.TCP, "dns-tcp"),
    )
    return Pod(_DNS_POD.namespace, _DNS_POD.name, _DNS_LABELS, ports=ports, image=SERVER_IMAGE)


def _dns_service(families: tuple[int, ...]) -> Service:
    ports = (
        ServicePort(53, 53, Protocol.UDP, "dns"),
        ServicePort(53, 53, Protocol.TCP, "dns-tcp"),
    )
    addresses = tuple(ip_address(_DNS[family]) for family in families)
    return Service("kube-system", "kube-dns", _DNS_LABELS, ports, cluster_ips=addresses)


def _placed(state: ClusterState, pod: Pod, old: Pod | None) -> Pod:
    """The pod on a node and with addresses: those it had before if it is not new, else those of
    ``old`` if there is one. It has neither while no node is fit for it.
    """
    known = next((other for other in state.pods if other.key == pod.key), None)
    if known is not None:
        return replace(pod, node=known.node, ips=known.ips, phase=known.phase)
    if old is not None:
        return replace(pod, node=old.node, ips=old.ips)
    if not any(pod.fits(node) for node in state.nodes):
        return replace(pod, phase="Pending")
    turn = len(state.pods) % len(state.nodes)
    node = next((node for node in state.nodes if node.name == pod.node), state.nodes[turn])
    if pod.host_network:
        return replace(pod, node=node.name, ips=node.ips)
    taken = {ip for other in state.pods if not other.finished for ip in other.ips}
    ips = tuple(_free(network, taken) for network in node.pod_cidrs)
    return replace(pod, node=node.name, ips=ips)


def _addressed(state: ClusterState, service: Service, families: tuple[int, ...]) -> Service:
    service = replace(service, ports=tuple(_node_ports(state, service)))
    if service.headless:
        return service
    others = [other for other in state.services if other.key != service.key]
    taken = {ip for other in others for ip in (*other.cluster_ips, *other.load_balancer_ips)}
    balanced = families if service.type == "LoadBalancer" else ()
    return replace(
        service,
        cluster_ips=tuple(_free(_SERVICES[family], taken) for family in families),
        load_balancer_ips=tuple(_free(_BALANCERS[family], taken) for family in balanced),
    )


def _node_ports(state: ClusterState, service: Service) -> Iterator[ServicePort]:
    """The Service's ports, each with a node port if the type asks for one."""
    taken = {port.node_port for other in state.services for port in other.ports}
    free = (number for number in count(30000) if number not in taken)
    for port in service.ports:
        wanted = service.type != "ClusterIP" and port.node_port is None
        yield replace(port, node_port=next(free)) if wanted else port


def _free(network: IPNetwork, taken: set[IPAddress]) -> IPAddress:
    """The first address of ``network`` that nobody has, the gateway's (.1) left out."""
    candidates = (network[number] for number in count(2))
    return next(ip for ip in candidates if ip not in taken)
