"""Tasks and series as lines: there and back, and whatever else a line may hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.continuous_wire import (
    TaskRequest,
    read_series,
    read_task,
    series_line,
    task_line,
)
from netpol_conformance.probe.verdict import Probe, Sample, Series, Source, Verdict
from netpol_conformance.probe.wire import WireError, request_line

PROBE = Probe(Source(SourceKind.POD, "a", "default"), "10.0.0.1", 80, frozenset({"default/web"}))
SERIES = Series(
    PROBE,
    (Sample(100.5, Verdict.CONNECTED, 0.001, "default/web", ""),),
    ((100.0, 102.0),),
    "a fault",
)


@pytest.mark.parametrize("task", ["begin", "end", "hold", "use"])
def test_a_task_comes_as_it_was_sent(task):
    request = TaskRequest(7, task, (PROBE,), (0.005,), 1.5)
    assert read_task(task_line(request)) == request


def test_a_plain_request_is_no_task():
    assert read_task(request_line(1, [PROBE])) is None
    assert read_task(request_line(1, None)) is None


@pytest.mark.parametrize("line", ["", "{", "3", '{"task": "dance"}', '{"task": "begin"}'])
def test_a_malformed_task_is_an_error(line):
    with pytest.raises(WireError):
        read_task(line)


def test_a_series_comes_with_its_times_by_our_clock():
    line = series_line(3, 0, SERIES, now=103.0)
    assert "\n" not in line.rstrip("\n")
    assert read_series(line, [PROBE], now=103.0) == (0, SERIES)
    _, shifted = read_series(line, [PROBE], now=1103.0)
    assert shifted.samples[0].at == 1100.5
    assert shifted.presence == ((1100.0, 1102.0),)


@given(st.text() | st.dictionaries(st.text(), st.integers()).map(json.dumps))
def test_whatever_else_comes_is_no_series(line):
    with pytest.raises(WireError):
        read_series(line, [PROBE], now=1.0)
