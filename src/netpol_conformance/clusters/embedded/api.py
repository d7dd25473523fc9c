"""The API of one cluster, in memory: it admits, completes, stores and tells of objects. Pure.

Manifests are decoded, defaulted and validated by ``model.decode``; here is what only a server
that knows the other objects can do: check that the namespace exists, schedule, allocate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from netpol_conformance.clusters.base import ClusterError, ClusterSpec, RefusedError
from netpol_conformance.clusters.embedded import addresses
from netpol_conformance.enforcer.controller import WatchEvent
from netpol_conformance.model.decode import ManifestError, iter_decode
from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    KubernetesObject,
    Namespace,
    Node,
    ObjectKey,
    Pod,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import KubernetesVersion

SYSTEM_NAMESPACE = "kube-system"

_NAME_LABEL = "kubernetes.io/metadata.name"
_NAME_LABEL_SINCE = KubernetesVersion(1, 21)
_KEPT_NAMESPACES = ("default", SYSTEM_NAMESPACE)
_RESOURCES = {
    "Namespace": "namespaces",
    "Node": "nodes",
    "Pod": "pods",
    "Service": "services",
}
_Object = TypeVar("_Object", bound=KubernetesObject)


class Api:
    """The objects of one cluster. ``events`` gathers what a watch would tell."""

    def __init__(self, spec: ClusterSpec) -> None:
        self.version = spec.version
        self._families = spec.families
        self._objects: dict[ObjectKey, KubernetesObject] = {}
        self._scheduled = 0
        self._reserved: dict[ObjectKey, Pod] = {}
        self._events: list[WatchEvent] = []
        for name in _KEPT_NAMESPACES:
            self.store(Namespace(name))
        for number in range(1, spec.nodes + 1):
            ips = tuple(addresses.node_ip(number, family) for family in spec.families)
            cidrs = tuple(addresses.pod_cidr(number, family) for family in spec.families)
            self._set(Node(f"node-{number}", ips, cidrs))

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """Store what ``manifests`` describe, in order, and return it as stored.

        Raises RefusedError with the server's message; what came before it is stored.
        """
        try:
            return tuple(self.store(item) for item in iter_decode(manifests, version=self.version))
        except ManifestError as error:
            raise RefusedError(str(error)) from error

    def store(self, item: KubernetesObject) -> KubernetesObject:
        """Admit, complete and store one object; raises RefusedError."""
        if item.key.namespace and not self._has("Namespace", item.key.namespace):
            raise RefusedError(f'namespaces "{item.key.namespace}" not found')
        match item:
            case Namespace():
                return self._set(self._labelled(item))
            case Node():
                return self._set(self._known_node(item))
            case Pod():
                return self._set(self._placed(item))
            case Service():
                return self._set(self._reachable(item))
        return self._set(item)

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """Remove objects, a namespace with all that is in it; raises RefusedError."""
        for key in keys:
            if key not in self._objects:
                raise RefusedError(f'{self._resource(key.kind)} "{key.name}" not found')
            if key.kind == "Namespace" and key.name in _KEPT_NAMESPACES:
                raise RefusedError(
                    f'namespaces "{key.name}" is forbidden: this namespace may not be deleted'
                )
            if key.kind == "Node":
                raise RefusedError(f'nodes "{key.name}" is forbidden: it is still running')
            if key.kind == "Namespace":
                self.delete([other for other in self._objects if other.namespace == key.name])
            self._events.append(WatchEvent("DELETED", self._objects.pop(key)))

    def finish(self, keys: Sequence[ObjectKey]) -> None:
        """Have pods run to their end, as a kubelet tells it; raises RefusedError."""
        for key in keys:
            pod = self._objects.get(key)
            if not isinstance(pod, Pod):
                raise RefusedError(f'pods "{key.name}" not found')
            self._set(replace(pod, phase="Succeeded"))

    def reserve(self, pods: Mapping[ObjectKey, Pod]) -> None:
        """Have new pods, by their keys, take the node and addresses of old ones."""
        self._reserved.update(pods)

    def drain(self) -> tuple[WatchEvent, ...]:
        """The events since the last call, in order."""
        events, self._events = tuple(self._events), []
        return events

    def state(self) -> ClusterState:
        """All objects."""
        return ClusterState(version=self.version).with_objects(*self._objects.values())

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

    def _resource(self, kind: str) -> str:
        if kind == "NetworkPolicy":
            group, _ = self.version.policy_api_versions[0].split("/")
            return f"networkpolicies.{group}"
        return _RESOURCES.get(kind, kind)

    def _has(self, kind: str, name: str) -> bool:
        return ObjectKey(kind, "", name) in self._objects

    def _of(self, kind: type[_Object]) -> Iterator[_Object]:
        return (item for item in self._objects.values() if isinstance(item, kind))

    def _labelled(self, namespace: Namespace) -> Namespace:
        """S13: the server sets the label, whatever the manifest says."""
        if self.version < _NAME_LABEL_SINCE:
            return namespace
        return replace(namespace, labels={**namespace.labels, _NAME_LABEL: namespace.name})

    def _known_node(self, node: Node) -> Node:
        before = self._objects.get(node.key)
        if not isinstance(before, Node):
            raise ClusterError(
                f"there is no node {node.name}: ask for more nodes when the cluster starts"
            )
        return replace(before, labels=node.labels)

    def _placed(self, pod: Pod) -> Pod:
        """The pod on a node and with its addresses, unless it waits for a node to appear."""
        before = self._objects.get(pod.key)
        if isinstance(before, Pod):
            pod = self._updated(before, pod)
            if before.ips and (pod.finished or not before.finished):
                return replace(pod, ips=before.ips)
        else:
            pod = replace(pod, ips=())
        if pod.phase == "Pending" or pod.finished:
            return pod
        if (old := self._reserved.pop(pod.key, None)) is not None:
            return replace(pod, node=old.node, ips=old.ips)
        node = self._node_for(pod)
        if node is None:
            return replace(pod, phase="Pending")
        return replace(pod, node=node.name, ips=self._pod_ips(pod, node))

    @staticmethod
    def _updated(before: Pod, pod: Pod) -> Pod:
        pod = replace(pod, node=pod.node or before.node)
        if before.node and _fixed(pod) != _fixed(before):
            raise RefusedError(
                f'The Pod "{pod.name}" is invalid: spec: Forbidden: pod updates may not change '
                "fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
                "`spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing "
                "tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if "
                "it was previously negative)"
            )
        return pod

    def _node_for(self, pod: Pod) -> Node | None:
        nodes = [node for node in self.nodes() if pod.fits(node)]
        if pod.node or not nodes:
            return next((node for node in nodes if node.name == pod.node), None)
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
                raise RefusedError(
                    f'The Service "{service.name}" is invalid: spec.clusterIPs: Invalid value: '
                    f'["{ip}"]: failed to allocate IP {ip}: provided IP is already allocated'
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
                raise RefusedError(
                    f'The Service "{service.name}" is invalid: spec.ports[{index}].nodePort: '
                    f"Invalid value: {number}: provided port is already allocated"
                )
            used.add(number)
            given.append(replace(port, node_port=number))
        return tuple(given)


def _fixed(pod: Pod) -> tuple[object, ...]:
    """What the server lets nobody change of a pod that has a node."""
    return pod.node, pod.ports, pod.host_network, dict(pod.node_selector)
