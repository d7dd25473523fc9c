"""When a server that is a process of its own serves: a real exchange with it, nothing less."""

from __future__ import annotations

import asyncio

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_exponential

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.child import Child, Inside
from netpol_conformance.probe.reading import Reading
from netpol_conformance.probe.sockets import exchange, open_socket
from netpol_conformance.probe.verdict import Probe, Source, Verdict

START_TIMEOUT = 10.0
"""Seconds that a server has to come up, on a machine however loaded."""


async def until_serving(
    child: Child, identity: str, inside: Inside, family: int, port: int
) -> None:
    """Return when ``child`` answers on ``port`` of its loopback as ``identity``.

    Raises OSError, with what it printed, if it ends or has not come up in START_TIMEOUT.
    """
    loopback = "127.0.0.1" if family == 4 else "::1"
    probe = Probe(Source("pod", identity), loopback, port, frozenset({identity}))
    reading = Reading(Verdict.ERROR, remark="not asked")

    async def ask() -> bool:
        nonlocal reading
        with inside():
            opened = open_socket(Protocol.TCP, family)
        reading = await exchange(opened, probe, probe.host)
        return reading.verdict is Verdict.CONNECTED or await _ended(child)

    await AsyncRetrying(
        retry=retry_if_result(lambda settled: not settled),
        stop=stop_after_delay(START_TIMEOUT),
        wait=wait_exponential(multiplier=0.001, max=0.05),
        retry_error_callback=lambda _state: None,
    )(ask)
    if reading.verdict is not Verdict.CONNECTED:
        said = child.output().strip() or "nothing"
        raise OSError(
            f"the server of {identity} does not serve port {port} "
            f"({reading.remark or reading.verdict}); it printed: {said}"
        )


async def _ended(child: Child) -> bool:
    return await child.exited(asyncio.get_running_loop().time())
