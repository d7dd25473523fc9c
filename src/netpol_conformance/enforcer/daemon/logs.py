"""The process's log: one JSON object a line, for machines and people with ``jq``."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

from netpol_conformance.redaction import redacted

_ROOT = "netpol_conformance"


class JsonFormatter(logging.Formatter):
    """``time``, ``level`` and ``event`` of a record, then its ``facts``: a dict by ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        facts: dict[str, object] = getattr(record, "facts", {})
        return json.dumps({name: _plain(value) for name, value in (entry | facts).items()})


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else redacted(str(value))


def log_as_json(stream: TextIO) -> None:
    """Write what this process logs from now on, DEBUG left out."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(_ROOT)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
