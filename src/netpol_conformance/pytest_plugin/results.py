"""What scenarios came to, for the tests that wait for them, in whichever process these are.

Belongs here: a scenario's events to a result, and how workers of pytest-xdist get it. Does not
belong here: pytest itself.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.run.events import (
    Event,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepResult,
)


class NoResultError(Exception):
    """The run ended without this scenario's result; says why."""


class Result(NamedTuple):
    """What a scenario's test is told: ``text`` is why it did not pass, with its matrices.

    ``not_carried`` as in ScenarioFinished: no failure of the test.
    """

    outcome: Outcome
    text: str
    not_carried: bool = False


class Results:
    """A consumer that keeps each scenario's result for whoever waits for it."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._futures: dict[str, Future[Result]] = {path: Future() for path in paths}
        self._titles: dict[str, str] = {}
        self._steps: defaultdict[str, list[StepResult]] = defaultdict(list)

    def __call__(self, event: Event) -> None:
        """Keep one event."""
        match event:
            case ScenarioStarted():
                self._titles[event.path] = event.title
            case StepFinished():
                self._steps[event.path].append(event.step)
            case ScenarioFinished() if not self._futures[event.path].done():
                self._futures[event.path].set_result(self._result(event))

    def wait(self, path: str) -> Result:
        """The scenario's result when there is one; raises NoResultError if there never will be."""
        return self._futures[path].result()

    def close(self, reason: str) -> None:
        """No more results will come."""
        for future in self._futures.values():
            if not future.done():
                future.set_exception(NoResultError(reason))

    @property
    def complete(self) -> bool:
        """Whether every scenario has its result."""
        return all(future.done() for future in self._futures.values())

    def _result(self, end: ScenarioFinished) -> Result:
        if not end.outcome.is_wrong or end.not_carried:
            return Result(end.outcome, end.reason, end.not_carried)
        reason = f"{end.outcome.value}: {self._titles.get(end.path, end.path)}\n\n{end.reason}"
        text = failure_text(self._steps.pop(end.path, []), reason=reason, rerun=end.rerun)
        return Result(end.outcome, text)


class ResultServer:
    """Answers for ``results`` on a socket at the path ``address``, a thread for each worker.

    Only its user may write to it. Raises OSError.
    """

    def __init__(self, results: Results, address: str) -> None:
        self._results = results
        self._listener = Listener(address, "AF_UNIX")
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more workers; remove the socket."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection, suppress(EOFError, OSError):  # the worker has ended
            while True:
                try:
                    answer: Result | NoResultError = self._results.wait(connection.recv())
                except NoResultError as error:
                    answer = error
                connection.send(answer)


class RemoteResults:
    """A worker's side: the results that another process waits for."""

    def __init__(self, address: str) -> None:
        self._connection = Client(address, "AF_UNIX")

    def wait(self, path: str) -> Result:
        """As ``Results.wait``."""
        try:
            self._connection.send(path)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise NoResultError("The process that runs the scenarios has ended.") from error
        if isinstance(answer, NoResultError):
            raise answer
        result: Result = answer
        return result
