"""What a run's log says and where: a file beside the report, and the terminal for those who ask.

Nothing but this configures logging. Only the suite's own loggers are listened to: at DEBUG the
Kubernetes client shows answers and websocket shows headers, secrets included.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from netpol_conformance.redaction import learn, redacted
from netpol_conformance.run.session import CURRENT_SCENARIO

_log = logging.getLogger(__name__)

_ROOT = "netpol_conformance"
_OFF = logging.CRITICAL + 1
_FULL = "%(asctime)s %(levelname)-7s [%(where)s] %(name)s: %(message)s"
_BRIEF = "%(asctime)s [%(where)s] %(message)s"


class Verbosity(IntEnum):
    """What the terminal shows, as the least level; the file always has all of it."""

    QUIET = logging.WARNING
    VERBOSE = logging.INFO
    """``-v``: what is waited for and how long it took, scenarios and steps as they end."""
    DEBUG = logging.DEBUG
    """``--debug``: each request, exec, command and look as well."""


@contextmanager
def log_to(
    folder: Path | None,
    verbosity: Verbosity = Verbosity.QUIET,
    *,
    stream: TextIO | None = None,
) -> Iterator[None]:
    """Log to a file in ``folder``, if it is not None, and to ``stream`` (standard error).

    The file is ``run.log``; an old one is replaced. One that cannot be written is told of once, on
    ``stream``, and ends nothing.
    """
    for name, value in os.environ.items():
        learn(f'{name}="{value}"')
    logger = logging.getLogger(_ROOT)
    before = logger.level, logger.propagate
    with ExitStack() as ending:
        ending.callback(logger.setLevel, before[0])
        ending.callback(setattr, logger, "propagate", before[1])
        # pytest's own handlers would keep every record of all scenarios, for each test.
        logger.propagate = False
        logger.setLevel(verbosity if folder is None else logging.DEBUG)
        terminal = logging.StreamHandler(stream or sys.stderr)
        terminal.setLevel(verbosity)
        _attach(terminal, _FULL if verbosity is Verbosity.DEBUG else _BRIEF, ending)
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _attach(_RunLog(folder / "run.log"), _FULL, ending)
            except OSError as error:
                _log.warning("there will be no log: %s", error)
        yield


def _attach(handler: logging.Handler, form: str, ending: ExitStack) -> None:
    handler.addFilter(_name_scenario)
    handler.setFormatter(_Formatter(form))
    logger = logging.getLogger(_ROOT)
    logger.addHandler(handler)
    ending.callback(handler.close)
    ending.callback(logger.removeHandler, handler)


def _name_scenario(record: logging.LogRecord) -> bool:
    """Give the record the scenario that its thread works for, else the thread's name."""
    record.where = CURRENT_SCENARIO.get() or record.threadName
    return True


class _Formatter(logging.Formatter):
    """UTC, as the logs of clusters have it; further lines indented; no secrets."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """``2026-01-31T12:00:00.000Z``."""
        time = datetime.fromtimestamp(record.created, UTC)
        return time.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: what does not begin with a time belongs to the line before."""
        return redacted(super().format(record)).replace("\n", "\n    ")


class _RunLog(logging.FileHandler):
    """The file. What is below INFO is written in blocks: a look costs no call of the kernel."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="w", encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Add one line, unless the file is closed."""
        if self.stream is None:
            return
        try:
            self.stream.write(self.format(record) + self.terminator)
            if record.levelno >= logging.INFO:
                self.flush()
        except Exception:  # noqa: BLE001 - logging's own way: a log must not end the run
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        """Say what is wrong, and write no more."""
        self._give_up(sys.exception())

    def close(self) -> None:
        """Write what is left."""
        try:
            super().close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException | None) -> None:
        if self.level < _OFF:
            self.setLevel(_OFF)
            _log.warning("the log %s ends here: %s", self.baseFilename, error)
