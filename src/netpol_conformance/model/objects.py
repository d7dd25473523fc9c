"""The objects: namespaces, nodes, pods, services, policies, and a cluster's state of them.

All are immutable values, equal by content and safe to pickle. Field names are the API's own in
snake case. ``labels`` and ``annotations`` are plain dicts that nobody may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, NamedTuple

from netpol_conformance.model.version import LATEST, KubernetesVersion

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Labels = Mapping[str, str]


class Protocol(StrEnum):
    """A transport protocol that policies speak of (S25, S61)."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class SourceKind(StrEnum):
    """What a connection can begin at."""

    POD = "pod"
    NODE = "node"
    OUTSIDE = "outside"
    """A host outside the cluster."""


class Direction(StrEnum):
    """The value of ``policyTypes``: seen from the pod that a policy selects."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Operator(StrEnum):
    """The operator of a label selector requirement (S12)."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class ObjectKey(NamedTuple):
    """What names an object: ``kind`` as in manifests, ``namespace`` empty if cluster-scoped."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """``NetworkPolicy default/deny``, ``Node node-1``."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


class _Object:
    """What all kinds have in common; each is the class of its name."""

    __slots__ = ()
    name: str

    @property
    def key(self) -> ObjectKey:
        """The object's key."""
        return ObjectKey(type(self).__name__, getattr(self, "namespace", ""), self.name)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One item of ``matchExpressions``."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """``matchLabels`` (as sorted pairs) and ``matchExpressions``, all ANDed; empty matches all."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class IPBlock:
    """``ipBlock``: ``cidr`` minus ``except`` (S30). Networks are canonical (S32), and
    ``canonical`` is whether ``cidr`` was written so; it means the same either way.
    """

    cidr: IPNetwork
    excepted: tuple[IPNetwork, ...] = ()
    canonical: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class PolicyPeer:
    """An item of ``from`` or ``to``: either ``ip_block``, or one or both selectors (S11, S62)."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """An item of ``ports``: a number, a name, a range, or no port for all of the protocol."""

    protocol: Protocol = Protocol.TCP
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """An item of ``ingress`` or ``egress``. Empty ``peers`` or ``ports`` match all (S14)."""

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkPolicy(_Object):
    """A policy after defaulting: ``policy_types`` is never empty (S60)."""

    namespace: str
    name: str
    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[Direction, ...] = (Direction.INGRESS,)
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()
    labels: Labels = field(default_factory=dict, hash=False)
    api_version: str = "networking.k8s.io/v1"

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...]:
        """The rules of one direction; meaningless unless ``direction`` is in ``policy_types``."""
        return self.ingress if direction is Direction.INGRESS else self.egress


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A container's port, with the name that policies and Services may use (S22)."""

    number: int
    protocol: Protocol = Protocol.TCP
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pod(_Object):
    """A pod. ``ips`` is empty until it has addresses; at most one of each family.

    ``phase`` is the API's: Pending, Running, Succeeded or Failed. A pod that has finished owns
    no address any more, whatever ``ips`` says. ``ports`` are all containers' ports in order.
    ``node_selector`` are labels that its node must have: a pod that none has waits for one.
    """

    namespace: str
    name: str
    labels: Labels = field(default_factory=dict, hash=False)
    annotations: Labels = field(default_factory=dict, hash=False)
    ports: tuple[ContainerPort, ...] = ()
    image: str = ""
    node: str = ""
    host_network: bool = False
    ips: tuple[IPAddress, ...] = ()
    phase: str = "Running"
    node_selector: Labels = field(default_factory=dict, hash=False)

    @property
    def finished(self) -> bool:
        """Whether the pod has ended and its address may be another's (S51)."""
        return self.phase in ("Succeeded", "Failed")

    def fits(self, node: Node) -> bool:
        """Whether the node has the labels that the pod asks for."""
        return all(node.labels.get(key) == value for key, value in self.node_selector.items())


@dataclass(frozen=True, slots=True)
class Namespace(_Object):
    """A namespace; ``labels`` carry ``kubernetes.io/metadata.name`` where the version sets it."""

    name: str
    labels: Labels = field(default_factory=dict, hash=False)
    annotations: Labels = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Node(_Object):
    """A node: its own addresses (``ips``) and the networks its pods' addresses come from."""

    name: str
    ips: tuple[IPAddress, ...] = ()
    pod_cidrs: tuple[IPNetwork, ...] = ()
    labels: Labels = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class TranslatedSource:
    """The address that a pod may see in the place of its client's, behind a Service that does not
    keep it (S41).

    Nobody promises which: the entrance node's, or one that the plugin has on a node. So it is no
    pod's, and whether it is in a block that holds nodes or pods is open; in a block of addresses
    outside the cluster it is not. Nor is it exempt as the pod's own node is (S6): the connection
    is another's.
    """


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A Service's port and where it leads; ``target_port`` is a number or a container port name."""

    port: int
    target_port: int | str
    protocol: Protocol = Protocol.TCP
    name: str = ""
    node_port: int | None = None


ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


@dataclass(frozen=True, slots=True)
class Service(_Object):
    """A Service. ``selector`` empty selects no pod; ``headless`` is ``clusterIP: None``."""

    namespace: str
    name: str
    selector: Labels = field(default_factory=dict, hash=False)
    ports: tuple[ServicePort, ...] = ()
    type: ServiceType = "ClusterIP"
    headless: bool = False
    external_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    cluster_ips: tuple[IPAddress, ...] = ()
    load_balancer_ips: tuple[IPAddress, ...] = ()
    labels: Labels = field(default_factory=dict, hash=False)


KubernetesObject = Namespace | Node | Pod | Service | NetworkPolicy


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change of one object, as in a watch event of the API; DELETED carries its last state."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: KubernetesObject


@dataclass(frozen=True)
class ClusterState:
    """All objects of a cluster at one moment, and the version whose semantics hold (S70-S72).

    The tuples are in no particular order; (kind, namespace, name) is unique in each.
    """

    namespaces: tuple[Namespace, ...] = ()
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    version: KubernetesVersion = LATEST

    def with_objects(self, *objects: KubernetesObject) -> ClusterState:
        """This state with ``objects`` added, each replacing the one of the same key."""
        merged = {item.key: item for item in self.objects()}
        merged.update({item.key: item for item in objects})
        return self._of(merged)

    def without(self, *keys: ObjectKey) -> ClusterState:
        """This state less the objects of these keys; a key that is absent is ignored."""
        gone = set(keys)
        return self._of({item.key: item for item in self.objects() if item.key not in gone})

    def objects(self) -> tuple[KubernetesObject, ...]:
        """All objects, kind by kind."""
        return (*self.namespaces, *self.nodes, *self.pods, *self.services, *self.policies)

    def _of(self, items: Mapping[ObjectKey, KubernetesObject]) -> ClusterState:
        values = items.values()
        return replace(
            self,
            namespaces=tuple(item for item in values if isinstance(item, Namespace)),
            nodes=tuple(item for item in values if isinstance(item, Node)),
            pods=tuple(item for item in values if isinstance(item, Pod)),
            services=tuple(item for item in values if isinstance(item, Service)),
            policies=tuple(item for item in values if isinstance(item, NetworkPolicy)),
        )
