"""Waiting, and the log of it: for pods and Services, in the cluster's own words if in vain.

Readiness is a real exchange: of each server with its own pod, and of each node with each Service.
Where policies are in force a Service may rightly be out of reach, and a pod may not reach itself
through its own Service on every cluster; there a time-out is no fault.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import EVENTS, Client
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.objects.nodes import condition
from netpol_conformance.clusters.kubernetes.objects.pods import own_node_selector
from netpol_conformance.clusters.serving import to_itself
from netpol_conformance.model.objects import ClusterState, Pod, Protocol, Service, SourceKind
from netpol_conformance.model.service import endpoints
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

_log = logging.getLogger(__name__)

UNDER_POLICY = 3.0
"""Seconds that a Service's path is looked for where a policy may be what is in its way."""
_PAUSE = 0.5
"""Seconds between two looks: pods take seconds, and each look costs the API server some work."""
_MOMENT = 1.0
"""Seconds after which a wait is worth a line of the log."""
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

Ask = Callable[[Sequence[Probe]], Sequence[Observation]]
Asked = dict[tuple[object, ...], list[Probe]]
"""Probes by what they prove."""
_Found = TypeVar("_Found")


def until(done: Callable[[], bool], what: str, seconds: float, pause: float) -> bool:
    """Look every ``pause`` seconds until it is ``done``; whether it was before the time is over.

    ``what`` follows "waiting for" in the log.
    """
    return not until_nothing(lambda: not done(), what, seconds, pause)


def require(done: Callable[[], bool], what: str, seconds: float, pause: float) -> None:
    """As ``until``; raises ClusterError if the time is over before it is done."""
    if not until(done, what, seconds, pause):
        raise ClusterError(f"waited {seconds:g} s in vain for {what}")


def until_nothing(
    look: Callable[[], _Found], what: str, seconds: float, pause: float = _PAUSE
) -> _Found:
    """As ``until``, as long as a look finds anything; what the last one found."""
    with logged_wait(what, seconds) as still:
        found: _Found = Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(pause),
            before_sleep=lambda _state: still(),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )(look)
    return found


@contextmanager
def logged_wait(what: str, seconds: float) -> Iterator[Callable[[], None]]:
    """A wait of ``seconds`` at most, for the log: call what it gives after each look in vain.

    One that takes longer than a moment is logged while it lasts and when it is over.
    """
    began, waited, details = time.monotonic(), False, False

    def still() -> None:
        nonlocal waited, details
        waited = True
        if not details and time.monotonic() - began >= _MOMENT:
            details = True
            _log.info("waiting for %s, %g s at most", what, seconds)

    try:
        yield still
    finally:
        if waited:
            took = time.monotonic() - began
            level = logging.INFO if took >= _MOMENT else logging.DEBUG
            _log.log(level, "waited %.1f s for %s", took, what)


def until_running(
    list_pods: Callable[[], list[Manifest]], client: Client, names: Names, seconds: float
) -> list[Manifest]:
    """Wait until every pod runs with all containers ready, or has finished; returns the pods.

    Raises ClusterError with the kubelet's or the scheduler's words, at once where it is hopeless.
    """
    seen: list[Manifest] = []

    def waiting() -> list[Manifest]:
        seen[:] = list_pods()
        late = [pod for pod in seen if not _is_ready(pod)]
        for pod in late:
            if reason := _hopeless(pod):
                raise ClusterError(names.text(f"{_name(pod)} cannot run: {reason}"))
        if late:
            _log.debug("not running yet: %s", ", ".join(map(_name, late)))
        return late

    late = until_nothing(waiting, "pods to run", seconds)
    if late:
        details = "; ".join(f"{_name(pod)}: {_why(pod, client)}" for pod in late)
        raise ClusterError(names.text(f"not ready after {seconds:g} s: {details}"))
    return seen


@dataclass
class Readiness:
    """What has already proven to serve, by name and content, so that it is not asked again."""

    _proven: set[tuple[object, ...]] = field(default_factory=set)

    def wait(
        self, state: ClusterState, uids: dict[tuple[str, str], str], ask: Ask, seconds: float
    ) -> None:
        """Wait until each server has answered its own pod, and each node reaches each Service.

        ``uids`` distinguish a pod from a later one of the same name. Raises ClusterError.
        """
        pods = [pod for pod in state.pods if (pod.namespace, pod.name) in uids]
        fresh = [pod for pod in pods if pod.ips and not pod.finished]
        asked: Asked = {("pod", uids[pod.namespace, pod.name]): to_itself(pod) for pod in fresh}
        self._prove(asked, ask, seconds, "pods to answer themselves", "does not answer itself")
        spaces = {pod.namespace for pod in pods}
        surely: Asked = {}
        perhaps: Asked = {}
        for service in state.services:
            if service.namespace in spaces:
                others, behind = _to_service(service, state, fresh)
                certain = others and not state.policies
                key = self._service_key(service, state, uids)
                (surely if certain else perhaps)[key] = others or behind
        self._prove(surely, ask, seconds, "Services to be reached", "does not reach the Service")
        under_policy = min(seconds, UNDER_POLICY)
        self._prove(perhaps, ask, under_policy, "Services that policies may keep out of reach", "")

    def _prove(
        self,
        asked: Asked,
        ask: Ask,
        seconds: float,
        what: str,
        fault: str,
    ) -> None:
        open_keys = {key: probes for key, probes in asked.items() if key not in self._proven}
        waiting = [probe for probes in open_keys.values() for probe in probes]
        if not waiting:
            self._proven |= set(open_keys)
            return

        def failing() -> list[Observation]:
            nonlocal waiting
            failed = [seen for seen in ask(waiting) if seen.verdict is not Verdict.CONNECTED]
            waiting = [seen.probe for seen in failed]
            return failed

        failed = until_nothing(failing, what, seconds)
        if failed and fault:
            details = "; ".join(
                f"{seen.probe.source} {fault} at {seen.probe.host}:{seen.probe.port}/"
                f"{seen.probe.protocol.value}: {seen.verdict.value} {seen.output.strip()}"
                for seen in failed
            )
            raise ClusterError(f"not ready after {seconds:g} s: {details}")
        self._proven |= set(open_keys)

    @staticmethod
    def _service_key(
        service: Service, state: ClusterState, uids: dict[tuple[str, str], str]
    ) -> tuple[object, ...]:
        behind = frozenset(
            (uids.get((pod.namespace, pod.name), ""), number, port.port)
            for port in service.ports
            for pod, number in endpoints(state, service, port)
        )
        return (service.key, service.cluster_ips, service.load_balancer_ips, behind)


def _to_service(
    service: Service, state: ClusterState, pods: Sequence[Pod]
) -> tuple[list[Probe], list[Probe]]:
    """From one pod of each node, each port of the Service by its address and by its name.

    First those of pods that are not behind the Service, then those of pods that are. SCTP is left
    out, as whether kube-proxy serves it depends on the kernel; so are ports of headless Services
    that nobody serves under that number.
    """
    probes: tuple[list[Probe], list[Probe]] = [], []
    hosts = [*map(str, service.cluster_ips), f"{service.name}.{service.namespace}"]
    for port in service.ports:
        ends = endpoints(state, service, port)
        behind = [pod for pod, number in ends if not service.headless or number == port.port]
        if not behind or port.protocol is Protocol.SCTP:
            continue
        identities = frozenset(f"{pod.namespace}/{pod.name}" for pod in behind)
        for prober in _one_of_each_node(pods, avoiding=behind):
            source = Source(SourceKind.POD, prober.name, prober.namespace)
            probes[prober in behind].extend(
                Probe(source, host, port.port, identities, port.protocol)
                for host in hosts
                # Of several backends each answers in its turn, or by chance.
                for _ in range(1 if len(behind) == 1 else 2 * len(behind))
            )
    return probes


def _one_of_each_node(pods: Iterable[Pod], avoiding: Sequence[Pod]) -> list[Pod]:
    """A prober a node; one of the pods to avoid only where there is no other."""
    chosen: dict[str, Pod] = {}
    for pod in sorted(pods, key=lambda pod: (pod in avoiding, pod.host_network)):
        chosen.setdefault(pod.node, pod)
    return list(chosen.values())


def _is_ready(pod: Manifest) -> bool:
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


def _hopeless(pod: Manifest) -> str:
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


def _why(pod: Manifest, client: Client) -> str:
    """What a pod waits for, as its status and events say."""
    metadata = pod["metadata"]
    events = client.items(
        EVENTS, metadata["namespace"], fieldSelector=f"involvedObject.name={metadata['name']}"
    )
    warnings = [event for event in events if event.get("type") == "Warning"]
    said = [*reasons_not_ready(pod), *(f"{each['reason']}: {each['message']}" for each in warnings)]
    return "; ".join(dict.fromkeys(said)) or f"phase {pod['status'].get('phase', 'unknown')}"


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


def _containers(pod: Mapping[str, Any]) -> list[Any]:
    return (pod.get("status") or {}).get("containerStatuses") or []


def _name(pod: Manifest) -> str:
    return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
