"""Asking on the loopback: every verdict, the faults of the tools, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe import wget
from netpol_conformance.probe.ask import ask_all, socket_command
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict

from .helping import LOOPBACK, ME, free_port, script

SOURCE = Source(SourceKind.POD, "client", "default")


def probe(port: int, tool: Tool = Tool.SOCKET, *, identity: str = ME, timeout: float = 5) -> Probe:
    return Probe(SOURCE, LOOPBACK, port, frozenset({identity}), tool=tool, timeout=timeout)


def ask(*probes: Probe, **options) -> tuple[Observation, ...]:
    return asyncio.run(ask_all(probes, **options))


def ask_served(*probes: Probe, port: int, **options) -> tuple[Observation, ...]:
    async def exchange() -> tuple[Observation, ...]:
        server = OwnServers(ME, [(port, Protocol.TCP), (port, Protocol.UDP)])
        await server.start()
        try:
            return await ask_all(probes, **options)
        finally:
            await server.stop()

    return asyncio.run(exchange())


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that accepts connections, and datagrams, and never says anything."""
    with (
        socket.create_server((LOOPBACK, 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread,
    ):
        with contextlib.suppress(OSError):  # another process may have that UDP port: as mute
            unread.bind(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize("tool", Tool)
def test_the_right_server_another_and_none(tool: Tool, port: int) -> None:
    right, wrong, closed = ask_served(
        probe(port, tool),
        probe(port, tool, identity="default/other"),
        probe(free_port(), tool),
        port=port,
    )
    assert (right.verdict, right.identity) == (Verdict.CONNECTED, ME)
    assert (wrong.verdict, wrong.identity) == (Verdict.WRONG_SERVER, ME)
    assert (closed.verdict, closed.identity) == (Verdict.REFUSED, None)
    assert "Connection refused" in closed.output
    assert {each.exit_code for each in (right, closed)} == ({0, 1} if tool is Tool.WGET else {None})


def test_udp(port: int, mute: int) -> None:
    asked = [
        Probe(SOURCE, LOOPBACK, at, frozenset({identity}), Protocol.UDP, timeout=timeout)
        for at, identity, timeout in ((port, ME, 5), (port, "x/y", 5), (mute, ME, 0.2))
    ]
    verdicts = [seen.verdict for seen in ask_served(*asked, port=port)]
    assert verdicts == [Verdict.CONNECTED, Verdict.WRONG_SERVER, Verdict.TIMED_OUT]


def test_a_server_that_never_answers_is_a_time_out(mute: int) -> None:
    by_socket, by_wget = ask(probe(mute, timeout=0.2), probe(mute, Tool.WGET, timeout=1))
    assert (by_socket.verdict, by_wget.verdict) == (Verdict.TIMED_OUT, Verdict.TIMED_OUT)
    assert by_socket.output == "connected, but no answer to the request"


@pytest.mark.parametrize(
    ("answer", "verdict"), [(b"", Verdict.ERROR), (b"SSH-2.0\r\n", Verdict.WRONG_SERVER)]
)
def test_a_server_that_is_none_of_ours(answer: bytes, verdict: Verdict) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def exchange() -> tuple[Observation, ...]:
        async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
            at = server.sockets[0].getsockname()[1]
            return await ask_all([probe(at), probe(at, Tool.WGET)])

    assert [seen.verdict for seen in asyncio.run(exchange())] == [verdict, verdict]


def test_no_route_is_an_error() -> None:
    # Class E addresses have no route anywhere.
    (seen,) = ask(Probe(SOURCE, "255.255.255.255", 80, frozenset({ME})))
    assert seen.verdict is Verdict.ERROR


def test_one_source_that_cannot_be_entered_spoils_no_other(port: int) -> None:
    def enter(source: Source) -> contextlib.AbstractContextManager[None]:
        if source.name == "gone":
            raise FileNotFoundError("no such pod")
        return contextlib.nullcontext()

    gone = Source(SourceKind.POD, "gone", "default")
    asked = [
        Probe(source, LOOPBACK, port, frozenset({ME}), tool=tool, timeout=5)
        for source in (gone, SOURCE)
        for tool in Tool
    ]
    seen = ask_served(*asked, port=port, enter=enter)
    assert [each.probe for each in seen] == asked
    assert [each.verdict for each in seen] == [Verdict.ERROR] * 2 + [Verdict.CONNECTED] * 2
    assert "no such pod" in seen[0].output


def test_hundreds_at_once_leave_no_descriptor_and_no_child(port: int) -> None:
    before = descriptors(), children()
    tools = [Tool.SOCKET] * 300 + [Tool.WGET] * 40
    seen = ask_served(*(probe(port, tool) for tool in tools), port=port)
    assert {each.verdict for each in seen} == {Verdict.CONNECTED}
    assert descriptors() <= before[0]
    assert children() <= before[1]


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def children() -> set[str]:
    """The process ids of this process's children, zombies too."""
    stats = [path.read_text().rpartition(")") for path in Path("/proc").glob("[0-9]*/stat")]
    me = str(os.getpid())
    return {before.split()[0] for before, _, after in stats if after.split()[1] == me}


def test_a_command_is_what_a_person_types() -> None:
    official, debian = wget.Wget("/x/busybox", has_timeout=True), wget.Wget("/x/busybox", False)
    asked = Probe(SOURCE, "nginx", 80, frozenset({ME}), tool=Tool.WGET)
    assert official.command(asked) == "busybox wget -S --spider --timeout=1 nginx"
    assert debian.command(asked) == "busybox timeout 1 busybox wget -S --spider nginx"
    asked = Probe(SOURCE, "fd00::1", 8080, frozenset({ME}), Protocol.UDP, timeout=0.5)
    assert official.argv(asked)[-1] == "[fd00::1]:8080"
    assert socket_command(asked) == "echo probe | ncat --udp --idle-timeout 0.5 fd00::1 8080"


# A busybox that can do everything when it is asked what it can do, and then fails in one way.
LEARNS_WELL = """
case "$*" in
  "wget --spider -S --timeout=1") echo "Usage: wget [-T SEC] URL..." ; exit 1 ;;
esac
{}
"""
FAULTS = {
    "exits 0 silently": "exit 0",
    "exits 1 silently": "exit 1",
    "usage error": "echo \"wget: unrecognized option '--spider'\"; echo 'Usage: wget'; exit 1",
    "says blocked of nothing": "echo 'wget: download timed out'; exit 1",
    "crashes": "kill -SEGV $$",
    "hangs": "exec sleep 60",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_tool_is_an_error(fault: str, tmp_path: Path, port: int) -> None:
    (seen,) = ask(
        probe(port, Tool.WGET, timeout=1),
        busybox=script(tmp_path, LEARNS_WELL.format(FAULTS[fault]), "busybox-fake"),
    )
    assert seen.verdict is Verdict.ERROR
    assert (seen.exit_code == -9) == (fault == "hangs")


def test_a_missing_tool_is_an_error_of_wget_alone(tmp_path: Path, port: int) -> None:
    missing = str(tmp_path / "busybox")
    by_wget, by_socket = ask_served(probe(port, Tool.WGET), probe(port), port=port, busybox=missing)
    assert (by_wget.verdict, by_socket.verdict) == (Verdict.ERROR, Verdict.CONNECTED)
    assert "install the package busybox" in by_wget.output
    assert by_wget.command.startswith("busybox wget")
