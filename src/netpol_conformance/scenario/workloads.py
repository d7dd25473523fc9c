"""A scenario's short forms -> whole namespaces, pods, Services and outside hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from netpol_conformance.model.objects import (
    ContainerPort,
    KubernetesObject,
    Namespace,
    Pod,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.errors import Complaints, did_you_mean
from netpol_conformance.scenario.names import RESERVED
from netpol_conformance.scenario.schema import OutsidePart, PodPart, ScenarioFile, ServicePart
from netpol_conformance.scenario.types import OutsideSpec

SERVER_IMAGE = "netpol-conformance/probe"
"""The image of a pod that names none: servers of our own on its ports."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ALWAYS_THERE = frozenset({"default", "kube-system"})
_NAMED_BY_LABEL_SINCE = KubernetesVersion(1, 21)


@dataclass(frozen=True, slots=True)
class Workloads:
    """What exists before the first step.

    ``groups`` maps a pod's key in the file, as (namespace, name), to the names of its replicas.
    """

    objects: tuple[KubernetesObject, ...]
    groups: dict[tuple[str, str], tuple[str, ...]]
    outside: tuple[OutsideSpec, ...]


def expand(file: ScenarioFile, version: KubernetesVersion, complaints: Complaints) -> Workloads:
    """The objects that ``file`` declares; faults go to ``complaints``."""
    for name in sorted(RESERVED & set(file.namespaces)):
        complaints.add(("namespaces", name), f'no namespace may be called "{name}" here')
    pods: list[Pod] = []
    services: list[Service] = []
    groups: dict[tuple[str, str], tuple[str, ...]] = {}
    for key, part in file.pods.items():
        namespace, name = _pod_name(key, file, complaints)
        replicas = list(_replicas(namespace, name, part, file.cluster.nodes, len(pods)))
        pods += replicas
        groups[namespace, name] = tuple(pod.name for pod in replicas)
        if part.service is not None:
            services.append(_service(namespace, name, part, part.service))
            if not part.labels:
                complaints.add(("pods", key, "service"), "a Service selects by labels", "add some")
        _check_node(key, part, file.cluster.nodes, complaints)
    _check_unique(pods, complaints)
    return Workloads(
        (*_namespaces(file, version), *pods, *services),
        groups,
        tuple(_outside(name, part, complaints) for name, part in file.outside.items()),
    )


def named_by_label(namespace: Namespace, version: KubernetesVersion) -> Namespace:
    """The namespace with its ``kubernetes.io/metadata.name`` label, where the version sets it."""
    if version < _NAMED_BY_LABEL_SINCE:
        return namespace
    labels = {**namespace.labels, "kubernetes.io/metadata.name": namespace.name}  # S13
    return Namespace(namespace.name, labels, namespace.annotations)


def _namespaces(file: ScenarioFile, version: KubernetesVersion) -> Iterator[Namespace]:
    for name, part in file.namespaces.items():
        yield named_by_label(Namespace(name, part.labels, part.annotations), version)


def _pod_name(key: str, file: ScenarioFile, complaints: Complaints) -> tuple[str, str]:
    before, slash, after = key.partition("/")
    namespace, name = (before, after) if slash else ("default", before)
    if not _NAME.fullmatch(name):
        complaints.add(("pods", key), f'"{key}" is no pod name', "write name or namespace/name")
    known = _ALWAYS_THERE | set(file.namespaces)
    if namespace not in known:
        hint = (
            did_you_mean(namespace, known)
            if file.namespaces
            else (f"declare it: namespaces: {{{namespace}: {{}}}}")
        )
        complaints.add(("pods", key), f'namespace "{namespace}" does not exist', hint)
    return namespace, name


def _replicas(namespace: str, name: str, part: PodPart, nodes: int, before: int) -> Iterator[Pod]:
    names = (
        [name]
        if part.replicas is None
        else [f"{name}-{number}" for number in range(1, part.replicas + 1)]
    )
    for turn, replica in enumerate(names, before):
        yield Pod(
            namespace,
            replica,
            part.labels,
            ports=_ports(part),
            image=part.image or SERVER_IMAGE,
            node=part.node or f"node-{turn % nodes + 1}",
            host_network=part.host_network,
        )


def _ports(part: PodPart) -> tuple[ContainerPort, ...]:
    if not part.ports and part.image.partition(":")[0] == "nginx":
        return (ContainerPort(80),)
    return tuple(part.ports)


def _service(namespace: str, name: str, part: PodPart, service: ServicePart) -> Service:
    port: ContainerPort = service.port
    target = port.number if service.target_port is None else service.target_port
    return Service(
        namespace,
        service.name or name,
        part.labels,
        (ServicePort(port.number, target, port.protocol, port.name),),
        service.type,
        service.headless,
        service.external_traffic_policy,
    )


def _check_node(key: str, part: PodPart, nodes: int, complaints: Complaints) -> None:
    known = [f"node-{number}" for number in range(1, nodes + 1)]
    if part.node and part.node not in known:
        reason = f'there is no node "{part.node}" among {nodes}'
        complaints.add(("pods", key, "node"), reason, did_you_mean(part.node, known))


def _check_unique(pods: list[Pod], complaints: Complaints) -> None:
    seen: set[tuple[str, str]] = set()
    for pod in pods:
        if (pod.namespace, pod.name) in seen:
            complaints.add(("pods",), f"two pods are called {pod.namespace}/{pod.name}")
        seen.add((pod.namespace, pod.name))


def _outside(name: str, part: OutsidePart, complaints: Complaints) -> OutsideSpec:
    addresses = tuple(part.addresses) if part.address is None else (part.address, *part.addresses)
    if not addresses:
        complaints.add(("outside", name), "the host has no address", "address: 192.0.2.1, say")
    for text in addresses:
        try:
            ip_address(text)
        except ValueError:
            complaints.add(("outside", name), f'"{text}" is not an IP address')
    return OutsideSpec(name, addresses, tuple(part.ports))
