"""Streams to agents, one for each source, all used at once; no answer is trusted.

A stream that breaks, an agent that is killed, a line that is none of the agent's: each makes its
open probes errors, after one retry on a new stream. None of it ever counts as a verdict.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from select import POLLIN, poll
from typing import Protocol

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.probe import wire
from netpol_conformance.probe.ask import socket_command
from netpol_conformance.probe.continuous_wire import TaskRequest, task_line
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Source, Verdict

_log = logging.getLogger(__name__)

ANSWER_SLACK = 10.0
"""Seconds that an agent may take beyond its probes' own time-outs, on a machine however loaded."""
_TRIES = 2
_MAX_SOURCES = 64


class StreamError(Exception):
    """The stream to an agent broke; says how."""


class Channel(Protocol):
    """Lines to and from an agent. ``close`` may be called from another thread."""

    def write(self, line: str) -> None:
        """Send one line, its end included; raises StreamError."""

    def read(self, timeout: float) -> str:
        """The next line; raises StreamError if none comes in ``timeout`` seconds, or ever."""

    def close(self) -> None:
        """End it, and the agent with it. Safe to call twice."""


class AgentStream:
    """One agent, asked one request after the other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._requests = 0

    def ask(self, probes: Sequence[Probe], seen: dict[int, Observation]) -> None:
        """Ask all at once; ``seen`` gets each observation as it comes, by its probe's index.

        Raises StreamError; what came before it is in ``seen``.
        """
        for answer in self._answers(probes, _patience(probes)):
            assert answer.observation is not None
            seen[answer.at] = answer.observation
        if len(seen) < len(probes):
            raise StreamError(f"the agent answered {len(seen)} of {len(probes)} probes")

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Have the agent test its own tools; raises StreamError."""
        checks = []
        for answer in self._answers(None, ANSWER_SLACK):
            if answer.observation is None or answer.expected is None:
                raise StreamError("the agent's self-test does not say what it must see")
            checks.append(SelfCheck(answer.expected, answer.observation))
        return tuple(checks)

    def do(self, request: TaskRequest, patience: float) -> list[str]:
        """Have the agent do something over time: the lines of its answer, the end left out.

        The request's own number does not count. Raises StreamError.
        """
        self._requests += 1
        return list(self._lines(task_line(replace(request, id=self._requests)), patience))

    def _answers(self, probes: Sequence[Probe] | None, patience: float) -> Iterator[wire.Answer]:
        """The answer to one request as it comes, the end left out."""
        self._requests += 1
        for line in self._lines(wire.request_line(self._requests, probes), patience):
            try:
                answer = wire.read_answer(line, probes)
            except wire.WireError as error:
                raise StreamError(str(error)) from error
            if answer.id != self._requests or answer.is_end:
                raise StreamError(f"the agent answers request {answer.id}, not {self._requests}")
            yield answer

    def _lines(self, request: str, patience: float) -> Iterator[str]:
        """The lines of the answer to this request as they come, the end left out."""
        self._channel.write(request)
        end, deadline = wire.end_line(self._requests).strip(), time.monotonic() + patience
        while (line := self._channel.read(deadline - time.monotonic()).strip()) != end:
            yield line

    def close(self) -> None:
        """End the agent."""
        self._channel.close()


class Agents:
    """The agents of one cluster, found by who asks.

    ``connect`` opens a channel to the agent that asks for a source; it raises StreamError or
    ClusterError. ``close`` may be called from another thread, and cuts off whatever is asked.
    """

    def __init__(self, connect: Callable[[Source], Channel]) -> None:
        self._connect = connect
        self._streams: dict[Source, AgentStream] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_MAX_SOURCES, thread_name_prefix="agent")
        self._closed = False

    def ask(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once, every source in parallel; one observation a probe, in order.

        Raises ClusterError once it is closed.
        """
        if self._closed:
            raise ClusterError("the cluster is closed")
        places_of = by_source(probes)
        groups = [
            self._pool.submit(
                copy_context().run, self._ask_one, source, [probes[at] for at in places]
            )
            for source, places in places_of.items()
        ]
        observations: dict[int, Observation] = {}
        for places, group in zip(places_of.values(), groups, strict=True):
            observations |= zip(places, group.result(), strict=True)
        return tuple(observations[at] for at in range(len(probes)))

    def self_test(self, source: Source) -> tuple[SelfCheck, ...]:
        """Test the tools where ``source`` asks from; raises ClusterError."""
        try:
            return self.stream(source).self_test()
        except StreamError as error:
            self.forget(source)
            raise ClusterError(f"the probes could not be tested in {source}: {error}") from error

    def forget(self, source: Source) -> None:
        """End the agent of a source that is gone, or that is no good."""
        with self._lock:
            stream = self._streams.pop(source, None)
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """End all agents."""
        with self._lock:
            self._closed = True
            streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask_one(self, source: Source, probes: Sequence[Probe]) -> list[Observation]:
        """Ask from one source; what no agent answered, once more on a new stream."""
        found: dict[int, Observation] = {}
        reason = ""
        for _ in range(_TRIES):
            left = [at for at in range(len(probes)) if at not in found]
            if not left:
                break
            seen: dict[int, Observation] = {}
            started = time.time()
            try:
                self.stream(source).ask([probes[at] for at in left], seen)
            except (StreamError, ClusterError) as error:
                self.forget(source)
                reason = f"{source} could not be asked to probe: {error}"
                _log.info(reason)
            found |= {left[at]: observation for at, observation in seen.items()}
            took = time.time() - started
            _log.debug("%s answered %d of %d probes in %.2f s", source, len(seen), len(left), took)
        return [
            found[at] if at in found else _unanswered(probe, reason, started)
            for at, probe in enumerate(probes)
        ]

    def stream(self, source: Source) -> AgentStream:
        """The stream to the agent of ``source``, opened if it is not; raises StreamError."""
        with self._lock:
            stream = self._streams.get(source)
        if stream is not None:
            return stream
        stream = AgentStream(self._connect(source))
        with self._lock:
            if not self._closed:
                self._streams[source] = stream
                return stream
        stream.close()
        raise StreamError("the cluster is closed")


class CommandChannel:
    """A channel to the agent that a command runs: on another host, by ssh say."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start ``command``; raises StreamError if it cannot be."""
        self._shown = shlex.join(command)
        self._name = Path(command[0]).name  # its arguments may be a user's own, with a password
        self._began = time.monotonic()
        self._buffer = b""
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the channel
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
            )
        except OSError as error:
            self._complaints.close()
            raise StreamError(f"cannot run {self._shown}: {error}") from error
        _log.debug("%s runs as process %d", self._name, self._process.pid)

    def write(self, line: str) -> None:
        """Send one line to its standard input."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise StreamError(self._ended()) from error

    def read(self, timeout: float) -> str:
        """The next line of its standard output."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            try:
                read = _read_some(self._process.stdout.fileno(), deadline - time.monotonic())
            except (OSError, ValueError) as error:
                raise StreamError(self._ended()) from error
            if read is None:
                raise StreamError(f"no answer of {self._shown} in {timeout:.1f} s")
            if not read:
                raise StreamError(self._ended())
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "replace")

    def close(self) -> None:
        """End the command."""
        if self._complaints.closed:
            return
        self._process.kill()
        self._process.wait()
        took = time.monotonic() - self._began
        _log.debug("%s, process %d, ended after %.1f s", self._name, self._process.pid, took)
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _ended(self) -> str:
        if self._complaints.closed:
            return f"{self._shown} was closed"
        self._complaints.seek(0)
        said = self._complaints.read(2000).decode("utf-8", "replace").strip()
        return f"{self._shown} ended; it said: {said or 'nothing'}"


def by_source(probes: Sequence[Probe]) -> dict[Source, list[int]]:
    """The places of each source's probes."""
    groups: dict[Source, list[int]] = {}
    for at, probe in enumerate(probes):
        groups.setdefault(probe.source, []).append(at)
    return groups


def _read_some(descriptor: int, timeout: float) -> bytes | None:
    """What there is to read, empty at the end; None if nothing comes in time."""
    waiting = poll()
    waiting.register(descriptor, POLLIN)
    if timeout <= 0 or not waiting.poll(timeout * 1000):
        return None
    return os.read(descriptor, 65_536)


def _patience(probes: Sequence[Probe]) -> float:
    """Seconds after which an agent that has not answered all is given up."""
    return math.ceil(max((probe.timeout for probe in probes), default=0.0)) + ANSWER_SLACK


def _unanswered(probe: Probe, reason: str, started: float) -> Observation:
    return Observation(
        probe, Verdict.ERROR, socket_command(probe), reason, started, time.time() - started
    )
