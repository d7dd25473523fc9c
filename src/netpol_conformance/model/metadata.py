"""What all kinds have in common: metadata, labels and protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from netpol_conformance.model.names import (
    NOT_AN_IP,
    Reasons,
    dns_label,
    label_value,
    parse_ip,
    qualified_name,
)
from netpol_conformance.model.objects import IPAddress, Labels, Protocol
from netpol_conformance.model.problems import Faults, Path
from netpol_conformance.model.schema import (
    LABELS,
    STRING,
    Fields,
    Struct,
    Type,
    enumeration,
    ignored,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion

METADATA = Struct(
    "ObjectMeta",
    {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": LABELS,
        "annotations": LABELS,
        **ignored(
            "clusterName",
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "finalizers",
            "generation",
            "managedFields",
            "ownerReferences",
            "resourceVersion",
            "selfLink",
            "uid",
        ),
    },
)
PROTOCOL = enumeration("v1.Protocol")

_PROTOCOLS = sorted(Protocol)
_ANNOTATIONS_LIMIT = 256 * 1024


def object_schema(kind: str, **parts: Type | None) -> Struct:
    """The fields of an object: what all kinds have, and ``parts`` beside."""
    return Struct(kind, {**ignored("apiVersion", "kind"), "metadata": METADATA, **parts})


@dataclass(frozen=True, slots=True)
class Context:
    """What decoding one object depends on, besides the object.

    ``live`` says that a real API server has accepted the object already: rules that depend on
    its settings or its version are then not ours to apply.
    """

    version: KubernetesVersion = LATEST
    default_namespace: str = "default"
    live: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    """An object's metadata, defaulted."""

    namespace: str
    name: str
    labels: Labels
    annotations: Labels


def read_metadata(
    fields: Fields, name_format: Callable[[str], Reasons], context: Context, faults: Faults
) -> Metadata:
    """The metadata of an object of which ``fields`` are all; checks it as the API server does."""
    meta: Fields = fields.get("metadata", {})
    name: str = meta.get("name", "")
    namespace = meta.get("namespace") or context.default_namespace
    if name:
        reasons = () if context.live else name_format(name)
        faults.each_invalid(("metadata", "name"), name, reasons)
    elif meta.get("generateName"):
        faults.required(("metadata", "name"), "generateName can't be used here: nobody generates")
    else:
        faults.required(("metadata", "name"), "name or generateName is required")
    faults.each_invalid(("metadata", "namespace"), namespace, dns_label(namespace))
    labels, annotations = meta.get("labels", {}), meta.get("annotations", {})
    check_labels(labels, ("metadata", "labels"), faults)
    _check_annotations(annotations, faults)
    return Metadata(namespace, name, labels, annotations)


def check_labels(labels: Mapping[str, str], path: Path, faults: Faults) -> None:
    """Check the keys and values of labels, or of a map that selects by them."""
    for key, value in labels.items():
        faults.each_invalid(path, key, qualified_name(key), key)
        faults.each_invalid(path, value, label_value(value), key)


def _check_annotations(annotations: Mapping[str, str], faults: Faults) -> None:
    path = ("metadata", "annotations")
    for key in annotations:
        faults.each_invalid(path, key, qualified_name(key.lower()), key)
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        faults.too_long(path, _ANNOTATIONS_LIMIT)


def read_protocol(fields: Fields, path: Path, faults: Faults) -> Protocol:
    """The ``protocol`` of a pod's or a Service's port: TCP unless given, case matters."""
    value = fields.get("protocol") or Protocol.TCP
    if value in _PROTOCOLS:
        return Protocol(value)
    faults.unsupported((*path, "protocol"), value, _PROTOCOLS)
    return Protocol.TCP


def read_addresses(texts: Iterable[tuple[Path, str]], faults: Faults) -> tuple[IPAddress, ...]:
    """The addresses among texts, each of which stands at its path."""
    parsed = [(path, text, parse_ip(text)) for path, text in texts]
    for path, text, address in parsed:
        if address is None:
            faults.invalid(path, text, NOT_AN_IP)
    return tuple(address for _, _, address in parsed if address is not None)
