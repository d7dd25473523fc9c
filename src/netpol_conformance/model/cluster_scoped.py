"""Namespace and Node from their manifests: the kinds that live in no namespace."""

from __future__ import annotations

from dataclasses import replace

from netpol_conformance.model.metadata import Context, object_schema, read_addresses, read_metadata
from netpol_conformance.model.names import (
    NOT_A_CIDR,
    dns_label,
    dns_subdomain,
    label_value,
    parse_cidr,
)
from netpol_conformance.model.objects import IPAddress, IPNetwork, Namespace, Node
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    STRING,
    STRINGS,
    Fields,
    ListOf,
    Struct,
    enumeration,
    ignored,
)
from netpol_conformance.model.version import KubernetesVersion

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label by which every namespace can be selected by its name (S13)."""

NAMESPACE_SCHEMA = object_schema(
    "Namespace", spec=Struct("NamespaceSpec", ignored("finalizers")), **ignored("status")
)
_ADDRESS = Struct("NodeAddress", {"type": enumeration("v1.NodeAddressType"), "address": STRING})
_NODE_SPEC = Struct(
    "NodeSpec",
    {
        "podCIDR": STRING,
        "podCIDRs": STRINGS,
        **ignored("configSource", "externalID", "providerID", "taints", "unschedulable"),
    },
)
_NODE_STATUS = Struct(
    "NodeStatus",
    {
        "addresses": ListOf(_ADDRESS),
        **ignored(
            *("allocatable", "capacity", "conditions", "config", "daemonEndpoints"),
            *("declaredFeatures", "features", "images", "nodeInfo", "phase"),
            *("runtimeHandlers", "volumesAttached", "volumesInUse"),
        ),
    },
)
NODE_SCHEMA = object_schema("Node", spec=_NODE_SPEC, status=_NODE_STATUS)
_OWN_ADDRESSES = ("InternalIP", "ExternalIP")


def read_namespace(fields: Fields, context: Context, faults: Faults) -> Namespace:
    """The namespace whose fields these are, with its name as a label from 1.21 on (S13)."""
    meta = read_metadata(fields, dns_label, context, faults)
    if context.version.labels_namespaces:
        faults.each_invalid(("metadata", "labels"), meta.name, label_value(meta.name))
    return named_by_label(Namespace(meta.name, meta.labels, meta.annotations), context.version)


def named_by_label(namespace: Namespace, version: KubernetesVersion) -> Namespace:
    """The namespace with its name as a label, where the version sets one (S13)."""
    if not version.labels_namespaces:
        return namespace
    return replace(namespace, labels={**namespace.labels, NAME_LABEL: namespace.name})


def read_node(fields: Fields, context: Context, faults: Faults) -> Node:
    """The node whose fields these are."""
    meta = read_metadata(fields, dns_subdomain, context, faults)
    return Node(
        name=meta.name,
        ips=_addresses(fields.get("status", {}), faults),
        pod_cidrs=_pod_cidrs(fields.get("spec", {}), faults),
        labels=meta.labels,
    )


def _addresses(status: Fields, faults: Faults) -> tuple[IPAddress, ...]:
    texts: list[tuple[Path, str]] = [
        (("status", "addresses", index, "address"), item.get("address", ""))
        for index, item in enumerate(status.get("addresses", ()))
        if item.get("type") in _OWN_ADDRESSES
    ]
    return tuple(dict.fromkeys(read_addresses(texts, faults)))


def _pod_cidrs(spec: Fields, faults: Faults) -> tuple[IPNetwork, ...]:
    single: str = spec.get("podCIDR", "")
    texts: list[str] = spec.get("podCIDRs", []) or ([single] if single else [])
    networks = []
    for index, text in enumerate(texts):
        network = parse_cidr(text)
        if network is None:
            faults.invalid(("spec", "podCIDRs", index), text, NOT_A_CIDR)
        else:
            networks.append(network)
    return tuple(networks)
