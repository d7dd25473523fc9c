"""The first process of a new pod's container: it probes from its own start on, then serves.

``python -m netpol_conformance.probe.watcher TASK [WORD...]``: TASK is a ``continuous_wire`` line,
a ``begin``; the words are for ``agent serve``. An agent that is started in the pod later fetches
what was seen by ``fetch``, over a socket that is the pod's alone.

It imports only what the first probe needs, as start-up time delays it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from netpol_conformance.probe.continuous_wire import TaskRequest, read_task, series_line
from netpol_conformance.probe.prober import Prober
from netpol_conformance.probe.sockets import open_for

_SOCKET = "\0netpol-conformance-watcher"
"""In Linux's abstract namespace, which is that of the network: each pod has its own."""


async def watch(request: TaskRequest, serving: Sequence[str]) -> int:
    """Ask what ``request`` says at once; serve until told to stop."""
    prober = Prober(request.probes, open_for, request.intervals)
    for source in {probe.source for probe in request.probes}:
        prober.begin(source)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        series = await prober.end()
        now = time.time()
        for at, each in enumerate(series):
            writer.write(series_line(0, at, each, now).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, _SOCKET)
    from netpol_conformance.probe.servers import serve  # noqa: PLC0415 - after the first probe

    async with server:
        return await serve(serving)


async def fetch() -> list[str]:
    """What the watcher of this pod saw, a line a series; none if there is no watcher."""
    try:
        reader, writer = await asyncio.open_unix_connection(_SOCKET, limit=1 << 24)
    except OSError:
        return []
    lines = [line.decode() async for line in reader]
    writer.close()
    return lines


def main(arguments: Sequence[str]) -> int:
    """Watch and serve; returns the exit code."""
    request = read_task(arguments[0])
    if request is None or request.task != "begin":
        print(f"not a task to begin: {arguments[0][:200]}", file=sys.stderr)
        return 2
    return asyncio.run(watch(request, arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
