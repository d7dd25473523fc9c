"""Agents that are forked from a process on standby are agents like any other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe import standby, wire
from netpol_conformance.probe.lasting_wire import TaskRequest, task_line
from netpol_conformance.probe.verdict import Probe, Source, Verdict

AGENT = [sys.executable, "-m", "netpol_conformance.probe.agent"]
WATCHER = [sys.executable, "-m", "netpol_conformance.probe.watcher"]
HERE = Source("pod", "a", "default")
ECHO = 30


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A process whose streams are pipes, and of a group of its own; nothing of it is left."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as made:
        try:
            yield made
        finally:
            with suppress(ProcessLookupError):
                os.killpg(made.pid, signal.SIGKILL)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """Where a container's first process has agents made."""
    place = str(tmp_path / "standby")
    with process(*AGENT, "serve", "--identity", "default/web", "--standby", place):
        yield place


def caller(path: str) -> list[str]:
    return [sys.executable, *standby.command(path)[1:]]


def ask(agent: subprocess.Popen[str], number: int, probe: Probe) -> Verdict | None:
    assert agent.stdin is not None
    assert agent.stdout is not None
    agent.stdin.write(wire.request_line(number, [probe]))
    agent.stdin.flush()
    seen = wire.read_answer(agent.stdout.readline(), [probe])
    assert wire.read_answer(agent.stdout.readline(), [probe]).is_end
    assert seen.id == number
    return seen.observation and seen.observation.verdict


def test_each_caller_has_an_agent_of_its_own_which_ends_with_its_input(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        mute = Probe(HERE, "127.0.0.1", port, frozenset({"a/b"}), timeout=0.1)
        agents = [stack.enter_context(process(*caller(path))) for _ in range(3)]
        for number in (1, 2):
            assert [ask(agent, number, mute) for agent in agents] == [Verdict.TIMED_OUT] * 3
        for agent in agents:
            assert agent.stdin is not None
            agent.stdin.close()
            assert agent.wait(20) == 0


def test_no_two_agents_ask_from_the_same_ports(path: str) -> None:
    """Connection tracking would take the second one's probe for a part of the first one's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind(("127.0.0.1", 0))
        port, came = echo.getsockname()[1], []
        lost = Probe(HERE, "127.0.0.1", port, frozenset({"a/b"}), Protocol.UDP, timeout=0.05)
        for _ in range(3):
            with process(*caller(path)) as agent:
                ask(agent, 1, lost)
                came.append(echo.recvfrom(ECHO)[1][1])
    assert len(set(came)) == len(came)


def test_children_of_an_agent_are_waited_for(path: str) -> None:
    with process(*caller(path)) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(wire.request_line(1, None))  # the self-test runs busybox
        agent.stdin.flush()
        seen = []
        while not (answer := wire.read_answer(agent.stdout.readline(), None)).is_end:
            assert answer.observation is not None
            seen.append(answer.observation.verdict is answer.expected)
        assert all(seen)
        assert seen


def test_an_agent_that_fails_says_why_and_its_caller_fails(path: str) -> None:
    with process(*caller(path)) as agent:
        _, said = agent.communicate("what?\n", timeout=30)
    assert "what?" in said
    assert agent.returncode == 1


def test_who_finds_no_standby_fails_in_time(tmp_path: Path) -> None:
    words = [sys.executable, *standby.command(str(tmp_path / "none"), patience=0.1)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr


def test_a_pod_that_asks_from_its_start_has_agents_made_after_its_first_probes(
    tmp_path: Path,
) -> None:
    place = str(tmp_path / "standby")
    closed = Probe(HERE, "127.0.0.1", 1, frozenset({"a/b"}), timeout=0.1)
    task = task_line(TaskRequest(0, "begin", (closed,), (0.05,)))
    private = ("unshare", "--user", "--map-root-user", "--net")
    if subprocess.run([*private, "true"], check=False).returncode:
        pytest.skip("user namespaces are forbidden here")
    started = time.monotonic()
    with (
        process(*private, *WATCHER, task, "--identity", "a/b", "--standby", place),
        process(*caller(place)) as agent,
    ):
        seen = ask(agent, 1, closed)
        assert time.monotonic() - started > 0.5
    assert seen is not Verdict.CONNECTED
