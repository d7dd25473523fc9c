from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe import wire
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict

text = st.text(max_size=40)
seconds = st.floats(0, 1e10, allow_nan=False)
probes = st.builds(
    Probe,
    st.builds(Source, st.sampled_from(SourceKind), text, text),
    text,
    st.integers(1, 65535),
    st.frozensets(text, max_size=3),
    st.sampled_from(Protocol),
    st.sampled_from(Tool),
    seconds,
)
observations = st.builds(
    Observation,
    probes,
    st.sampled_from(Verdict),
    text,
    text,
    seconds,
    seconds,
    st.none() | st.integers(-64, 255),
    st.none() | text,
)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.lists(probes, max_size=3))
def test_a_request_survives_the_wire(number: int, asked: list[Probe]) -> None:
    line = wire.request_line(number, asked)
    assert line.isascii()
    assert line.index("\n") == len(line) - 1
    assert wire.read_request(line) == wire.Request(number, tuple(asked))


@settings(max_examples=60)
@given(st.integers(0, 10**6), observations)
def test_an_observation_survives_the_wire(number: int, seen: Observation) -> None:
    line = wire.observation_line(number, 0, seen)
    assert line.isascii()
    assert wire.read_answer(line, [seen.probe]) == wire.Answer(number, 0, seen)


@settings(max_examples=30)
@given(observations, st.sampled_from(Verdict))
def test_a_self_test_says_what_was_asked_and_what_must_be_seen(
    seen: Observation, expected: Verdict
) -> None:
    line = wire.observation_line(1, 2, seen, expected)
    assert wire.read_answer(line, None) == wire.Answer(1, 2, seen, expected)


def test_the_end_is_an_end() -> None:
    assert wire.read_answer(wire.end_line(7), []) == wire.Answer(7)
    assert wire.read_answer(wire.end_line(7), []).is_end


@pytest.mark.parametrize(
    "line", ["", "bash: python: not found", "{}", "[]", "7", '{"id": 1, "at": 3, "saw": {}}']
)
def test_what_is_no_answer_is_quoted(line: str) -> None:
    with pytest.raises(wire.WireError, match="not a line of the agent's") as raised:
        wire.read_answer(line, [])
    assert repr(line) in str(raised.value)


@given(st.text(max_size=30) | st.recursive(st.integers() | text, st.lists).map(json.dumps))
@settings(max_examples=60)
def test_nothing_but_a_request_is_one(line: str) -> None:
    with pytest.raises(wire.WireError):
        wire.read_request(line)
