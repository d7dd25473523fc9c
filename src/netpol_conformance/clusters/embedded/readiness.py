"""Waiting until servers serve: a real exchange with each, from inside its own pod."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.embedded.workloads import listening
from netpol_conformance.model.objects import Pod
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

_PAUSE = 0.01
"""Seconds between two looks."""

Ask = Callable[[Sequence[Probe]], Awaitable[Sequence[Observation]]]


def questions(pod: Pod) -> list[Probe]:
    """One probe for each port and address of a pod, asked by itself (S5: never blocked)."""
    identity = frozenset({f"{pod.namespace}/{pod.name}"})
    source = Source("pod", pod.name, pod.namespace)
    return [
        Probe(source, str(ip), port, identity, protocol)
        for ip in pod.ips
        for port, protocol in listening(pod)
    ]


async def wait(probes: Sequence[Probe], ask: Ask, seconds: float) -> None:
    """Ask until every probe has connected; raises ClusterError naming those that have not."""
    waiting = list(probes)
    retrying = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(_PAUSE),
        retry=retry_if_exception_type(ClusterError),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            answers = await ask(waiting)
            failed = [item for item in answers if item.verdict is not Verdict.CONNECTED]
            waiting = [item.probe for item in failed]
            if failed:
                raise ClusterError(f"not ready after {seconds:g} s: {_told(failed)}")


def _told(failed: Sequence[Observation]) -> str:
    return "; ".join(
        f"{item.probe.source} at its own {item.probe.host}:{item.probe.port}/"
        f"{item.probe.protocol.value}: {item.verdict.value} {item.output.strip()}"
        for item in failed
    )
