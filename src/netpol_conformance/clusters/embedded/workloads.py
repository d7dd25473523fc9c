"""What runs in a pod, and when it serves: real nginx or busybox httpd where the image says so,
else our own servers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import ClusterError, NotReadyError
from netpol_conformance.clusters.serving import serving
from netpol_conformance.model.objects import Pod
from netpol_conformance.probe import webservers, wget
from netpol_conformance.probe.ask import Ask
from netpol_conformance.probe.servers import OwnServers, Server
from netpol_conformance.probe.verdict import Observation, Probe, Verdict
from netpol_conformance.probe.webservers import Httpd, Nginx


class Workload:
    """All servers of one pod (a ``probe.servers.Server``).

    ``directory`` is a place in memory that is the pod's alone, ``enter`` puts the calling thread
    into the pod. Raises ClusterError where the image's program is missing.
    """

    def __init__(
        self,
        pod: Pod,
        directory: Path,
        enter: Callable[[], AbstractContextManager[None]],
        busybox: str | None,
    ) -> None:
        self._directory = directory
        self._servers: list[Server] = []
        identity = f"{pod.namespace}/{pod.name}"
        families = tuple(ip.version for ip in pod.ips)
        nginx, httpd, own = serving(pod)
        if nginx:
            # Its start is watched over IPv4, which every namespace has on its loopback.
            both = tuple({4, *families})
            program = _nginx()
            self._servers.append(
                Nginx(identity, nginx, directory, program=program, families=both, inside=enter)
            )
        if httpd:
            program = _busybox(busybox)
            self._servers.append(Httpd(identity, httpd, directory, program=program, inside=enter))
        if own:
            self._servers.append(OwnServers(identity, own, families=families, inside=enter))

    async def start(self) -> None:
        """Start all; raises OSError if one cannot serve."""
        self._directory.mkdir(exist_ok=True)
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        """End all, and remove their files."""
        for server in self._servers:
            await server.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


def _nginx() -> str:
    found = webservers.find_nginx()
    if found is None:
        raise ClusterError(
            "nginx is missing, which pods of that image run: "
            "netpol-conformance doctor says how to install it"
        )
    return found


def _busybox(busybox: str | None) -> str:
    try:
        return wget.find(busybox).busybox
    except wget.BusyboxError as error:
        raise ClusterError(f"busybox is missing, which pods of that image run: {error}") from error


_PAUSE = 0.01
"""Seconds between two looks."""


async def wait(probes: Sequence[Probe], ask: Ask, seconds: float) -> None:
    """Ask until every probe has connected; raises NotReadyError naming those that have not."""
    waiting = list(probes)
    retrying = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(_PAUSE),
        retry=retry_if_exception_type(NotReadyError),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            answers = await ask(waiting)
            failed = [item for item in answers if item.verdict is not Verdict.CONNECTED]
            waiting = [item.probe for item in failed]
            if failed:
                raise NotReadyError(f"not ready after {seconds:g} s: {_describe(failed)}")


def _describe(failed: Sequence[Observation]) -> str:
    return "; ".join(
        f"{item.probe.source} at its own {item.probe.host}:{item.probe.port}/"
        f"{item.probe.protocol.value}: {item.verdict.value} {item.output.strip()}"
        for item in failed
    )
