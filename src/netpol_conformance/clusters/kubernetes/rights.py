"""The rights that the suite needs of a cluster, and asking the cluster which are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.answers import ROLE, ApiError, meaning
from netpol_conformance.clusters.kubernetes.client import ACCESS_REVIEWS, Client


@dataclass(frozen=True, slots=True)
class Right:
    """One rule of the ClusterRole: ``resource`` may have a subresource, as ``pods/exec``."""

    group: str
    resource: str
    verbs: tuple[str, ...]


_OWN = ("create", "delete", "get", "list", "patch", "update")
RIGHTS = (
    Right("", "namespaces", _OWN),
    Right("", "pods", _OWN),
    Right("", "pods/exec", ("create", "get")),
    Right("", "services", _OWN),
    Right("networking.k8s.io", "networkpolicies", _OWN),
    Right("", "nodes", ("list",)),
    Right("", "events", ("list",)),
)
"""What ``docs/clusterrole.yaml`` grants."""


def check_rights(client: Client) -> None:
    """Raise ClusterError naming every right that is missing."""
    try:
        missing = list(_missing(client))
    except ApiError as error:
        raise meaning(error, client.server) from error
    if missing:
        raise ClusterError(f"rights are missing: {', '.join(missing)}: grant those of {ROLE}")


def _missing(client: Client) -> Iterator[str]:
    for right in RIGHTS:
        lacks = [verb for verb in right.verbs if not _allowed(client, right, verb)]
        if lacks:
            group = f".{right.group}" if right.group else ""
            yield f"{' and '.join(lacks)} {right.resource}{group}"


def _allowed(client: Client, right: Right, verb: str) -> bool:
    resource, _, sub = right.resource.partition("/")
    asked = {"verb": verb, "group": right.group, "resource": resource, "subresource": sub}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(client.create(ACCESS_REVIEWS, review)["status"]["allowed"])
