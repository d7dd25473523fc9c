"""The API of one cluster: it admits, defaults, stores and watches objects. Pure.

Manifests are decoded, defaulted and validated by ``model.decode``; here is what only a server
that knows the other objects can do: check that the namespace exists, schedule, allocate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from netpol_conformance.api import addresses
from netpol_conformance.model.cluster_scoped import named_by_label
from netpol_conformance.model.decode import iter_decode
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    IPAddress,
    KubernetesObject,
    Namespace,
    Node,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
    WatchEvent,
)
from netpol_conformance.model.problems import ManifestError, Problem, did_you_mean
from netpol_conformance.model.version import LATEST, KubernetesVersion

SYSTEM_NAMESPACE = "kube-system"
KEPT_NAMESPACES = ("default", SYSTEM_NAMESPACE)
"""The namespaces that every cluster has, and that cannot be deleted."""

_DNS_LABELS = {"k8s-app": "kube-dns"}
DNS_POD = Pod(
    SYSTEM_NAMESPACE,
    "coredns",
    labels=_DNS_LABELS,
    ports=(
        ContainerPort(53, Protocol.UDP, "dns"),
        ContainerPort(53, Protocol.TCP, "dns-tcp"),
    ),
    image="coredns",
    node="node-1",
)
DNS_SERVICE = Service(
    SYSTEM_NAMESPACE,
    "kube-dns",
    selector=_DNS_LABELS,
    labels=_DNS_LABELS,
    ports=tuple(
        ServicePort(port.number, port.number, port.protocol, port.name) for port in DNS_POD.ports
    ),
)
"""In front of DNS_POD; it has no address yet."""

_Object = TypeVar("_Object", bound=KubernetesObject)


class Api:
    """The objects of one cluster, at first its namespaces, nodes and DNS."""

    def __init__(
        self, nodes: int = 2, families: Sequence[int] = (4,), version: KubernetesVersion = LATEST
    ) -> None:
        self.version = version
        self._families = families
        self._objects: dict[ObjectKey, KubernetesObject] = {}
        self._scheduled = 0
        self._reserved: dict[ObjectKey, Pod] = {}
        self._events: list[WatchEvent] = []
        for name in KEPT_NAMESPACES:
            self.store(Namespace(name))
        for number in range(1, nodes + 1):
            ips = tuple(addresses.node_ip(number, family) for family in families)
            cidrs = tuple(addresses.pod_cidr(number, family) for family in families)
            self._set(Node(f"node-{number}", ips, cidrs))
        self.store(DNS_POD)
        ips = tuple(addresses.DNS[family] for family in families)
        self.store(replace(DNS_SERVICE, cluster_ips=ips))

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """Store what ``manifests`` describe, in order, and return it as stored.

        Raises as ``store``, and ManifestError; what came before it is stored.
        """
        return tuple(self.store(item) for item in iter_decode(manifests, version=self.version))

    def store(self, item: KubernetesObject) -> KubernetesObject:
        """Admit, complete and store one object.

        Raises ManifestError if an API server refuses it, CapacityError if it would not.
        """
        space = ObjectKey("Namespace", "", item.key.namespace)
        if space.name and space not in self._objects:
            raise _refusal(item.key, f'namespaces "{space.name}" not found')
        match item:
            case Namespace():
                return self._set(named_by_label(item, self.version))
            case Node():
                return self._relabelled(item)
            case Pod():
                return self._set(self._placed(item))
            case Service():
                return self._set(self._reachable(item))
        return self._set(item)

    def delete(self, key: ObjectKey) -> None:
        """Remove an object, a namespace with all that is in it; raises ManifestError."""
        self._check_presence(key)
        if key.kind == "Node":
            raise _refusal(key, f'nodes "{key.name}" is forbidden: it is still running')
        if key.kind == "Namespace":
            if key.name in KEPT_NAMESPACES:
                message = f'namespaces "{key.name}" is forbidden: this namespace may not be deleted'
                raise _refusal(key, message)
            for other in [each for each in self._objects if each.namespace == key.name]:
                self.delete(other)
        self._events.append(WatchEvent("DELETED", self._objects.pop(key)))

    def finish(self, key: ObjectKey) -> None:
        """Have a pod run to its end, as a kubelet tells it; raises ManifestError."""
        self._set(replace(self.pod(key), phase="Succeeded"))

    def reserve(self, pods: Mapping[ObjectKey, Pod]) -> None:
        """Have new pods, by their keys, take the node and addresses of old ones."""
        self._reserved.update(pods)

    def drain(self) -> tuple[WatchEvent, ...]:
        """What a watch would tell of what happened since the last call, in order."""
        events, self._events = tuple(self._events), []
        return events

    def state(self) -> ClusterState:
        """All objects."""
        return ClusterState(version=self.version).with_objects(*self._objects.values())

    def pod(self, key: ObjectKey) -> Pod:
        """The pod of this key; raises ManifestError."""
        self._check_presence(key)
        pod = self._objects[key]
        assert isinstance(pod, Pod)
        return pod

    def pods(self) -> Iterator[Pod]:
        """The pods, in the order of their creation."""
        return self._of(Pod)

    def nodes(self) -> Iterator[Node]:
        """The nodes, in the order of their numbers."""
        return self._of(Node)

    def _set(self, item: _Object) -> _Object:
        before = self._objects.get(item.key)
        if item != before:
            self._objects[item.key] = item
            self._events.append(WatchEvent("MODIFIED" if before else "ADDED", item))
        return item

    def _check_presence(self, key: ObjectKey) -> None:
        if key not in self._objects:
            hint = did_you_mean(str(key), map(str, self._objects))
            message = f'{self._resource(key.kind)} "{key.name}" not found'
            raise ManifestError(message, [Problem(0, str(key), "", f"there is no {key}", hint)])

    def _resource(self, kind: str) -> str:
        if kind != "NetworkPolicy":
            return f"{kind.lower()}s"
        group, _ = self.version.policy_api_versions[0].split("/")
        return f"networkpolicies.{group}"

    def _of(self, kind: type[_Object]) -> Iterator[_Object]:
        return (item for item in self._objects.values() if isinstance(item, kind))

    def _relabelled(self, node: Node) -> Node:
        """The node of that name with these labels, and on it pods that waited for them."""
        before = self._objects.get(node.key)
        if not isinstance(before, Node):
            raise addresses.CapacityError(
                f"there is no node {node.name}: ask for more nodes when the cluster starts"
            )
        stored = self._set(replace(before, labels=node.labels))
        for pod in [pod for pod in self.pods() if pod.phase == "Pending" and pod.node_selector]:
            self._set(self._placed(replace(pod, phase="Running")))
        return stored

    def _placed(self, pod: Pod) -> Pod:
        """The pod on a node and with its addresses, unless it waits for a node to appear."""
        before = self._objects.get(pod.key)
        if isinstance(before, Pod):
            pod = _updated(before, pod)
        elif pod.ips:
            pod = replace(pod, ips=())
        if pod.ips or pod.phase == "Pending" or pod.finished:
            return pod
        if (old := self._reserved.pop(pod.key, None)) is not None:
            return replace(pod, node=old.node, ips=old.ips)
        node = self._node_for(pod)
        if node is None:
            return replace(pod, phase="Pending")
        return replace(pod, node=node.name, ips=self._pod_ips(pod, node))

    def _node_for(self, pod: Pod) -> Node | None:
        """The node that the pod names, or else the next in turn of those that are fit for it."""
        nodes = [node for node in self.nodes() if pod.node in ("", node.name) and pod.fits(node)]
        if pod.node or not nodes:
            return next(iter(nodes), None)
        self._scheduled += 1
        return nodes[(self._scheduled - 1) % len(nodes)]

    def _pod_ips(self, pod: Pod, node: Node) -> tuple[IPAddress, ...]:
        if pod.host_network:
            return node.ips
        used = {ip for other in self.pods() if not other.finished for ip in other.ips}
        return tuple(addresses.free_pod_ip(network, used) for network in node.pod_cidrs)

    def _reachable(self, service: Service) -> Service:
        """The Service with the addresses and node ports that its type calls for."""
        before = self._objects.get(service.key)
        others = [other for other in self._of(Service) if other.key != service.key]
        old = before if isinstance(before, Service) else service
        exposed = service.type in ("NodePort", "LoadBalancer")
        return replace(
            service,
            cluster_ips=() if service.headless else self._cluster_ips(service, old, others),
            load_balancer_ips=(
                self._load_balancer_ips(old, others) if service.type == "LoadBalancer" else ()
            ),
            ports=self._node_ports(service, old, others) if exposed else service.ports,
        )

    def _cluster_ips(
        self, service: Service, old: Service, others: Sequence[Service]
    ) -> tuple[IPAddress, ...]:
        used = {ip for other in others for ip in other.cluster_ips}
        wanted: dict[int, IPAddress] = {
            ip.version: ip for ip in service.cluster_ips or old.cluster_ips
        }
        for ip in wanted.values():
            if ip in used:
                raise _refusal(
                    service.key,
                    f'The Service "{service.name}" is invalid: spec.clusterIPs: Invalid value: '
                    f'["{ip}"]: failed to allocate IP {ip}: provided IP is already allocated',
                )
        return tuple(
            wanted.get(family) or addresses.free_service_ip(family, used)
            for family in self._families
        )

    def _load_balancer_ips(self, old: Service, others: Sequence[Service]) -> tuple[IPAddress, ...]:
        used = {ip for other in others for ip in other.load_balancer_ips}
        return old.load_balancer_ips or tuple(
            addresses.free_load_balancer_ip(family, used) for family in self._families
        )

    @staticmethod
    def _node_ports(
        service: Service, old: Service, others: Sequence[Service]
    ) -> tuple[ServicePort, ...]:
        kept = {(port.port, port.protocol): port.node_port for port in old.ports}
        used = {port.node_port for other in others for port in other.ports if port.node_port}
        given = []
        for index, port in enumerate(service.ports):
            number = port.node_port or kept.get((port.port, port.protocol))
            number = number or addresses.free_node_port(used)
            if number in used:
                raise _refusal(
                    service.key,
                    f'The Service "{service.name}" is invalid: spec.ports[{index}].nodePort: '
                    f"Invalid value: {number}: provided port is already allocated",
                )
            used.add(number)
            given.append(replace(port, node_port=number))
        return tuple(given)


def _updated(before: Pod, pod: Pod) -> Pod:
    """``before`` as ``pod`` says, which has not to say where it runs, nor that it has ended."""
    pod = replace(
        pod,
        node=pod.node or before.node,
        ips=before.ips,
        phase=before.phase if before.finished else pod.phase,
    )
    if before.node and _fixed(pod) != _fixed(before):
        raise _refusal(
            pod.key,
            f'The Pod "{pod.name}" is invalid: spec: Forbidden: pod updates may not change '
            "fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
            "`spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing "
            "tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if "
            "it was previously negative)",
        )
    return pod


def _fixed(pod: Pod) -> tuple[object, ...]:
    """What the server lets nobody change of a pod that has a node."""
    return pod.node, pod.ports, pod.host_network, dict(pod.node_selector)


def _refusal(key: ObjectKey, message: str) -> ManifestError:
    return ManifestError(message, [Problem(0, str(key), "", message)])
