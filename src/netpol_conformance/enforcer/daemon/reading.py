"""The API's objects -> the model's, closed where they cannot be read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netpol_conformance.model.decode import decode_object
from netpol_conformance.model.objects import Direction, KubernetesObject, NetworkPolicy, ObjectKey
from netpol_conformance.model.problems import ManifestError


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection that the enforcer follows; ``plural`` is its name in paths and rights."""

    kind: str
    plural: str
    api_version: str = "v1"

    @property
    def path(self) -> str:
        """The path of the whole collection, of all namespaces."""
        root = "apis" if "/" in self.api_version else "api"
        return f"/{root}/{self.api_version}/{self.plural}"


NODES = Resource("Node", "nodes")
NAMESPACES = Resource("Namespace", "namespaces")
PODS = Resource("Pod", "pods")
POLICIES = Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io/v1")
JUDGES = frozenset((POLICIES, NAMESPACES))
"""What says whom a pod may talk to: no pod may become known before these are up to date."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of an object: nothing of it if ``object`` is None, and why."""

    key: ObjectKey
    object: KubernetesObject | None
    problem: str = ""


def read(resource: Resource, raw: Mapping[str, Any]) -> Reading:
    """An item of a list or a watch.

    A policy that cannot be read isolates every pod of its namespace and allows nothing: what it
    selects is not known. Anything else that cannot be read is nobody's peer.
    """
    metadata = raw.get("metadata") or {}
    key = ObjectKey(
        resource.kind, str(metadata.get("namespace", "")), str(metadata.get("name", ""))
    )
    try:
        # Items of a list don't say what they are.
        whole = {**raw, "kind": resource.kind, "apiVersion": resource.api_version}
        return Reading(key, decode_object(whole, strict=False))
    except ManifestError as error:
        problem = str(error)
    if resource is not POLICIES:
        return Reading(key, None, problem)
    closed = NetworkPolicy(key.namespace, key.name, policy_types=tuple(Direction))
    return Reading(key, closed, problem)
