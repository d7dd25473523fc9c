"""What a pod's status and events say of it: whether it is ready, and why not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.objects.brief import without_identifiers
from netpol_conformance.clusters.kubernetes.objects.nodes import condition
from netpol_conformance.clusters.kubernetes.objects.pods import own_node_selector

_HOPELESS = frozenset(
    {
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "CrashLoopBackOff",
    }
)
"""What a container may wait for that no patience mends."""
_TOLD_OTHERWISE = frozenset({"PodScheduled", "Ready", "ContainersReady"})
"""Conditions that containers and scheduler explain better."""


def full_name(pod: Mapping[str, Any]) -> str:
    """``namespace/name``."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def is_ready(pod: Manifest) -> bool:
    """Whether the pod is what it is meant to be: ready, at its end, or without a node."""
    status: Any = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    spec: Any = pod.get("spec") or {}
    unschedulable = condition(pod, "PodScheduled").get("reason") == "Unschedulable"
    if own_node_selector(spec) and unschedulable:
        return True  # it waits for a node that there is not, as it is meant to
    if spec.get("restartPolicy") == "Never" or spec.get("activeDeadlineSeconds"):
        return False  # it is to finish, and has not yet
    return bool(status.get("podIPs")) and says_ready(pod)


def says_ready(pod: Manifest) -> bool:
    """Whether the kubelet says that all of the pod's containers are ready."""
    return condition(pod, "Ready").get("status") == "True"


def hopeless(pod: Manifest) -> str:
    """Why a pod will never run as it is; empty if it may yet."""
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            last = f"; it ended with exit code {ended['exitCode']}" if ended else ""
            return (
                f"container {container['name']} of image {container['image']}: "
                f"{waiting['reason']}: {waiting.get('message', '')}{last}"
            )
    return ""


def why_late(pod: Manifest, events: Iterable[Manifest]) -> str:
    """What a pod waits for, as its status and the warnings among ``events`` say."""
    waits = list(reasons_not_ready(pod))
    said = [
        f"{reason}: {message}{f' ({count} times)' if count > 1 else ''}"
        for (reason, message), count in _warnings(pod, events).items()
        if not any(message in wait for wait in waits)  # the scheduler's, in the status too
    ]
    words = dict.fromkeys([*waits, *_conditions(pod), *said])
    phase = (pod.get("status") or {}).get("phase", "unknown")
    return "; ".join(words) or f"phase {phase}"


def reasons_not_ready(pod: Mapping[str, Any]) -> Iterator[str]:
    """Why a pod is not scheduled, and of each of its containers why it is not ready."""
    status: Any = pod.get("status") or {}
    containers = [*status.get("initContainerStatuses", ()), *_containers(pod)]
    if not containers:
        scheduled = condition(pod, "PodScheduled")
        if scheduled.get("status") == "True":
            yield "has not started yet"
        else:
            yield f"not scheduled: {scheduled.get('message', 'no reason given')}"
    for container in containers:
        state = container.get("state") or {}
        held = state.get("waiting") or state.get("terminated")
        if held and held.get("reason") != "Completed":
            words = ": ".join(filter(None, [held.get("reason"), held.get("message")]))
            yield f"container {container['name']}: {words or 'waiting'}"
        elif "running" in state and not container.get("ready", True):
            yield f"container {container['name']} runs but is not ready"


def _conditions(pod: Manifest) -> Iterator[str]:
    """The conditions that are false, unless it is said otherwise why."""
    for item in (pod.get("status") or {}).get("conditions") or ():
        if item.get("status") == "False" and item["type"] not in _TOLD_OTHERWISE:
            yield ": ".join(filter(None, [item["type"], "False", item.get("message")]))


def _warnings(pod: Manifest, events: Iterable[Manifest]) -> Counter[tuple[str, str]]:
    """The warnings about a pod, reason and message, and how often each was given."""
    times: Counter[tuple[str, str]] = Counter()
    for event in events:
        about: Any = event.get("involvedObject") or {}
        if event.get("type") == "Warning" and about.get("name") == pod["metadata"]["name"]:
            message = " ".join(without_identifiers(event.get("message") or "").split())
            times[event.get("reason", ""), message] += event.get("count") or 1
    return times


def _containers(pod: Mapping[str, Any]) -> list[Any]:
    return (pod.get("status") or {}).get("containerStatuses") or []
