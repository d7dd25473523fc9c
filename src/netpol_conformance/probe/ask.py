"""Asking many probes at once: all sources in parallel, one event loop, no thread a probe."""

from __future__ import annotations

import asyncio
import resource
import shlex
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe import names, wget
from netpol_conformance.probe.child import Child, reap_orphans
from netpol_conformance.probe.netns import Enter
from netpol_conformance.probe.reading import Reading
from netpol_conformance.probe.sockets import exchange, open_socket
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict

Ask = Callable[[Sequence[Probe]], Awaitable[Sequence[Observation]]]
"""Asks all at once; one observation a probe, in order."""

_MAX_CHILDREN = 256
_MAX_SOCKETS = 4096


def here(_source: Source) -> AbstractContextManager[None]:
    """The ``enter`` of a process that is where its probes ask from, as in the probe image."""
    return nullcontext()


async def ask_all(
    probes: Sequence[Probe],
    enter: Enter = here,
    *,
    busybox: str | None = None,
    on_answer: Callable[[int, Observation], None] | None = None,
) -> tuple[Observation, ...]:
    """Ask all at once; one observation a probe, in order.

    ``enter`` is called in the running loop's thread, and its block never awaits. ``busybox`` names
    the one to probe with (see ``wget.find``). ``on_answer`` hears of each observation as it comes,
    with its probe's index. Never raises for a probe: one that could not be carried out comes back
    with Verdict.ERROR and the reason, and disturbs no other.
    """
    asker = _Asker(
        enter,
        await _find(busybox) if any(probe.tool is Tool.WGET for probe in probes) else None,
        children=asyncio.Semaphore(_MAX_CHILDREN),
        # Half of all descriptors: the process has others, its servers' for instance.
        sockets=asyncio.Semaphore(
            min(_MAX_SOCKETS, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
        ),
        spawning=asyncio.Lock(),
    )

    async def ask(at: int, probe: Probe) -> Observation:
        observation = await asker.ask(probe)
        if on_answer is not None:
            on_answer(at, observation)
        return observation

    try:
        return tuple(await asyncio.gather(*(ask(at, probe) for at, probe in enumerate(probes))))
    finally:
        reap_orphans()


async def _find(busybox: str | None) -> wget.Wget | wget.BusyboxError:
    try:
        return await asyncio.to_thread(wget.find, busybox)
    except wget.BusyboxError as error:
        return error


@dataclass(frozen=True, slots=True)
class _Details:
    """What asking gave beside the verdict: see Observation."""

    reading: Reading
    output: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class _Asker:
    enter: Enter
    wget: wget.Wget | wget.BusyboxError | None
    children: asyncio.Semaphore
    sockets: asyncio.Semaphore
    spawning: asyncio.Lock

    async def ask(self, probe: Probe) -> Observation:
        by_wget = probe.tool is Tool.WGET
        async with self.children if by_wget else self.sockets:
            if by_wget:
                await self._turn_to_spawn()
            started, began = time.time(), time.perf_counter()
            try:
                details = await (self._by_wget(probe) if by_wget else self._by_socket(probe))
            # Whatever it was, it must spoil this probe alone, and must show.
            except Exception as error:  # noqa: BLE001
                details = _plain(Reading(Verdict.ERROR, remark=f"{type(error).__name__}: {error}"))
            duration = time.perf_counter() - began
        return Observation(
            probe,
            details.reading.verdict,
            self._command(probe),
            details.output,
            started,
            duration,
            details.exit_code,
            details.reading.identity,
            details.reading.resent,
        )

    async def _turn_to_spawn(self) -> None:
        """Let the loop do all else that waits between one child and the next.

        Each takes a millisecond or more to start; hundreds in a row would leave servers and
        name servers in this loop mute, and the first children without their answers.
        """
        async with self.spawning:
            await asyncio.sleep(0)

    def _command(self, probe: Probe) -> str:
        if probe.tool is Tool.WGET:
            known = self.wget if isinstance(self.wget, wget.Wget) else _DOCUMENTED
            return known.command(probe)
        return socket_command(probe)

    async def _by_socket(self, probe: Probe) -> _Details:
        address = probe.host
        if not wget.is_address(address):
            try:
                address = await self._look_up(probe)
            except names.NameNotResolvedError as error:
                return _plain(Reading(Verdict.NAME_NOT_RESOLVED, remark=str(error)))
        opened = self._open(probe.source, probe.protocol, 6 if ":" in address else 4)
        return _plain(await exchange(opened, probe, address))

    async def _look_up(self, probe: Probe) -> str:
        with self.enter(probe.source):
            where = names.resolver()
        deadline = asyncio.get_running_loop().time() + probe.timeout
        opened = partial(self._open, probe.source, Protocol.UDP)
        return await names.look_up(probe.host, where, opened, deadline)

    def _open(self, source: Source, protocol: Protocol, family: int) -> socket.socket:
        with self.enter(source):
            return open_socket(protocol, family)

    async def _by_wget(self, probe: Probe) -> _Details:
        if not isinstance(self.wget, wget.Wget):
            assert self.wget is not None  # looked for where there is a probe that needs it
            raise self.wget
        deadline = asyncio.get_running_loop().time() + self.wget.deadline(probe)
        child = Child(
            self.wget.argv(probe),
            environment=self.wget.environment,
            inside=partial(self.enter, probe.source),
        )
        try:
            killed = not await child.exited(deadline)
            output = child.output()
        finally:
            exit_code = child.close()
        ended = wget.Ended(exit_code, output, killed)
        reading = wget.read(self.wget, probe, ended)
        remarks = [f"killed after {self.wget.deadline(probe):g} s"] if killed else []
        remarks += [reading.remark] if reading.remark else []
        return _Details(reading, output + "".join(f"({each})\n" for each in remarks), exit_code)


_DOCUMENTED = wget.Wget("busybox", has_timeout=True)


def _plain(reading: Reading) -> _Details:
    late = f", the SYN sent {reading.resent + 1} times" if reading.resent else ""
    return _Details(reading, (reading.remark or f"answered by {reading.identity}") + late)


def socket_command(probe: Probe) -> str:
    """What a person can type to ask the same as a socket of ours."""
    seconds = f"{probe.timeout:g}"
    if probe.protocol is Protocol.TCP:
        url = f"http://{probe.url_host}:{probe.port}/"
        return shlex.join(["curl", "--head", "--max-time", seconds, url])
    kind = "--udp" if probe.protocol is Protocol.UDP else "--sctp"
    words = ["ncat", kind, "--idle-timeout", seconds, probe.host, str(probe.port)]
    return f"echo probe | {shlex.join(words)}"
