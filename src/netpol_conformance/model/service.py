"""Service from its manifest, and the endpoints of its ports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

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
    dns_label,
    port_number,
    port_number_or_name,
    service_name,
)
from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    Pod,
    Service,
    ServicePort,
    ServiceType,
)
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    INT32,
    INT_OR_STRING,
    LABELS,
    STRING,
    STRINGS,
    Fields,
    ListOf,
    Struct,
    enumeration,
    ignored,
)

_PORT = Struct(
    "ServicePort",
    {
        "port": INT32,
        "targetPort": INT_OR_STRING,
        "protocol": PROTOCOL,
        "name": STRING,
        "nodePort": INT32,
        **ignored("appProtocol"),
    },
)
_SPEC = Struct(
    "ServiceSpec",
    {
        "selector": LABELS,
        "ports": ListOf(_PORT),
        "type": enumeration("v1.ServiceType"),
        "clusterIP": STRING,
        "clusterIPs": STRINGS,
        "externalTrafficPolicy": enumeration("v1.ServiceExternalTrafficPolicy"),
        "loadBalancerIP": STRING,
        **ignored(
            *("allocateLoadBalancerNodePorts", "externalIPs", "externalName"),
            *("healthCheckNodePort", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy"),
            *("ipFamily", "loadBalancerClass", "loadBalancerSourceRanges"),
            *("publishNotReadyAddresses", "sessionAffinity", "sessionAffinityConfig"),
            *("topologyKeys", "trafficDistribution"),
        ),
    },
)
_BALANCER = Struct(
    "LoadBalancerStatus",
    {
        "ingress": ListOf(
            Struct("LoadBalancerIngress", {"ip": STRING, **ignored("hostname", "ipMode", "ports")})
        )
    },
)
_STATUS = Struct("ServiceStatus", {"loadBalancer": _BALANCER, **ignored("conditions")})
SCHEMA = object_schema("Service", spec=_SPEC, status=_STATUS)

_TYPES: tuple[ServiceType, ...] = get_args(ServiceType)
_EXTERNAL_NAME = "ExternalName"
_NODE_PORTS = range(30000, 32768)
_HEADLESS = "None"


def read(fields: Fields, context: Context, faults: Faults) -> Service:
    """The Service whose fields these are; ``faults`` is left empty if it is valid.

    An ExternalName Service leads to no pod and no address of the cluster. Read back from a real
    cluster it becomes a headless Service that selects nothing; in a manifest it is refused.
    """
    meta = read_metadata(fields, service_name, context, faults)
    spec: Fields = fields.get("spec", {})
    external = context.live and spec.get("type") == _EXTERNAL_NAME
    addresses: list[str] = spec.get("clusterIPs", []) or [spec.get("clusterIP", "")]
    headless = external or addresses[0] == _HEADLESS
    type_: ServiceType = "ClusterIP" if external else _type(spec, headless=headless, faults=faults)
    selector: dict[str, str] = spec.get("selector", {})
    check_labels(selector, ("spec", "selector"), faults)
    policy = _traffic_policy(spec, type_, faults)
    cluster_ips = ((("spec", "clusterIPs", i), text) for i, text in enumerate(addresses))
    return Service(
        namespace=meta.namespace,
        name=meta.name,
        selector={} if external else selector,
        ports=_PortReader(type_, context, faults).ports(spec, headless=headless),
        type=type_,
        headless=headless,
        external_traffic_policy="Local" if policy == "Local" else "Cluster",
        cluster_ips=() if headless else _given(cluster_ips, faults),
        load_balancer_ips=_balancer_ips(fields, faults),
        labels=meta.labels,
    )


def _type(spec: Fields, *, headless: bool, faults: Faults) -> ServiceType:
    value: str = spec.get("type", "") or "ClusterIP"
    if value == _EXTERNAL_NAME:
        faults.forbidden(("spec", "type"), "ExternalName leads to no pod; leave the Service out")
        return "ClusterIP"
    if value not in _TYPES:
        faults.unsupported(("spec", "type"), value, sorted((*_TYPES, _EXTERNAL_NAME)))
        return "ClusterIP"
    if headless and value != "ClusterIP":
        detail = f"may not be set to 'None' for {value} services"
        faults.invalid(("spec", "clusterIPs", 0), _HEADLESS, detail)
    return value


def _traffic_policy(spec: Fields, type_: ServiceType, faults: Faults) -> str:
    path = ("spec", "externalTrafficPolicy")
    value: str = spec.get("externalTrafficPolicy", "")
    if value and type_ == "ClusterIP":
        faults.invalid(path, value, "may only be set for externally-accessible services")
    elif value and value not in ("Cluster", "Local"):
        faults.unsupported(path, value, ("Cluster", "Local"))
    return value


class _PortReader:
    """Reads the ports of one Service of the given type."""

    def __init__(self, type_: ServiceType, context: Context, faults: Faults) -> None:
        self._type = type_
        self._live = context.live
        self._faults = faults
        self._names: set[str] = set()
        self._pairs: set[tuple[str, int]] = set()

    def ports(self, spec: Fields, *, headless: bool) -> tuple[ServicePort, ...]:
        """All ports; only a headless Service may have none."""
        path = ("spec", "ports")
        items: list[Fields] = spec.get("ports", [])
        if not items and not headless:
            self._faults.required(path)
        several = len(items) > 1
        return tuple(
            self._port(item, (*path, index), named=several) for index, item in enumerate(items)
        )

    def _port(self, fields: Fields, path: Path, *, named: bool) -> ServicePort:
        name: str = fields.get("name", "")
        self._check_name(name, path, named=named)
        number: int = fields.get("port", 0)
        self._faults.each_invalid((*path, "port"), number, port_number(number))
        protocol = read_protocol(fields, path, self._faults)
        target: int | str = fields.get("targetPort") or number
        self._faults.each_invalid((*path, "targetPort"), target, port_number_or_name(target))
        pair = (fields.get("protocol") or protocol, number)
        if pair in self._pairs:
            self._faults.duplicate(path, _shown(*pair))
        self._pairs.add(pair)
        return ServicePort(number, target, protocol, name, self._node_port(fields, path))

    def _check_name(self, name: str, path: Path, *, named: bool) -> None:
        if not name and named:
            self._faults.required((*path, "name"))
        elif name:
            self._faults.each_invalid((*path, "name"), name, dns_label(name))
            if name in self._names:
                self._faults.duplicate((*path, "name"), name)
            self._names.add(name)

    def _node_port(self, fields: Fields, path: Path) -> int | None:
        number: int = fields.get("nodePort", 0)
        path = (*path, "nodePort")
        if number and self._type == "ClusterIP":
            self._faults.forbidden(path, "may not be used when `type` is 'ClusterIP'")
        elif number and number not in _NODE_PORTS and not self._live:
            ends = f"{_NODE_PORTS.start}-{_NODE_PORTS.stop - 1}"
            detail = f"provided port is not in the valid range. The range of valid ports is {ends}"
            self._faults.invalid(path, number, detail)
        return number or None


def _shown(protocol: str, number: int) -> dict[str, object]:
    """How the API server shows a port of which there are two: only what makes them the same."""
    same = {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number}
    return {**same, "TargetPort": 0, "NodePort": 0}


def _balancer_ips(fields: Fields, faults: Faults) -> tuple[IPAddress, ...]:
    """The addresses that were given; else the one that was asked for."""
    wanted: str = fields.get("spec", {}).get("loadBalancerIP", "")
    status: Fields = fields.get("status", {}).get("loadBalancer", {})
    asked: list[tuple[Path, str]] = [(("spec", "loadBalancerIP"), wanted)]
    given: list[tuple[Path, str]] = [
        (("status", "loadBalancer", "ingress", index, "ip"), item.get("ip", ""))
        for index, item in enumerate(status.get("ingress", ()))
    ]
    return _given(given or asked, faults)


def _given(texts: Iterable[tuple[Path, str]], faults: Faults) -> tuple[IPAddress, ...]:
    return read_addresses(((path, text) for path, text in texts if text), faults)


def endpoints(
    state: ClusterState, service: Service, port: ServicePort
) -> tuple[tuple[Pod, int], ...]:
    """The ready backends of a Service's port, each with the number of its target port.

    Ready is a pod that runs and has an address. A target port given by name is looked up on each
    pod by name and protocol; a pod that lacks it is no backend. In the order of ``state.pods``.
    """
    if not service.selector:
        return ()
    wanted = service.selector.items()
    backends = []
    for pod in state.pods:
        if pod.namespace != service.namespace or not wanted <= pod.labels.items():
            continue
        number = _target_port(pod, port)
        if number is not None and pod.phase == "Running" and pod.ips:
            backends.append((pod, number))
    return tuple(backends)


def _target_port(pod: Pod, port: ServicePort) -> int | None:
    if isinstance(port.target_port, int):
        return port.target_port
    matching = (
        candidate.number
        for candidate in pod.ports
        if candidate.name == port.target_port and candidate.protocol is port.protocol
    )
    return next(matching, None)
