"""The agent process in a pod or on an outside host: it probes on request, or serves.

``python -m netpol_conformance.probe.agent`` reads requests from its standard input, a line each,
and writes observations to its standard output as they come (``wire`` has the lines' form); it
ends with its input. ``... agent serve --identity NS/POD --port 80/TCP`` answers on ports instead;
``... agent address IP`` prints the address from which this host speaks to another.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe import wire
from netpol_conformance.probe.ask import ask_all
from netpol_conformance.probe.continuous_agent import ContinuousAgent
from netpol_conformance.probe.continuous_wire import read_task
from netpol_conformance.probe.verdict import Observation, Probe, Source

_HERE = Source(SourceKind.POD, "agent")


def main(arguments: Sequence[str]) -> int:
    """Run as agent until the input ends, or as server until SIGTERM."""
    if arguments[:1] == ["serve"]:
        from netpol_conformance.probe.servers import serve  # noqa: PLC0415 - asking starts faster

        return asyncio.run(serve(arguments[1:]))
    if arguments[:1] == ["address"]:
        print(_address_towards(arguments[1]))
        return 0
    return asyncio.run(_answer())


async def _answer() -> int:
    """Answer request after request; those of one line are asked all at once."""
    continuous = ContinuousAgent()
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            task = read_task(line)
            if task is not None:
                for answer in await continuous.answer(task):
                    _write(answer)
                continue
            request = wire.read_request(line)
        except wire.WireError as error:
            print(error, file=sys.stderr, flush=True)
            return 2
        if request.probes is None:
            await _test_itself(request.id)
        else:
            await _ask(request.id, request.probes)
        _write(wire.end_line(request.id))
    return 0


async def _ask(number: int, probes: Sequence[Probe]) -> None:
    def on_answer(at: int, observation: Observation) -> None:
        _write(wire.observation_line(number, at, observation))

    await ask_all(probes, on_answer=on_answer)


async def _test_itself(number: int) -> None:
    from netpol_conformance.probe.selftest import selftest  # noqa: PLC0415 - once a run

    for at, check in enumerate(await selftest(_HERE)):
        _write(wire.observation_line(number, at, check.observation, check.expected))


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _address_towards(other: str) -> str:
    """The address that the kernel would send from; nothing is sent."""
    family = socket.AF_INET6 if ":" in other else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.connect((other, 9))
        return str(opened.getsockname()[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
