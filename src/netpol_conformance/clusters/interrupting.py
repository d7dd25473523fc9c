"""Signals that end a run: SIGTERM and SIGHUP (a closed terminal) are taken like Ctrl-C, and none of
them may stop the cleaning up; who sends a second one need not wait for all of it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_heard: list[int] = []
"""The signals that were heeded since the last ``Terminable`` began."""


class Terminable:
    """From ``begin`` to ``end`` they raise KeyboardInterrupt, so that all ends in order.

    Does nothing outside the main thread, where Python lets nobody handle signals.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}

    def begin(self) -> None:
        """Take them like Ctrl-C from now on; one that is ignored, as by nohup, stays so."""
        if _in_main_thread() and not self._before:
            _heard.clear()
            self._before = _handled_by(_interrupt)

    def end(self) -> None:
        """Take them as before. Safe to call twice."""
        if _in_main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}


@contextmanager
def shield() -> Iterator[None]:
    """A block that none of the signals interrupts; that they came is known to ``has_insisted``."""
    before = _handled_by(_note) if _in_main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def has_been_interrupted() -> bool:
    """Whether somebody ended the run."""
    return bool(_heard)


def has_insisted() -> bool:
    """Whether somebody who had ended the run does not want to wait for the cleaning up either.

    A terminal that is closed wants nothing more.
    """
    return len([number for number in _heard if number != signal.SIGHUP]) > 1


def ignore_signals() -> None:
    """Heed none of them any more: all is done but for the process's own end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _handled_by(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    """Have ``handler`` called for each signal that is not ignored; what was so before."""
    heeded = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heeded}


def _interrupt(number: int, frame: FrameType | None) -> None:
    _note(number, frame)
    raise KeyboardInterrupt


def _note(number: int, _frame: FrameType | None) -> None:
    _heard.append(number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
