"""Pod from its manifest. Of its fields only those matter that a policy or a Service can see."""

from __future__ import annotations

from netpol_conformance.model.metadata import (
    PROTOCOL,
    Context,
    check_labels,
    object_schema,
    read_addresses,
    read_metadata,
    read_protocol,
)
from netpol_conformance.model.names import (
    Reasons,
    dns_label,
    dns_subdomain,
    port_name,
    port_number,
)
from netpol_conformance.model.objects import ContainerPort, IPAddress, Labels, Pod
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    BOOL,
    INT32,
    LABELS,
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
        "nodeSelector": LABELS,
        **ignored(
            *("activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "dnsConfig"),
            *("dnsPolicy", "enableServiceLinks", "ephemeralContainers", "hostAliases", "hostIPC"),
            *("hostPID", "hostUsers", "hostname", "hostnameOverride", "imagePullSecrets"),
            *("os", "overhead", "preemptionPolicy", "priority"),
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
SCHEMA = object_schema("Pod", spec=_SPEC, status=_STATUS)


def read(fields: Fields, context: Context, faults: Faults) -> Pod:
    """The pod whose fields these are; ``faults`` is left empty if it is valid."""
    meta = read_metadata(fields, dns_subdomain, context, faults)
    spec: Fields = fields.get("spec", {})
    status: Fields = fields.get("status", {})
    containers: list[Fields] = spec.get("containers", [])
    if not containers:
        faults.required(("spec", "containers"))
    host_network: bool = spec.get("hostNetwork", False)
    node: str = spec.get("nodeName", "")
    if node:
        faults.each_invalid(("spec", "nodeName"), node, dns_subdomain(node))
    node_selector: Labels = spec.get("nodeSelector", {})
    check_labels(node_selector, ("spec", "nodeSelector"), faults)
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        labels=meta.labels,
        annotations=meta.annotations,
        ports=_ContainerReader(faults, host_network=host_network).ports(spec),
        image=containers[0].get("image", "") if containers else "",
        node=node,
        host_network=host_network,
        ips=_addresses(status, faults),
        phase=status.get("phase") or "Running",
        node_selector=node_selector,
    )


class _ContainerReader:
    """Reads what matters of one pod's containers: their ports, with what makes them valid."""

    def __init__(self, faults: Faults, *, host_network: bool) -> None:
        self._faults = faults
        self._host_network = host_network
        self._names: set[str] = set()
        self._host_ports: set[str] = set()

    def ports(self, spec: Fields) -> tuple[ContainerPort, ...]:
        """All ports: the containers', then those of the init containers that keep running."""
        ports: list[ContainerPort] = []
        for field in ("containers", "initContainers"):
            for index, container in enumerate(spec.get(field, ())):
                found = self._container(container, ("spec", field, index))
                if field == "containers" or container.get("restartPolicy") == "Always":
                    ports += found
        return tuple(ports)

    def _container(self, container: Fields, path: Path) -> list[ContainerPort]:
        name: str = container.get("name", "")
        if name:
            self._check_name(name, dns_label(name), self._names, (*path, "name"))
        else:
            self._faults.required((*path, "name"))
        if not container.get("image"):
            self._faults.required((*path, "image"))
        names: set[str] = set()
        return [
            self._port(port, (*path, "ports", index), names)
            for index, port in enumerate(container.get("ports", ()))
        ]

    def _port(self, fields: Fields, path: Path, names: set[str]) -> ContainerPort:
        name: str = fields.get("name", "")
        number: int = fields.get("containerPort", 0)
        if name:
            self._check_name(name, port_name(name), names, (*path, "name"))
        if number:
            self._faults.each_invalid((*path, "containerPort"), number, port_number(number))
        else:
            self._faults.required((*path, "containerPort"))
        self._check_host_port(fields, number, path)
        return ContainerPort(number, read_protocol(fields, path, self._faults), name)

    def _check_host_port(self, fields: Fields, number: int, path: Path) -> None:
        """On the host's network a port is a host port, of the same number, too."""
        host: int = fields.get("hostPort") or (number if self._host_network else 0)
        if not host:
            return
        self._faults.each_invalid((*path, "hostPort"), host, port_number(host))
        if self._host_network and host != number:
            detail = "must match `containerPort` when `hostNetwork` is true"
            self._faults.invalid((*path, "hostPort"), host, detail)
        address = f"{fields.get('protocol') or 'TCP'}/{fields.get('hostIP', '')}/{host}"
        if address in self._host_ports:
            self._faults.duplicate((*path, "hostPort"), address)
        self._host_ports.add(address)

    def _check_name(self, name: str, reasons: Reasons, names: set[str], path: Path) -> None:
        self._faults.each_invalid(path, name, reasons)
        if name in names and not reasons:
            self._faults.duplicate(path, name)
        names.add(name)


def _addresses(status: Fields, faults: Faults) -> tuple[IPAddress, ...]:
    listed = [item.get("ip", "") for item in status.get("podIPs", ())]
    texts: list[tuple[Path, str]] = [(("status", "podIP"), status.get("podIP", ""))]
    if listed:
        texts = [(("status", "podIPs", i, "ip"), text) for i, text in enumerate(listed)]
    return read_addresses(((path, text) for path, text in texts if text), faults)
