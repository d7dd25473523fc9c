"""Signals that end a run: SIGTERM is taken like Ctrl-C, and neither may stop the cleaning up."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


class Terminable:
    """From ``begin`` to ``end`` SIGTERM raises KeyboardInterrupt, so that all ends in order.

    Does nothing outside the main thread, where Python lets nobody handle signals.
    """

    def __init__(self) -> None:
        self._before: Any = None

    def begin(self) -> None:
        """Take SIGTERM like Ctrl-C from now on."""
        if _in_main_thread() and self._before is None:
            self._before = signal.signal(signal.SIGTERM, _interrupt)

    def end(self) -> None:
        """Take it as before. Safe to call twice."""
        if _in_main_thread() and self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None


class Shield:
    """A block that neither Ctrl-C nor SIGTERM interrupts; they are forgotten."""

    def __enter__(self) -> None:
        self._before = {
            number: signal.signal(number, signal.SIG_IGN) for number in _ENDING if _in_main_thread()
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
