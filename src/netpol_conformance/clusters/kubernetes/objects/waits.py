"""Waiting, and the log of it: for pods and Services, in the cluster's own words if in vain.

Readiness is a real exchange: of each server with its own pod, and of each node with each Service.
Where policies are in force a Service may rightly be out of reach, and a pod may not reach itself
through its own Service on every cluster; there a time-out is no fault.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tenacity import Retrying, retry_if_result, wait_fixed

from netpol_conformance.clusters.base import ClusterError, NotReadyError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import EVENTS, Client
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.objects.brief import MOST_CHARACTERS, brief
from netpol_conformance.clusters.kubernetes.objects.patience import Patience, PodProgress
from netpol_conformance.clusters.kubernetes.objects.status import (
    full_name,
    hopeless,
    is_ready,
    why_late,
)
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
    return while_it_moves(look, what, Patience(seconds, most=1), pause)


def while_it_moves(
    look: Callable[[], _Found], what: str, patience: Patience, pause: float = _PAUSE
) -> _Found:
    """As ``until_nothing``, as long as ``patience`` lasts, which ``look`` renews."""
    with logged_wait(what, patience.seconds, most=patience.most) as still:
        found: _Found = Retrying(
            retry=retry_if_result(bool),
            stop=lambda _state: patience.over,
            wait=wait_fixed(pause),
            before_sleep=lambda _state: still(),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )(look)
    return found


@contextmanager
def logged_wait(what: str, seconds: float, *, most: float = 1) -> Iterator[Callable[[], None]]:
    """A wait of ``seconds`` at most, for the log: call what it gives after each look in vain.

    With progress it may take ``most`` times as long, see ``Patience``. One that takes longer than
    a moment is logged while it lasts and when it is over.
    """
    began, waited, details = time.monotonic(), False, False
    in_all = f" without progress, {most * seconds:g} s in all" if most > 1 else ""

    def still() -> None:
        nonlocal waited, details
        waited = True
        if not details and time.monotonic() - began >= _MOMENT:
            details = True
            _log.info("waiting for %s, %g s at most%s", what, seconds, in_all)

    try:
        yield still
    finally:
        if waited:
            took = time.monotonic() - began
            level = logging.INFO if took >= _MOMENT else logging.DEBUG
            _log.log(level, "waited %.1f s for %s", took, what)


def until_running(
    list_pods: Callable[[], list[Manifest]],
    client: Client,
    names: Names,
    patience: Patience,
    meanwhile: Callable[[Patience], None] = lambda _patience: None,
) -> list[Manifest]:
    """Wait until every pod runs with all containers ready, or has finished; returns the pods.

    ``meanwhile`` is called after each look in vain. Raises NotReadyError with the kubelet's or the
    scheduler's words, ClusterError with them at once where it is hopeless.
    """
    seen: list[Manifest] = []

    def events() -> list[Manifest]:
        spaces = dict.fromkeys(pod["metadata"]["namespace"] for pod in seen if not is_ready(pod))
        with client.in_words(names.text):
            return [event for space in spaces for event in client.items(EVENTS, space)]

    progress = PodProgress(patience, events)

    def waiting() -> list[Manifest]:
        seen[:] = list_pods()
        late = [pod for pod in seen if not is_ready(pod)]
        for pod in late:
            if reason := hopeless(pod):
                raise ClusterError(names.text(f"pod {full_name(pod)} cannot run: {reason}"))
        if late:
            _log.debug("not running yet: %s", ", ".join(map(full_name, late)))
            progress.see(seen)
            meanwhile(patience)
        return late

    late = while_it_moves(waiting, "pods to run", patience)
    if progress.was_needed:
        client.meter.waited_for_pods(patience.taken)
    if late:
        said = events()
        reasons = ((names.text(full_name(pod)), names.text(why_late(pod, said))) for pod in late)
        raise _not_ready(patience, f"{len(late)} of {len(seen)} pods", "pod", reasons)
    return seen


def _not_ready(
    patience: Patience, late: str, noun: str, reasons: Iterable[tuple[str, str]]
) -> NotReadyError:
    """What to raise once ``patience`` is over; ``reasons`` as those of ``brief``."""
    begin, end = f"not ready, {patience.words} ({late}): ", ""
    if patience.option:
        end = (
            f": wait longer with --timeout {patience.option}={2 * patience.seconds:g}, "
            "or run fewer scenarios at once with --jobs"
        )
    return NotReadyError(begin + brief(noun, reasons, MOST_CHARACTERS - len(begin + end)) + end)


@dataclass
class Readiness:
    """What has already proven to serve, by name and content, so that it is not asked again."""

    _proven: set[tuple[object, ...]] = field(default_factory=set)

    def wait(
        self, state: ClusterState, uids: dict[tuple[str, str], str], ask: Ask, seconds: float
    ) -> None:
        """Wait until each server has answered its own pod, and each node reaches each Service.

        ``seconds`` are as ``Timeouts.ready``; ``uids`` distinguish a pod from a later one of the
        same name. Raises NotReadyError.
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

        patience = Patience(seconds, "ready")

        def failing() -> list[Observation]:
            nonlocal waiting
            failed = [seen for seen in ask(waiting) if seen.verdict is not Verdict.CONNECTED]
            if len(failed) < len(waiting):
                patience.renew()
            waiting = [seen.probe for seen in failed]
            return failed

        failed = while_it_moves(failing, what, patience)
        if failed and fault:
            reasons = ((_question(seen, fault), _answer(seen)) for seen in failed)
            raise _not_ready(patience, f"{len(failed)} probes", "", reasons)
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


def _question(seen: Observation, fault: str) -> str:
    probe = seen.probe
    return f"{probe.source} {fault} at {probe.host}:{probe.port}/{probe.protocol.value}"


def _answer(seen: Observation) -> str:
    return f"{seen.verdict.value}: {seen.output.strip()}"


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
