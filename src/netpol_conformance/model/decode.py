"""Manifests to objects, as kubectl and the API server together read them (S60-S63, S70-S72).

An object is checked in three stages, and the first that finds an error reports it: whether its kind
is served under its apiVersion; whether its fields exist and have the right types (strict decoding);
whether their values are valid (validation). Validation reports all problems of an object together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from netpol_conformance.model import cluster_scoped, pod, policy, service
from netpol_conformance.model.metadata import Context
from netpol_conformance.model.objects import KubernetesObject, ObjectKey
from netpol_conformance.model.problems import (
    Fault,
    Faults,
    ManifestError,
    Path,
    Problem,
    did_you_mean,
    quote,
)
from netpol_conformance.model.schema import Fields, Reading, Struct, json_kind
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.model.yaml import YAMLError, iter_load

__all__ = ["ManifestError", "Problem", "decode", "decode_object", "iter_decode"]

Line = Callable[[Path], int]
"""Where the part of an object at a path stands in the text."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind is read."""

    schema: Callable[[KubernetesVersion], Struct]
    read: Callable[[Fields, Context, Faults], KubernetesObject]
    served: Callable[[KubernetesVersion], tuple[str, ...]] = lambda _version: ("v1",)
    namespaced: bool = True


_KINDS = {
    "Namespace": _Kind(
        lambda _version: cluster_scoped.NAMESPACE_SCHEMA,
        cluster_scoped.read_namespace,
        namespaced=False,
    ),
    "Node": _Kind(
        lambda _version: cluster_scoped.NODE_SCHEMA, cluster_scoped.read_node, namespaced=False
    ),
    "Pod": _Kind(lambda _version: pod.SCHEMA, pod.read),
    "Service": _Kind(lambda _version: service.SCHEMA, service.read),
    "NetworkPolicy": _Kind(policy.schema, policy.read, lambda version: version.policy_api_versions),
}


def decode(
    text: str,
    *,
    version: KubernetesVersion = LATEST,
    default_namespace: str = "default",
    strict: bool = True,
) -> tuple[KubernetesObject, ...]:
    """All objects of a text, in order: YAML of several documents, JSON, and lists of objects.

    ``version`` decides which apiVersions and fields exist. ``default_namespace`` is where
    namespaced objects go that name none. ``strict=False`` reads what a real API server gave
    back: fields the suite doesn't know are passed over, and so are a cluster's own settings.

    Raises ManifestError for the first object that would be refused.
    """
    objects = iter_decode(text, version=version, default_namespace=default_namespace, strict=strict)
    return tuple(objects)


def iter_decode(
    text: str,
    *,
    version: KubernetesVersion = LATEST,
    default_namespace: str = "default",
    strict: bool = True,
) -> Iterator[KubernetesObject]:
    """Like decode, one object at a time: what stands before a refused object is still yielded."""
    context = Context(version, default_namespace, live=not strict)
    try:
        for document in iter_load(text):
            if document.data is not None:
                yield from _read_all(document.data, context, document.line)
    except YAMLError as error:
        cause = f"error converting YAML to JSON: yaml: line {error.line}: {error.reason}"
        raise ManifestError(f"error: {cause}", [Problem(error.line, "", "", cause)]) from None


def decode_object(
    data: Mapping[str, object],
    *,
    version: KubernetesVersion = LATEST,
    default_namespace: str = "default",
    strict: bool = True,
) -> KubernetesObject:
    """One object from a manifest that is parsed already; problems then have line 0."""
    context = Context(version, default_namespace, live=not strict)
    return _read_one(data, context, lambda _path: 0)


def _read_all(data: object, context: Context, line: Line) -> Iterator[KubernetesObject]:
    """The object, or all objects if it is a list of them."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    item_kind = kind.removesuffix("List") if isinstance(kind, str) and kind != "" else None
    if not isinstance(data, Mapping) or item_kind is None or item_kind == kind:
        yield _read_one(data, context, line)
        return
    items = data.get("items")
    if items is None:
        return
    if not isinstance(items, list):
        where = "Go struct field List.items of type []runtime.RawExtension"
        cause = f"json: cannot unmarshal {json_kind(items)} into {where}"
        raise ManifestError(cause, [Problem(line(("items",)), str(kind), "items", cause)])
    # In a list of one kind the API server leaves out what all items have in common.
    common = {"apiVersion": data.get("apiVersion"), "kind": item_kind} if item_kind else {}
    for index, item in enumerate(items):
        whole = {**common, **item} if isinstance(item, Mapping) else item
        yield from _read_all(whole, context, _below(line, ("items", index)))


def _below(line: Line, parent: Path) -> Line:
    return lambda path: line((*parent, *path))


def _read_one(data: object, context: Context, line: Line) -> KubernetesObject:
    name, kind = _find_kind(data, context, line)
    assert isinstance(data, Mapping)
    reading = Reading()
    fields = kind.schema(context.version).read(data, (), "", reading)
    fields["apiVersion"], fields["kind"] = data["apiVersion"], name
    subject = _Subject(name, kind, fields, context, line)
    if reading.mistyped:
        raise subject.mistyped(reading.mistyped)
    if reading.unknown and not context.live:
        raise subject.unknown(reading.unknown)
    faults = Faults()
    result = kind.read(fields, context, faults)
    if faults:
        raise subject.invalid(faults)
    return result


def _find_kind(data: object, context: Context, line: Line) -> tuple[str, _Kind]:
    """The kind of a manifest, if it is one that the version serves."""
    if not isinstance(data, Mapping):
        cause = "a manifest is a mapping with apiVersion, kind, metadata and spec"
        found = f"found {_shorten(quote(data))}"
        raise ManifestError(f"error: {cause}, {found}", [Problem(line(()), "", "", cause, found)])
    names = {field: data.get(field) for field in ("apiVersion", "kind")}
    unset = [field for field, value in names.items() if not value or not isinstance(value, str)]
    if unset:
        wrong = ("isn't string type", "not set")
        causes = [f"{field} {wrong[not names[field]]}" for field in unset]
        cause = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
        problems = [
            Problem(line((field,)), "", field, text)
            for field, text in zip(unset, causes, strict=True)
        ]
        raise ManifestError(f"error validating data: {cause}", problems)
    kind = _KINDS.get(str(names["kind"]))
    if kind is None or names["apiVersion"] not in kind.served(context.version):
        raise _unserved(data, context, line)
    return str(names["kind"]), kind


def _unserved(data: Mapping[str, object], context: Context, line: Line) -> ManifestError:
    kind, api_version = str(data["kind"]), str(data["apiVersion"])
    cause = f'no matches for kind "{kind}" in version "{api_version}"'
    known = _KINDS.get(kind)
    if known is not None:
        served = " and ".join(known.served(context.version))
        suggestion = f"Kubernetes {context.version} serves {kind} as {served}"
    else:
        close = did_you_mean(kind, _KINDS)
        suggestion = close or f"the kinds read here are {', '.join(_KINDS)}"
    metadata = data.get("metadata")
    meta = metadata if isinstance(metadata, Mapping) else {}
    name, namespace = str(meta.get("name") or ""), str(meta.get("namespace") or "")
    where = f"name: {quote(name)} namespace: {quote(namespace)}"
    problem = Problem(
        line(("apiVersion" if known else "kind",)),
        str(ObjectKey(kind, namespace, name)),
        "apiVersion" if known else "kind",
        cause,
        suggestion,
    )
    return ManifestError(f"error: resource mapping not found for {where}: {cause}", [problem])


@dataclass(frozen=True, slots=True)
class _Subject:
    """The object that is spoken of in an error."""

    name: str
    kind: _Kind
    fields: Fields
    context: Context
    line: Line

    def mistyped(self, faults: list[Fault]) -> ManifestError:
        """Values of wrong types; the first makes the message. kubectl itself reads metadata."""
        ordered = sorted(faults, key=lambda fault: (fault.path[:1] != ("metadata",), fault.path))
        if ordered[0].path[:1] == ("metadata",):
            message = f"error: unable to decode: {ordered[0].cause}"
            return ManifestError(message, self._problems(ordered))
        return self._undecodable(ordered[0].cause, ordered)

    def unknown(self, faults: list[Fault]) -> ManifestError:
        """Fields that don't exist (S63), in the API server's order, which is the alphabet's."""
        ordered = sorted(faults, key=lambda fault: fault.path)
        causes = [f"{fault.cause} {quote(fault.field)}" for fault in ordered]
        return self._undecodable(f"strict decoding error: {', '.join(causes)}", ordered)

    def _undecodable(self, reason: str, faults: list[Fault]) -> ManifestError:
        version = str(self.fields["apiVersion"]).rpartition("/")[2]
        message = f'{self.name} in version "{version}" cannot be handled as a {self.name}: {reason}'
        return ManifestError(f"Error from server (BadRequest): {message}", self._problems(faults))

    def invalid(self, faults: Faults) -> ManifestError:
        """Values that the API server's validation refuses; the same words only once."""
        unique = {(fault.path, fault.cause): fault for fault in reversed(faults)}
        problems = self._problems([*reversed(unique.values())])
        intro = f"The {self.name} {quote(self._object_name())} is invalid: "
        if len(problems) == 1:
            return ManifestError(f"{intro}{problems[0]}", problems)
        return ManifestError("\n* ".join([intro, *map(str, problems)]), problems)

    def _object_name(self) -> str:
        metadata: Fields = self.fields.get("metadata", {})
        return str(metadata.get("name", ""))

    def _problems(self, faults: list[Fault]) -> list[Problem]:
        metadata: Fields = self.fields.get("metadata", {})
        namespace = str(metadata.get("namespace") or self.context.default_namespace)
        scope = namespace if self.kind.namespaced else ""
        key = str(ObjectKey(self.name, scope, self._object_name()))
        return [
            Problem(self.line(fault.place), key, fault.field, fault.cause, fault.suggestion)
            for fault in faults
        ]


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
