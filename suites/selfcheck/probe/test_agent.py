from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe import wire
from netpol_conformance.probe.verdict import Probe, Source, Verdict

from .helping import free_port

AGENT = [sys.executable, "-m", "netpol_conformance.probe.agent"]
HERE = Source(SourceKind.POD, "a", "default")
STARTED = 30.0
"""Seconds after which a server that does not answer never will."""


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*AGENT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as agent:
        try:
            yield agent
        finally:
            agent.kill()


def finished(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AGENT, *arguments], input=given, capture_output=True, text=True, timeout=30, check=False
    )


def verdict(answer: wire.Answer) -> Verdict:
    assert answer.observation is not None
    return answer.observation.verdict


def ask(agent: subprocess.Popen[str], number: int, probes: list[Probe] | None) -> list[wire.Answer]:
    assert agent.stdin is not None
    assert agent.stdout is not None
    agent.stdin.write(wire.request_line(number, probes))
    agent.stdin.flush()
    answers = []
    for line in agent.stdout:
        answer = wire.read_answer(line, probes)
        assert answer.id == number
        if answer.is_end:
            return answers
        answers.append(answer)
    pytest.fail("the agent ended")


def test_it_asks_batch_after_batch_and_ends_with_its_input() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, running() as agent:
        mute = Probe(HERE, "127.0.0.1", listener.getsockname()[1], frozenset({"a/b"}), timeout=0.1)
        closed = Probe(HERE, "127.0.0.1", free_port(), frozenset({"a/b"}))
        for number in (1, 2):
            seen = {answer.at: verdict(answer) for answer in ask(agent, number, [mute, closed])}
            assert seen == {0: Verdict.TIMED_OUT, 1: Verdict.REFUSED}
        assert agent.stdin is not None
        agent.stdin.close()
        assert agent.wait(20) == 0


def test_observations_come_as_they_are_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, running() as agent:
        slow = Probe(HERE, "127.0.0.1", listener.getsockname()[1], frozenset(), timeout=0.3)
        quick = Probe(HERE, "127.0.0.1", free_port(), frozenset())
        assert [answer.at for answer in ask(agent, 1, [slow, quick])] == [1, 0]


def test_it_tests_its_own_tools() -> None:
    with running() as agent:
        answers = ask(agent, 1, None)
    assert {answer.expected for answer in answers} == {Verdict.CONNECTED, Verdict.TIMED_OUT}
    assert [answer for answer in answers if verdict(answer) is not answer.expected] == []


def test_it_ends_at_what_is_no_request() -> None:
    done = finished(given="what?\n")
    assert done.returncode == 2
    assert "'what?\\n'" in done.stderr


def test_it_serves_as_who_it_is_told_until_its_input_ends() -> None:
    port = str(free_port())
    ports = [word for kind in ("TCP", "UDP") for word in ("--port", f"{port}/{kind}")]
    serving = ["serve", "--identity", "default/web", "--until-input-ends", *ports]
    with running(*serving) as server, running() as agent:
        asked = [
            Probe(HERE, "127.0.0.1", int(port), frozenset({"default/web"}), kind, timeout=0.2)
            for kind in (Protocol.TCP, Protocol.UDP)
        ]
        deadline = time.monotonic() + STARTED
        for number in count(1):  # a refusal comes at once, however long the server takes to start
            verdicts = set(map(verdict, ask(agent, number, asked)))
            if verdicts == {Verdict.CONNECTED} or time.monotonic() > deadline:
                break
        assert verdicts == {Verdict.CONNECTED}
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(20) == 0


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("", 0)) as listener:
        port = listener.getsockname()[1]
        done = finished("serve", "--identity", "default/web", "--port", f"{port}/TCP")
    assert done.returncode == 1
    assert (
        f"default/web cannot serve: [Errno 98] port {port}: Address already in use" in done.stderr
    )


def test_it_says_which_address_a_host_has_towards_another() -> None:
    done = finished("address", "127.0.0.9")
    assert (done.returncode, done.stdout) == (0, "127.0.0.1\n")
