"""What of a cluster did not start, and why, from its nodes, pods, events and kubelet logs. Pure.

All functions read lists as ``kubectl get -o json`` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netpol_conformance.clusters.kubernetes.public import condition, reasons_not_ready

Item = Mapping[str, Any]

_MOST_EVENTS = 8
_MOST_LOG_LINES = 5


def nodes_not_ready(nodes: Sequence[Item]) -> dict[str, str]:
    """For each node that is not Ready, by its name, a line with its own message."""
    return {
        _name(node): f"node {_name(node)} is not Ready: {ready.get('message', 'unknown')}"
        for node in nodes
        if (ready := condition(node, "Ready")).get("status") != "True"
    }


def pods_not_ready(pods: Sequence[Item]) -> list[str]:
    """A line for each container that keeps its pod from being ready, and each unscheduled pod."""
    return [
        f"pod {_full_name(pod)}: {reason}"
        for pod in pods
        if pod.get("status", {}).get("phase") != "Succeeded"
        for reason in reasons_not_ready(pod)
    ]


def rollouts_unfinished(workloads: Sequence[Item]) -> list[str]:
    """A line for each DaemonSet and Deployment whose pods of now are not all ready."""
    return [
        f"{workload['kind']} {_full_name(workload)}: {ready} of {wanted} pods ready"
        for workload in workloads
        for ready, wanted in [_progress(workload)]
        if wanted is None or ready < wanted
    ]


def warnings(events: Sequence[Item]) -> list[str]:
    """The latest warnings, oldest first, each once."""
    lines = {
        f"{event['involvedObject'].get('kind')} {event['involvedObject'].get('name')}: "
        f"{event.get('reason')}: {event.get('message')}": None
        for event in sorted(events, key=lambda event: event.get("lastTimestamp") or "")
        if event.get("type") == "Warning"
    }
    return list(lines)[-_MOST_EVENTS:]


def complaints(log: str) -> list[str]:
    """The last errors in a kubelet's log (klog lines that begin with E)."""
    errors = [line for line in log.splitlines() if line.startswith("E")]
    return errors[-_MOST_LOG_LINES:]


def _progress(workload: Item) -> tuple[int, int | None]:
    """How many pods are ready, and of how many; None if the controller has not looked yet."""
    status, meta = workload.get("status", {}), workload["metadata"]
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return 0, None
    if workload["kind"] == "DaemonSet":
        ready = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
        return ready, status.get("desiredNumberScheduled", 0)
    ready = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
    return ready, workload["spec"].get("replicas", 1)


def _name(item: Item) -> str:
    return str(item["metadata"]["name"])


def _full_name(item: Item) -> str:
    return f"{item['metadata'].get('namespace', '')}/{_name(item)}"
