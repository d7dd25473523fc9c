"""A process that serves: ``agent serve --identity NS/POD --port 80/TCP``, in a pod or outside."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.child import reap_orphans
from netpol_conformance.probe.servers import OwnServers


async def serve(arguments: Sequence[str]) -> int:
    """Answer on every port as the identity given, until SIGTERM or the end of the input.

    Returns the exit code.
    """
    parser = argparse.ArgumentParser(prog="agent serve")
    parser.add_argument("--identity", required=True, help="who answers: NAMESPACE/POD")
    parser.add_argument("--port", action="append", default=[], type=_port, metavar="80/TCP")
    parser.add_argument("--family", action="append", default=[], type=int, choices=(4, 6))
    parser.add_argument("--until-input-ends", action="store_true")
    given = parser.parse_args(arguments)
    families = tuple(given.family) or (4,)
    servers = OwnServers(given.identity, given.port, families=families)
    try:
        await servers.start()
    except OSError as error:
        print(f"{given.identity} cannot serve: {error}", file=sys.stderr, flush=True)
        return 1
    if given.until_input_ends:
        await asyncio.to_thread(sys.stdin.read)
    else:
        await _until_told_to_stop()
    await servers.stop()
    return 0


async def _until_told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT, which a container's first process hears only if it listens."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    # The first process is also everybody's parent: of a killed agent's children too.
    loop.add_signal_handler(signal.SIGCHLD, reap_orphans)
    await stopped.wait()


def _port(text: str) -> tuple[int, Protocol]:
    number, _, protocol = text.partition("/")
    return int(number), Protocol(protocol or "TCP")
