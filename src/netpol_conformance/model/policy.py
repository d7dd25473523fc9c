"""NetworkPolicy from its manifest: S60-S62, and what older versions knew of it (S70-S72).

What a version doesn't know yet:

- ``egress``, ``policyTypes`` and ``ipBlock`` before 1.8, ``endPort`` before 1.21: unknown
  fields. kubectl validates against the server's own schema and refuses them; a server that is
  asked without that validation drops them (here: lenient decoding).
- both selectors in one peer before 1.11, SCTP before 1.19: refused by the server's validation.
- ``endPort`` in 1.21: an alpha field that is off by default, so the server drops it silently.
"""

from __future__ import annotations

from functools import cache

from netpol_conformance.model.metadata import (
    PROTOCOL,
    Context,
    check_labels,
    object_schema,
    read_metadata,
)
from netpol_conformance.model.names import (
    NOT_A_CIDR,
    dns_subdomain,
    label_value,
    parse_cidr,
    parse_ip,
    port_name,
    port_number,
    qualified_name,
)
from netpol_conformance.model.objects import (
    Direction,
    IPBlock,
    IPNetwork,
    LabelSelector,
    NetworkPolicy,
    Operator,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    INT32,
    INT_OR_STRING,
    LABELS,
    STRING,
    STRINGS,
    Fields,
    FieldTypes,
    ListOf,
    Struct,
    enumeration,
    ignored,
)
from netpol_conformance.model.version import KubernetesVersion

_REQUIREMENT = Struct(
    "LabelSelectorRequirement",
    {"key": STRING, "operator": enumeration("v1.LabelSelectorOperator"), "values": STRINGS},
)
_SELECTOR = Struct(
    "LabelSelector", {"matchLabels": LABELS, "matchExpressions": ListOf(_REQUIREMENT)}
)
_IP_BLOCK = Struct("IPBlock", {"cidr": STRING, "except": STRINGS})
_NO_SELECTOR = LabelSelector()


@cache
def schema(version: KubernetesVersion) -> Struct:
    """The fields that NetworkPolicy has in a version."""
    selectors: FieldTypes = {"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR}
    block: FieldTypes = {"ipBlock": _IP_BLOCK} if version.has_egress else {}
    peers = ListOf(Struct("NetworkPolicyPeer", {**selectors, **block}))
    numbers: FieldTypes = {"protocol": PROTOCOL, "port": INT_OR_STRING}
    end: FieldTypes = {"endPort": INT32} if version.knows_end_port else {}
    ports = ListOf(Struct("NetworkPolicyPort", {**numbers, **end}))
    ingress = Struct("NetworkPolicyIngressRule", {"from": peers, "ports": ports})
    egress = Struct("NetworkPolicyEgressRule", {"to": peers, "ports": ports})
    spec: FieldTypes = {"podSelector": _SELECTOR, "ingress": ListOf(ingress)}
    if version.has_egress:
        spec.update(egress=ListOf(egress), policyTypes=ListOf(enumeration("v1.PolicyType")))
    # The field was there while a status was tried out, and taken back.
    status = ignored("status") if (1, 24) <= version < (1, 28) else {}
    return object_schema("NetworkPolicy", spec=Struct("NetworkPolicySpec", spec), **status)


def read(fields: Fields, context: Context, faults: Faults) -> NetworkPolicy:
    """The policy whose fields these are; ``faults`` is left empty if it is valid."""
    meta = read_metadata(fields, dns_subdomain, context, faults)
    spec: Fields = fields.get("spec", {})
    reader = _PolicyReader(context.version, faults)
    selector = reader.selector(spec.get("podSelector", {}), ("spec", "podSelector"))
    ingress = reader.rules(spec, "ingress", "from")
    egress = reader.rules(spec, "egress", "to")
    return NetworkPolicy(
        namespace=meta.namespace,
        name=meta.name,
        pod_selector=selector,
        policy_types=_policy_types(spec, faults),
        ingress=ingress,
        egress=egress,
        labels=meta.labels,
        api_version=str(fields["apiVersion"]),
    )


def _policy_types(spec: Fields, faults: Faults) -> tuple[Direction, ...]:
    """S60: what was written, or ingress, and egress if there is a rule for it."""
    path = ("spec", "policyTypes")
    written: list[str] = spec.get("policyTypes", [])
    if not written:
        rules = bool(spec.get("egress"))
        return (Direction.INGRESS, Direction.EGRESS) if rules else (Direction.INGRESS,)
    if len(written) > len(Direction):
        faults.invalid(path, written, "may not specify more than two policyTypes")
        return ()
    known = {direction.value: direction for direction in Direction}
    for index, value in enumerate(written):
        if value not in known:
            faults.unsupported((*path, index), value, tuple(known))
    return tuple(known[value] for value in dict.fromkeys(written) if value in known)


class _PolicyReader:
    """Reads the parts of one policy's spec."""

    def __init__(self, version: KubernetesVersion, faults: Faults) -> None:
        self._version = version
        self._faults = faults
        tcp_udp = (Protocol.TCP, Protocol.UDP)
        self._protocols = tuple(Protocol) if version.accepts_sctp else tcp_udp

    def rules(self, spec: Fields, direction: str, peers: str) -> tuple[PolicyRule, ...]:
        """The rules of a direction, whose peers are in the field ``peers``."""
        return tuple(
            self._rule(rule, ("spec", direction, index), peers)
            for index, rule in enumerate(spec.get(direction, ()))
        )

    def _rule(self, rule: Fields, path: Path, peers: str) -> PolicyRule:
        ports = tuple(
            self._port(port, (*path, "ports", index))
            for index, port in enumerate(rule.get("ports", ()))
        )
        return PolicyRule(
            peers=tuple(
                self._peer(peer, (*path, peers, index))
                for index, peer in enumerate(rule.get(peers, ()))
            ),
            ports=ports,
        )

    def _port(self, fields: Fields, path: Path) -> PolicyPort:
        protocol = self._protocol(fields.get("protocol", "TCP"), (*path, "protocol"))
        port: int | str | None = fields.get("port")
        end: int | None = fields.get("endPort") if self._version.keeps_end_port else None
        if isinstance(port, int):
            self._faults.each_invalid((*path, "port"), port, port_number(port))
        if end is not None:
            self._check_range(port, end, (*path, "endPort"))
        if isinstance(port, str):
            self._check_name(port, (*path, "port"))
        return PolicyPort(protocol, port, end)

    def _protocol(self, value: str, path: Path) -> Protocol:
        if value in self._protocols:
            return Protocol(value)
        self._faults.unsupported(path, value, self._protocols)
        return Protocol.TCP

    def _check_name(self, name: str, path: Path) -> None:
        suggestion = f"write the number without quotes: {name}" if name.isdecimal() else ""
        for reason in port_name(name):
            self._faults.invalid(path, name, reason, suggestion)

    def _check_range(self, port: int | str | None, end: int, path: Path) -> None:
        if port is None:
            self._faults.invalid(path, end, "may not be specified when `port` is not specified")
        elif isinstance(port, str):
            self._faults.invalid(path, end, "may not be specified when `port` is non-numeric")
        else:
            if end < port:
                # The API server (1.34) shows the value of port here, not that of endPort.
                self._faults.invalid(path, port, "must be greater than or equal to `port`")
            self._faults.each_invalid(path, end, port_number(end))

    def _peer(self, fields: Fields, path: Path) -> PolicyPeer:
        peer = PolicyPeer(
            pod_selector=self._optional_selector(fields, "podSelector", path),
            namespace_selector=self._optional_selector(fields, "namespaceSelector", path),
            ip_block=(
                self._ip_block(fields["ipBlock"], (*path, "ipBlock"))
                if "ipBlock" in fields
                else None
            ),
        )
        if not fields:
            self._faults.required(path, "must specify a peer")
        elif len(fields) > 1 and "ipBlock" in fields:
            self._faults.forbidden(path, "may not specify both ipBlock and another peer")
        elif len(fields) > 1 and not self._version.combines_selectors:
            kind = path[-2]
            self._faults.forbidden(path, f"may not specify more than 1 {kind} type")
        return peer

    def _optional_selector(self, fields: Fields, name: str, path: Path) -> LabelSelector | None:
        return self.selector(fields[name], (*path, name)) if name in fields else None

    def selector(self, fields: Fields, path: Path) -> LabelSelector:
        """A label selector (S12)."""
        if not fields:
            return _NO_SELECTOR
        labels: dict[str, str] = fields.get("matchLabels", {})
        check_labels(labels, (*path, "matchLabels"), self._faults)
        return LabelSelector(
            match_labels=tuple(sorted(labels.items())),
            match_expressions=tuple(
                self._requirement(item, (*path, "matchExpressions", index))
                for index, item in enumerate(fields.get("matchExpressions", ()))
            ),
        )

    def _requirement(self, fields: Fields, path: Path) -> Requirement:
        key, values = fields.get("key", ""), tuple(fields.get("values", ()))
        operator = _OPERATORS.get(fields.get("operator", ""))
        if operator is None:
            suggestion = f"write one of {', '.join(_OPERATORS)}"
            detail, written = "not a valid selector operator", fields.get("operator", "")
            self._faults.invalid((*path, "operator"), written, detail, suggestion)
        elif operator in _WITH_VALUES and not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            self._faults.required((*path, "values"), detail)
        elif operator not in _WITH_VALUES and values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            self._faults.forbidden((*path, "values"), detail)
        self._faults.each_invalid((*path, "key"), key, qualified_name(key))
        for index, value in enumerate(values):
            self._faults.each_invalid((*path, "values", index), value, label_value(value))
        return Requirement(key, operator or Operator.EXISTS, values)

    def _ip_block(self, fields: Fields, path: Path) -> IPBlock | None:
        text: str = fields.get("cidr", "")
        if not text:
            self._faults.required((*path, "cidr"))
            return None
        cidr = parse_cidr(text)
        if cidr is None:
            self._faults.invalid((*path, "cidr"), text, NOT_A_CIDR)
            return None
        excepted = (
            self._excepted(item, cidr, (*path, "except", index))
            for index, item in enumerate(fields.get("except", ()))
        )
        networks = tuple(network for network in excepted if network is not None)
        canonical = parse_ip(text.partition("/")[0]) == cidr.network_address
        return IPBlock(cidr, networks, canonical)

    def _excepted(self, text: str, cidr: IPNetwork, path: Path) -> IPNetwork | None:
        network = parse_cidr(text)
        if network is None:
            self._faults.invalid(path, text, NOT_A_CIDR)
        elif network == cidr or not _within(network, cidr):
            self._faults.invalid(path, text, "must be a strict subset of `cidr`")
        return network


_OPERATORS = {operator.value: operator for operator in Operator}
_WITH_VALUES = (Operator.IN, Operator.NOT_IN)


def _within(inner: IPNetwork, outer: IPNetwork) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
