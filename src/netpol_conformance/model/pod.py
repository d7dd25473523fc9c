"""Pod from its manifest. Of its fields only those matter that a policy or a Service can see."""

from __future__ import annotations

from collections.abc import Iterable

from netpol_conformance.model.metadata import (
    METADATA,
    PROTOCOL,
    Context,
    read_metadata,
    read_protocol,
)
from netpol_conformance.model.names import (
    NOT_AN_IP,
    dns_label,
    dns_subdomain,
    parse_ip,
    port_name,
    port_number,
)
from netpol_conformance.model.objects import ContainerPort, IPAddress, Pod
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    BOOL,
    INT32,
    STRING,
    Fields,
    ListOf,
    Struct,
    enumeration,
    ignored,
)

_PORT = Struct(
    "ContainerPort",
    {
        "containerPort": INT32,
        "name": STRING,
        "protocol": PROTOCOL,
        "hostPort": INT32,
        "hostIP": STRING,
    },
)
_CONTAINER = Struct(
    "Container",
    {
        "name": STRING,
        "image": STRING,
        "ports": ListOf(_PORT),
        "restartPolicy": enumeration("v1.ContainerRestartPolicy"),
        **ignored(
            *("args", "command", "env", "envFrom", "imagePullPolicy", "lifecycle"),
            *("livenessProbe", "readinessProbe", "resizePolicy", "resources"),
            *("restartPolicyRules", "securityContext", "startupProbe", "stdin", "stdinOnce"),
            *("terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices"),
            *("volumeMounts", "workingDir"),
        ),
    },
)
_SPEC = Struct(
    "PodSpec",
    {
        "containers": ListOf(_CONTAINER),
        "initContainers": ListOf(_CONTAINER),
        "hostNetwork": BOOL,
        "nodeName": STRING,
        **ignored(
            *("activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "dnsConfig"),
            *("dnsPolicy", "enableServiceLinks", "ephemeralContainers", "hostAliases", "hostIPC"),
            *("hostPID", "hostUsers", "hostname", "hostnameOverride", "imagePullSecrets"),
            *("nodeSelector", "os", "overhead", "preemptionPolicy", "priority"),
            *("priorityClassName", "readinessGates", "resourceClaims", "resources"),
            *("restartPolicy", "runtimeClassName", "schedulerName", "schedulingGates"),
            *("securityContext", "serviceAccount", "serviceAccountName"),
            *("setHostnameAsFQDN", "shareProcessNamespace", "subdomain"),
            *("terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints"),
            "volumes",
        ),
    },
)
_STATUS = Struct(
    "PodStatus",
    {
        "phase": enumeration("v1.PodPhase"),
        "podIP": STRING,
        "podIPs": ListOf(Struct("PodIP", {"ip": STRING})),
        **ignored(
            *("conditions", "containerStatuses", "ephemeralContainerStatuses"),
            *("extendedResourceClaimStatus", "hostIP", "hostIPs", "initContainerStatuses"),
            *("message", "nominatedNodeName", "observedGeneration", "qosClass", "reason"),
            *("resize", "resourceClaimStatuses", "startTime"),
        ),
    },
)
SCHEMA = Struct(
    "Pod",
    {**ignored("apiVersion", "kind"), "metadata": METADATA, "spec": _SPEC, "status": _STATUS},
)


def read(fields: Fields, context: Context, faults: Faults) -> Pod:
    """The pod whose fields these are; ``faults`` is left empty if it is valid."""
    meta = read_metadata(fields, dns_subdomain, context, faults)
    spec: Fields = fields.get("spec", {})
    status: Fields = fields.get("status", {})
    containers: list[Fields] = spec.get("containers", [])
    if not containers:
        faults.required(("spec", "containers"))
    node: str = spec.get("nodeName", "")
    if node:
        faults.each_invalid(("spec", "nodeName"), node, dns_subdomain(node))
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        labels=meta.labels,
        annotations=meta.annotations,
        ports=_ports(containers, spec.get("initContainers", []), faults),
        image=containers[0].get("image", "") if containers else "",
        node=node,
        host_network=spec.get("hostNetwork", False),
        ips=_addresses(status, faults),
        phase=status.get("phase") or "Running",
    )


def _ports(
    containers: list[Fields], init: list[Fields], faults: Faults
) -> tuple[ContainerPort, ...]:
    """All ports: the containers', then those of the init containers that keep running."""
    names: set[str] = set()
    ports: list[ContainerPort] = []
    for field, items in (("containers", containers), ("initContainers", init)):
        for index, container in enumerate(items):
            path = ("spec", field, index)
            _check_container(container, path, names, faults)
            found = tuple(_container_ports(container, path, faults))
            if field == "containers" or container.get("restartPolicy") == "Always":
                ports += found
    return tuple(ports)


def _check_container(container: Fields, path: Path, names: set[str], faults: Faults) -> None:
    name: str = container.get("name", "")
    if not name:
        faults.required((*path, "name"))
    else:
        faults.each_invalid((*path, "name"), name, dns_label(name))
        if name in names:
            faults.duplicate((*path, "name"), name)
        names.add(name)
    if not container.get("image"):
        faults.required((*path, "image"))


def _container_ports(container: Fields, path: Path, faults: Faults) -> Iterable[ContainerPort]:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports", ())):
        yield _port(port, (*path, "ports", index), names, faults)


def _port(fields: Fields, path: Path, names: set[str], faults: Faults) -> ContainerPort:
    name: str = fields.get("name", "")
    number: int = fields.get("containerPort", 0)
    if name:
        reasons = port_name(name)
        faults.each_invalid((*path, "name"), name, reasons)
        if name in names and not reasons:
            faults.duplicate((*path, "name"), name)
        names.add(name)
    if not number:
        faults.required((*path, "containerPort"))
    else:
        faults.each_invalid((*path, "containerPort"), number, port_number(number))
    host: int = fields.get("hostPort", 0)
    if host:
        faults.each_invalid((*path, "hostPort"), host, port_number(host))
    return ContainerPort(number, read_protocol(fields, path, faults), name)


def _addresses(status: Fields, faults: Faults) -> tuple[IPAddress, ...]:
    listed = [item.get("ip", "") for item in status.get("podIPs", ())]
    texts = listed or [status.get("podIP", "")]
    addresses = []
    for index, text in enumerate(texts):
        address = parse_ip(text) if text else None
        if address is not None:
            addresses.append(address)
        elif text:
            path = ("status", "podIPs", index, "ip") if listed else ("status", "podIP")
            faults.invalid(path, text, NOT_AN_IP)
    return tuple(addresses)
