"""The structured log: one JSON object a line, for machines and people with ``jq``."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO


class Journal:
    """Writes to ``stream``; any thread may."""

    def __init__(
        self, stream: TextIO, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._stream = stream
        self._now = now
        self._lock = threading.Lock()

    def info(self, event: str, **facts: object) -> None:
        """Something went as it should."""
        self._write("info", event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Something did not, and somebody should know."""
        self._write("error", event, facts)

    def _write(self, level: str, event: str, facts: dict[str, object]) -> None:
        time = self._now().isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "level": level, "event": event, **facts}, default=str)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()
