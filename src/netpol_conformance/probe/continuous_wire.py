"""What an agent is asked to do over time, as lines of JSON: series of probes, connections to hold.

Pure; the lines go where ``wire``'s go. A request is ``{"id": N, "task": TASK, ...}``:

- ``begin``, with ``probes`` and ``intervals``: ask each of them all the time from now on;
- ``end``: ask no more; a line ``{"id": N, "at": INDEX, "series": {...}}`` for each of the probes;
- ``hold``, with ``probes``: open a connection for each, and keep it;
- ``use``, with ``timeout``: use these connections again, and close them.

The last two are answered by ``wire``'s observations, each request by ``wire``'s end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from netpol_conformance.probe.verdict import Probe, Sample, Series, Verdict
from netpol_conformance.probe.wire import line_of, probe_fields, read_probe, reading

Task = Literal["begin", "end", "hold", "use"]
_TASKS: dict[str, Task] = {task: task for task in get_args(Task)}


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One request; what its task does not need is empty."""

    id: int
    task: Task
    probes: tuple[Probe, ...] = ()
    intervals: tuple[float, ...] = ()
    timeout: float = 0.0


def task_line(request: TaskRequest) -> str:
    """The request as a line, its end included."""
    fields = {
        "id": request.id,
        "task": request.task,
        "probes": [probe_fields(probe) for probe in request.probes],
        "intervals": request.intervals,
        "timeout": request.timeout,
    }
    return line_of(fields)


def read_task(line: str) -> TaskRequest | None:
    """The request in a line; None if it is one of ``wire``'s. Raises WireError."""
    with reading(line, "not a task"):
        fields = json.loads(line)
        if "task" not in fields:
            return None
        return TaskRequest(
            int(fields["id"]),
            _TASKS[fields["task"]],
            tuple(map(read_probe, fields["probes"])),
            tuple(map(float, fields["intervals"])),
            float(fields["timeout"]),
        )


def series_line(number: int, at: int, series: Series, now: float) -> str:
    """A series as a line; ``now`` is the agent's clock, in seconds since the epoch."""
    content: dict[str, Any] = {
        "seen": series.samples,
        "presence": series.presence,
        "fault": series.fault,
        "now": now,
    }
    return line_of({"id": number, "at": at, "series": content})


def read_series(line: str, probes: Sequence[Probe], now: float) -> tuple[int, Series]:
    """The index and the series in a line that came at ``now``, its times by this clock.

    Raises WireError.
    """
    with reading(line, "no series"):
        fields = json.loads(line)
        at, content = int(fields["at"]), fields["series"]
        ahead = now - float(content["now"])
        seen = (
            Sample(float(when) + ahead, Verdict(verdict), float(duration), identity, str(remark))
            for when, verdict, duration, identity, remark in content["seen"]
        )
        presence = (
            (float(start) + ahead, float(end) + ahead) for start, end in content["presence"]
        )
        return at, Series(probes[at], tuple(seen), tuple(presence), str(content["fault"]))
