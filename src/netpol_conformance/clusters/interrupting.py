"""Signals that end a run: SIGTERM and SIGHUP (a closed terminal) are taken like Ctrl-C, and none of
them may stop the cleaning up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_LIKE_CTRL_C = (signal.SIGTERM, signal.SIGHUP)
_ENDING = (signal.SIGINT, *_LIKE_CTRL_C)


class Terminable:
    """From ``begin`` to ``end`` they raise KeyboardInterrupt, so that all ends in order.

    Does nothing outside the main thread, where Python lets nobody handle signals.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}

    def begin(self) -> None:
        """Take them like Ctrl-C from now on; one that is ignored, as by nohup, stays so."""
        if _in_main_thread() and not self._before:
            for number in _LIKE_CTRL_C:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, _interrupt)

    def end(self) -> None:
        """Take them as before. Safe to call twice."""
        if _in_main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}


@contextmanager
def shield() -> Iterator[None]:
    """A block that none of the signals interrupts; they are forgotten."""
    endings = _ENDING if _in_main_thread() else ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in endings}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Heed none of them any more: all is done but for the process's own end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
