"""What a worker of pytest-xdist sees, kept in a file until it has arrived at the controller.

A worker's events travel with its test's report, when the scenario has ended. One that is killed
or interrupted before leaves them here: the controller takes them from the file, for a report of
all that was seen. A file holds one scenario, the one that its worker is at.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from netpol_conformance.run.events import Event, ScenarioStarted

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


class Spool:
    """The worker's side: a consumer that keeps the events of its scenario in a file.

    A worker on another machine has no such folder, and one on a full disk no room: it goes on.
    """

    def __init__(self, folder: str, worker: str) -> None:
        self._path = Path(folder) / worker if folder else None

    def __call__(self, event: Event) -> None:
        """Keep one event; a scenario's first takes the place of what was there."""
        if self._path is None:
            return
        mode = "wb" if isinstance(event, ScenarioStarted) else "ab"
        try:
            with self._path.open(mode) as file:
                file.write(EVENTS.dump_json(event) + b"\n")
        except OSError:
            self._path = None


class Spools:
    """The controller's side: the folder of all workers' files, made when it is asked for."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    @property
    def folder(self) -> str:
        """The folder to tell workers."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="netpol-conformance-"))
        return str(self._folder)

    def events(self, worker: str = "*") -> Iterator[Event]:
        """What is kept of a worker, or of all: whole events, in order."""
        for path in sorted(self._folder.glob(worker)) if self._folder else ():
            for line in path.read_bytes().splitlines():
                try:
                    yield EVENTS.validate_json(line)
                except ValidationError:
                    break  # the end of what was being written when the worker died

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
