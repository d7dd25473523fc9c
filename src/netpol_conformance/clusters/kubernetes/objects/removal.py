"""Removing what a run made, and nothing else: the namespaces that carry its label."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import NAMESPACES, PODS, SERVICES, Client
from netpol_conformance.clusters.kubernetes.api.naming import RUN_LABEL
from netpol_conformance.clusters.kubernetes.objects.objects import why_not_gone
from netpol_conformance.clusters.kubernetes.objects.waits import until_nothing

REMOVAL_TIMEOUT = 120.0
"""Seconds for the cluster to remove a run's namespaces with all that is in them."""
STUCK_AFTER = 300.0
"""Seconds after which a namespace that is still being removed counts as stuck."""


def begin_to_empty(client: Client, selector: str) -> None:
    """Delete pods and Services of the namespaces that match, without waiting. Raises ClusterError.

    Where a namespace is deleted with its pods, the cluster looks at all that could be in it again
    and again until they are gone, which was a third of the API server's work in a run.
    """
    with client.in_words():
        for namespace in client.items(NAMESPACES, labelSelector=selector):
            name = namespace["metadata"]["name"]
            for resource in (PODS, SERVICES):
                for item in client.items(resource, name):
                    client.delete(resource, item["metadata"]["name"], name)


def begin_removal(client: Client, selector: str) -> None:
    """Delete the namespaces that match a label selector, without waiting. Raises ClusterError."""
    with client.in_words():
        for namespace in client.items(NAMESPACES, labelSelector=selector):
            if "deletionTimestamp" not in namespace["metadata"]:
                client.delete(NAMESPACES, namespace["metadata"]["name"])


def remove_run(client: Client, run: str) -> None:
    """Delete all that a run made and wait until it is gone.

    Raises ClusterError naming what is left after REMOVAL_TIMEOUT, and why.
    """
    selector = f"{RUN_LABEL}={run}"

    def left() -> list[Manifest]:
        begin_removal(client, selector)  # a worker that was cut off may have made one meanwhile
        with client.in_words():
            return client.items(NAMESPACES, labelSelector=selector)

    remaining = until_nothing(left, "the run's namespaces to be gone", REMOVAL_TIMEOUT)
    if remaining:
        raise ClusterError(
            f"not removed after {REMOVAL_TIMEOUT:g} s: {_describe(remaining)}; "
            f"look after them with kubectl get namespaces -l {selector}"
        )


def check_no_stuck(client: Client) -> None:
    """Raise ClusterError for a namespace of an earlier run that cannot be removed."""
    with client.in_words():
        found = client.items(NAMESPACES, labelSelector=RUN_LABEL)
    stuck = [namespace for namespace in found if _removing_for(namespace) > STUCK_AFTER]
    if stuck:
        raise ClusterError(
            f"namespaces of an earlier run are stuck in Terminating: {_describe(stuck)}: "
            "remove what holds them, then run again"
        )


def _removing_for(namespace: Manifest) -> float:
    """Seconds since its deletion began; 0 if it has not."""
    began = namespace["metadata"].get("deletionTimestamp")
    if began is None:
        return 0.0
    then = datetime.strptime(began, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return time.time() - then.timestamp()


def _describe(namespaces: Sequence[Manifest]) -> str:
    return "; ".join(
        f"namespace {namespace['metadata']['name']} ({why_not_gone(namespace)})"
        for namespace in namespaces
    )
