from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context

import pytest

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.agents.streams import (
    Agents,
    AgentStream,
    Channel,
    CommandChannel,
    StreamError,
)
from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe import wire
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

AGENT = [sys.executable, "-m", "netpol_conformance.probe.agent"]
A, B = Source(SourceKind.POD, "a", "default"), Source(SourceKind.POD, "b", "default")


def probe(source: Source = A, port: int = 1) -> Probe:
    return Probe(source, "127.0.0.1", port, frozenset({"default/x"}))


def seen(asked: Probe) -> Observation:
    return Observation(asked, Verdict.CONNECTED, "ask", "yes", 1.0, 0.1, None, "default/x")


class Scripted:
    """A channel whose agent answers each request by what ``script`` yields; a fault is raised."""

    def __init__(self, script: Callable[[wire.Request], Iterator[str | Exception]]) -> None:
        self._script = script
        self._lines: Iterator[str | Exception] = iter(())
        self.closed = False

    def write(self, line: str) -> None:
        self._lines = self._script(wire.read_request(line))

    def read(self, timeout: float) -> str:
        line = next(self._lines, StreamError("the stream ended"))
        if isinstance(line, Exception):
            raise line
        return line

    def close(self) -> None:
        self.closed = True


def answers(request: wire.Request) -> Iterator[str | Exception]:
    for at, asked in enumerate(request.probes or ()):
        yield wire.observation_line(request.id, at, seen(asked))
    yield wire.end_line(request.id)


def dropped_after_one(request: wire.Request) -> Iterator[str | Exception]:
    assert request.probes is not None
    yield wire.observation_line(request.id, 0, seen(request.probes[0]))
    yield StreamError("connection reset by peer")


def garbage(request: wire.Request) -> Iterator[str | Exception]:
    yield "Traceback (most recent call last):\n"


def another_request(request: wire.Request) -> Iterator[str | Exception]:
    yield wire.end_line(request.id + 1)


def too_few(request: wire.Request) -> Iterator[str | Exception]:
    yield wire.end_line(request.id)


def an_index_beyond(request: wire.Request) -> Iterator[str | Exception]:
    assert request.probes is not None
    yield wire.observation_line(request.id, 99, seen(request.probes[0]))


BROKEN = [dropped_after_one, garbage, another_request, too_few, an_index_beyond]


def agents(*scripts: Callable[[wire.Request], Iterator[str | Exception]]) -> Agents:
    """Agents whose channels follow these scripts, one after the other."""
    left = iter(scripts)
    return Agents(lambda _source: Scripted(next(left)))


def test_each_source_is_asked_in_the_context_of_who_asks() -> None:
    at_work: ContextVar[str] = ContextVar("at_work", default="")
    seen = []

    def connect(source: Source) -> Channel:
        seen.append(at_work.get())
        return Scripted(answers)

    context = copy_context()
    context.run(at_work.set, "a scenario")
    context.run(Agents(connect).ask, [probe(A), probe(B)])
    assert seen == ["a scenario"] * 2


def test_each_probe_gets_its_own_observation_in_order() -> None:
    asked = [probe(A, 1), probe(B, 2), probe(A, 3)]
    found = agents(answers, answers).ask(asked)
    assert [item.probe for item in found] == asked
    assert {item.verdict for item in found} == {Verdict.CONNECTED}


def test_a_source_keeps_its_stream() -> None:
    one = agents(answers)  # a second channel would be one too many
    for _ in range(3):
        assert one.ask([probe()])[0].verdict is Verdict.CONNECTED


@pytest.mark.parametrize("broken", BROKEN)
def test_a_fault_is_made_good_by_a_new_stream(
    broken: Callable[[wire.Request], Iterator[str | Exception]],
) -> None:
    found = agents(broken, answers).ask([probe(A, 1), probe(A, 2)])
    assert [item.probe.port for item in found] == [1, 2]
    assert {item.verdict for item in found} == {Verdict.CONNECTED}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_fault_that_stays_is_an_error_and_never_a_block(
    broken: Callable[[wire.Request], Iterator[str | Exception]],
) -> None:
    asked = [probe(A, port) for port in (1, 2, 3)]
    last = agents(broken, broken).ask(asked)[-1]
    assert last.verdict is Verdict.ERROR
    assert "default/a could not be asked to probe: " in last.output
    assert last.command.startswith("curl --head")


def test_what_came_before_the_fault_counts() -> None:
    found = agents(dropped_after_one, dropped_after_one).ask([probe(A, p) for p in (1, 2, 3)])
    assert [item.verdict for item in found] == [
        Verdict.CONNECTED,
        Verdict.CONNECTED,
        Verdict.ERROR,
    ]


def test_a_pod_that_cannot_be_entered_spoils_no_other() -> None:
    def connect(source: Source) -> Channel:
        if source == B:
            raise StreamError("container not found")
        return Scripted(answers)

    found = Agents(connect).ask([probe(A), probe(B)])
    assert [item.verdict for item in found] == [Verdict.CONNECTED, Verdict.ERROR]
    assert "container not found" in found[1].output


def test_a_broken_stream_is_closed() -> None:
    channels = [Scripted(garbage), Scripted(answers)]
    left = iter(channels)
    asking = Agents(lambda _source: next(left))
    asking.ask([probe()])
    assert [channel.closed for channel in channels] == [True, False]
    asking.close()
    assert channels[1].closed


def test_once_closed_nothing_is_asked() -> None:
    asking = agents(answers)
    asking.close()
    with pytest.raises(ClusterError, match="closed"):
        asking.ask([probe()])


def test_a_self_test_that_breaks_says_so() -> None:
    with pytest.raises(ClusterError, match=r"could not be tested in default/a: .*Traceback"):
        agents(garbage).self_test(A)


def test_a_real_agent_is_asked_and_tested() -> None:
    asking = Agents(lambda _source: CommandChannel(AGENT))
    found = asking.ask([probe(A), probe(B)])
    checks = asking.self_test(A)
    asking.close()
    assert [item.verdict for item in found] == [Verdict.REFUSED, Verdict.REFUSED]
    assert checks
    assert all(check.observation.verdict is check.expected for check in checks)


def test_an_agent_killed_meanwhile_is_started_again() -> None:
    channels: list[CommandChannel] = []

    def connect(_source: Source) -> Channel:
        channels.append(CommandChannel(AGENT))
        return channels[-1]

    asking = Agents(connect)
    asking.ask([probe()])
    channels[0]._process.kill()
    channels[0]._process.wait()
    assert asking.ask([probe()])[0].verdict is Verdict.REFUSED
    asking.close()
    assert len(channels) == 2


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["/no/such/command"], "cannot run /no/such/command"),
        (["sh", "-c", "echo 'host key changed' >&2; exit 1"], "it said: host key changed"),
        (["sh", "-c", "cat >/dev/null"], "no answer"),
    ],
)
def test_a_command_that_is_no_agent_is_explained(command: list[str], reason: str) -> None:
    with pytest.raises(StreamError, match=reason):
        _ask_briefly(command)


def _ask_briefly(command: list[str]) -> None:
    channel = CommandChannel(command)
    try:
        channel.write(wire.request_line(1, [probe()]))
        channel.read(0.2 if "cat" in command[-1] else 20)
    finally:
        channel.close()
        channel.close()


def test_a_stream_answers_in_the_order_of_its_requests() -> None:
    stream = AgentStream(CommandChannel(AGENT))
    for port in (1, 2):
        found: dict[int, Observation] = {}
        stream.ask([probe(A, port)], found)
        assert found[0].probe.port == port
    stream.close()
