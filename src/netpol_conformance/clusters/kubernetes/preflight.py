"""Asking a cluster, before anything is made in it, which of the suite's rights are missing."""

from __future__ import annotations

from collections.abc import Iterator

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.answers import ApiError, meaning
from netpol_conformance.clusters.kubernetes.client import ACCESS_REVIEWS, Client
from netpol_conformance.clusters.kubernetes.rights import GRANT, RIGHTS, Right


def check_rights(client: Client) -> None:
    """Raise ClusterError naming every right that is missing."""
    try:
        missing = list(_missing(client))
    except ApiError as error:
        raise meaning(error, client.server) from error
    if missing:
        raise ClusterError(f"rights are missing: {'; '.join(missing)}: have them granted: {GRANT}")


def _missing(client: Client) -> Iterator[str]:
    for right in RIGHTS:
        lacks = [verb for verb in right.verbs if not _allowed(client, right, verb)]
        if lacks:
            group = f".{right.group}" if right.group else ""
            yield f"{', '.join(lacks)} of {right.resource}{group}"


def _allowed(client: Client, right: Right, verb: str) -> bool:
    resource, _, sub = right.resource.partition("/")
    asked = {"verb": verb, "group": right.group, "resource": resource, "subresource": sub}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(client.create(ACCESS_REVIEWS, review)["status"]["allowed"])
