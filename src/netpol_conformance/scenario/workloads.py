"""A scenario's short forms -> whole namespaces, pods, Services and outside hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from netpol_conformance.api.addresses import is_inside
from netpol_conformance.api.server import KEPT_NAMESPACES
from netpol_conformance.model.cluster_scoped import named_by_label
from netpol_conformance.model.decode import ManifestError, decode_object
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
    ContainerPort,
    KubernetesObject,
    Namespace,
    ObjectKey,
    Pod,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.errors import Complaints, FieldPath, did_you_mean
from netpol_conformance.scenario.names import RESERVED, pod
from netpol_conformance.scenario.schema import OutsidePart, PodPart, ScenarioFile, ServicePart
from netpol_conformance.scenario.types import OutsideSpec

SERVER_IMAGE = "netpol-conformance/probe"
"""The image of a pod that names none: servers of our own on its ports."""

Declared = tuple[FieldPath, KubernetesObject]
"""An object, and the field of the file that it comes from."""


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
    declared = [*_namespaces(file, version), *_pods(file), *_services(file)]
    _check_references(file, complaints)
    _check_objects(declared, version, complaints)
    groups: dict[tuple[str, str], tuple[str, ...]] = {}
    for key, part in file.pods.items():
        _, namespace, name = pod(key)
        groups[namespace, name] = tuple(_replica_names(name, part))
    return Workloads(
        tuple(item for _, item in declared),
        groups,
        tuple(_outside_hosts(file, complaints)),
    )


def _namespaces(file: ScenarioFile, version: KubernetesVersion) -> Iterator[Declared]:
    for name, part in file.namespaces.items():
        bare = Namespace(name, part.labels, part.annotations)
        yield ("namespaces", name), named_by_label(bare, version)


def _pods(file: ScenarioFile) -> Iterator[Declared]:
    turn = 0
    for key, part in file.pods.items():
        _, namespace, name = pod(key)
        for replica in _replica_names(name, part):
            yield (
                ("pods", key),
                Pod(
                    namespace,
                    replica,
                    part.labels,
                    ports=_ports(part),
                    image=part.image or SERVER_IMAGE,
                    node=part.node or f"node-{turn % file.cluster.nodes + 1}",
                    host_network=part.host_network,
                ),
            )
            turn += 1


def _services(file: ScenarioFile) -> Iterator[Declared]:
    for key, part in file.pods.items():
        if part.service is not None:
            yield ("pods", key, "service"), _service(pod(key), part, part.service)


def _replica_names(name: str, part: PodPart) -> list[str]:
    if part.replicas is None:
        return [name]
    return [f"{name}-{number}" for number in range(1, part.replicas + 1)]


def _ports(part: PodPart) -> tuple[ContainerPort, ...]:
    if not part.ports and part.image.partition(":")[0] == "nginx":
        return (ContainerPort(80),)
    return tuple(part.ports)


def _service(behind: ObjectKey, part: PodPart, service: ServicePart) -> Service:
    port: ContainerPort = service.port
    target = port.number if service.target_port is None else service.target_port
    return Service(
        behind.namespace,
        service.name or behind.name,
        part.labels,
        (ServicePort(port.number, target, port.protocol, port.name),),
        service.type,
        service.headless,
        service.external_traffic_policy,
    )


def _check_references(file: ScenarioFile, complaints: Complaints) -> None:
    """Whether the namespaces and nodes that pods speak of are there."""
    for name in sorted(RESERVED & set(file.namespaces)):
        complaints.add(("namespaces", name), f'"{name}" has a meaning of its own in expectations')
    namespaces = {*KEPT_NAMESPACES, *file.namespaces}
    nodes = [f"node-{number}" for number in range(1, file.cluster.nodes + 1)]
    for key, part in file.pods.items():
        namespace = pod(key).namespace
        if namespace not in namespaces:
            hint = did_you_mean(namespace, file.namespaces)
            hint = hint or f"declare it: namespaces: {{{namespace}: {{}}}}"
            complaints.add(("pods", key), f'namespace "{namespace}" does not exist', hint)
        if part.node and part.node not in nodes:
            reason = f'there is no node "{part.node}"'
            complaints.add(("pods", key, "node"), reason, did_you_mean(part.node, nodes))
        if part.service is not None and not part.labels:
            reason = "a Service selects its pods by their labels, and they have none"
            complaints.add(("pods", key, "service"), reason, f"add labels: {{app: {key}}}")


def _check_objects(
    declared: list[Declared], version: KubernetesVersion, complaints: Complaints
) -> None:
    """Whether names are unique, and the API would take the objects."""
    seen: set[ObjectKey] = set()
    for where, item in declared:
        if item.key in seen:
            complaints.add(where, f"there is a second {item.key}")
        seen.add(item.key)
        try:
            decode_object(manifest(item), version=version)
        except ManifestError as error:
            for problem in error.problems:
                complaints.add(where, f"{problem.field}: {problem.cause}", problem.suggestion)


def _outside_hosts(file: ScenarioFile, complaints: Complaints) -> Iterator[OutsideSpec]:
    taken: dict[str, str] = {}
    for name, part in file.outside.items():
        host = _outside(name, part, complaints)
        for text in host.addresses:
            other = taken.setdefault(text, name)
            if other != name:
                complaints.add(("outside", name), f"{other} has the address {text} already")
        yield host


def _outside(name: str, part: OutsidePart, complaints: Complaints) -> OutsideSpec:
    where: FieldPath = ("outside", name)
    addresses = tuple(part.addresses) if part.address is None else (part.address, *part.addresses)
    if not addresses:
        complaints.add(where, "the host has no address", "address: 192.0.2.1, say")
    families = []
    for text in addresses:
        try:
            address = ip_address(text)
        except ValueError:
            complaints.add(where, f'"{text}" is not an IP address')
            continue
        families.append(address.version)
        if _is_special(address) or is_inside(address):
            reason = f"{text} cannot be the address of a host outside the cluster"
            complaints.add(where, reason, "take one of 192.0.2.0/24 or 2001:db8::/32, say")
    if len(set(families)) < len(families):
        complaints.add(where, "the host has two addresses of one family")
    return OutsideSpec(name, addresses, tuple(part.ports))


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address == IPv4Address("255.255.255.255")
    )
