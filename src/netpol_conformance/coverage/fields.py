"""Which fields of NetworkPolicy there are, and which of them a policy sets. Pure.

A field is named by its path, with the value where the API has a fixed set of them
(``spec.ingress[].ports[].protocol: UDP``), the kind of value where that makes a difference
(``port: name``), and ``[]`` or ``{}`` where being empty has a meaning of its own (S10, S14, S60).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from netpol_conformance.model.objects import Direction, Operator, Protocol
from netpol_conformance.model.policy import schema
from netpol_conformance.model.schema import INT_OR_STRING, STRINGS, ListOf, Scalar, Struct, Type
from netpol_conformance.model.version import LATEST

API_VERSION = "networking.k8s.io/v1"
_VALUES = {
    "v1.LabelSelectorOperator": tuple(Operator),
    "v1.PolicyType": tuple(Direction),
    "v1.Protocol": tuple(Protocol),
}
_EMPTY_STRUCTS = ("LabelSelector", "NetworkPolicyIngressRule", "NetworkPolicyEgressRule")
_NEVER_EMPTY = ("values", "except", "matchExpressions")
_SPEC = "spec"


@cache
def every_field() -> tuple[str, ...]:
    """Every field of a policy's spec, in the API's order."""
    spec = schema(LATEST).fields[_SPEC]
    assert isinstance(spec, Struct)
    return tuple(_all(spec, _SPEC))


def fields_of(manifest: Mapping[str, object]) -> set[str]:
    """The fields that a policy's manifest sets; one that is null is not set."""
    spec = schema(LATEST).fields[_SPEC]
    assert isinstance(spec, Struct)
    return set(_set(spec, _SPEC, manifest.get(_SPEC)))


def _all(type_: Type, path: str) -> Iterator[str]:
    match type_:
        case Struct():
            if type_.name in _EMPTY_STRUCTS:
                yield f"{path}: {{}}"
            for name, inner in type_.fields.items():
                if inner is not None:
                    yield from _all(inner, f"{path}.{name}")
        case ListOf() if type_ != STRINGS:
            if not path.endswith(_NEVER_EMPTY):
                yield f"{path}: []"
            yield from _all(type_.item, f"{path}[]")
        case Scalar():
            yield from (f"{path}{kind}" for kind in _kinds(type_, path))
        case _:
            yield path


def _set(type_: Type, path: str, value: object) -> Iterator[str]:
    if value is None:
        return
    match type_:
        case Struct():
            yield from _set_in(type_, path, value)
        case ListOf() if type_ != STRINGS and isinstance(value, list):
            if not value:
                yield f"{path}: []"
            for item in value:
                yield from _set(type_.item, f"{path}[]", item)
        case Scalar():
            yield f"{path}{_kind(type_, path, value)}"
        case _:
            yield path


def _set_in(struct: Struct, path: str, value: object) -> Iterator[str]:
    fields = value if isinstance(value, Mapping) else {}
    given = {name: item for name, item in fields.items() if item is not None}
    if not given:
        yield f"{path}: {{}}"
    for name, item in given.items():
        inner = struct.fields.get(name)
        if inner is not None:
            yield from _set(inner, f"{path}.{name}", item)


def _kinds(scalar: Scalar, path: str) -> tuple[str, ...]:
    """How the values of a field differ, as they are put behind its path."""
    if scalar is INT_OR_STRING:
        return (": number", ": name")
    if path.endswith(".cidr"):
        return (": IPv4", ": IPv6")
    return tuple(f": {value}" for value in _VALUES.get(scalar.name, ())) or ("",)


def _kind(scalar: Scalar, path: str, value: object) -> str:
    if scalar is INT_OR_STRING:
        return ": name" if isinstance(value, str) else ": number"
    if path.endswith(".cidr"):
        return ": IPv6" if ":" in str(value) else ": IPv4"
    return f": {value}" if scalar.name in _VALUES else ""
