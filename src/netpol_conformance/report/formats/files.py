"""The reports as files: a consumer that writes them when the run ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report
from netpol_conformance.run.events import Event, RunFinished

Format = Callable[[Report], str]
"""From a report to a file's text: ``json_report.dumps``, ``junit.dumps``, ``html.render``."""


class FileReports:
    """A consumer that writes each file of ``wanted`` once, at the run's end or at ``close``.

    Call ``close`` in a ``finally``: a run that broke before its end then still leaves its report.
    Both raise an ExceptionGroup of what kept files from being written; the others are written.
    What has no room where it should be goes to the folder for temporary files, if there is room.
    """

    def __init__(self, wanted: Mapping[Path, Format]) -> None:
        self._wanted = dict(wanted)
        self._collector = Collector()
        self._written = False
        self._refuge: Path | None = None

    def __call__(self, event: Event) -> None:
        """Keep one event; write at the last."""
        self._collector(event)
        if isinstance(event, RunFinished):
            self.close()

    def close(self) -> None:
        """Write what was seen, unless it is written already or no run ever started."""
        if self._written or not self._collector.begun:
            return
        self._written = True
        report = self._collector.report()
        errors = []
        for path, form in self._wanted.items():
            try:
                self._write(path, form(report))
            except Exception as error:  # noqa: BLE001 - raised below, when the others are safe
                error.add_note(f"while writing {path}")
                errors.append(error)
        if errors:
            raise ExceptionGroup("not all reports could be written", errors)

    def _write(self, path: Path, text: str) -> None:
        try:
            write_text(path, text)
        except OSError as error:
            refuge = self._rescued(path.name, text)
            if refuge:
                error.add_note(f"it is {refuge} instead")
            raise

    def _rescued(self, name: str, text: str) -> Path | None:
        """Where the text is now, if anywhere."""
        try:
            self._refuge = self._refuge or Path(tempfile.mkdtemp(prefix="netpol-conformance-"))
            write_text(self._refuge / name, text)
        except OSError:
            return None
        return self._refuge / name


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing, making its folder: a reader never meets half a report.

    What was there stays until all of the new file is on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
