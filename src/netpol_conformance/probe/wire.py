"""Probes and observations as lines of JSON, between who asks for them and the agent. Pure.

A request is ``{"id": N, "probes": [...]}``, or ``{"id": N, "selftest": true}``. It is answered by
a line for each probe as its observation comes, ``{"id": N, "at": INDEX, "saw": {...}}``, and at the
end by ``{"id": N, "end": true}``. Answers of a self-test carry their probe and what it must see.
All is ASCII, so that a line may be split anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict

Fields = Mapping[str, Any]

_SEEN = tuple(item.name for item in dataclass_fields(Observation) if item.name != "probe")
"""What of an observation goes over the wire: its probe is known to who asks."""


class WireError(ValueError):
    """A line that is no request or answer; the message quotes it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an agent is asked: ``probes``, or its self-test where there are None."""

    id: int
    probes: tuple[Probe, ...] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of an agent's: an observation of the request ``id``, or its end.

    ``at`` is the probe's index; ``expected`` is set in a self-test.
    """

    id: int
    at: int = 0
    observation: Observation | None = None
    expected: Verdict | None = None

    @property
    def is_end(self) -> bool:
        """Whether nothing more comes for this request."""
        return self.observation is None


def request_line(number: int, probes: Sequence[Probe] | None) -> str:
    """The request as a line, its end included."""
    asked: Fields = (
        {"selftest": True} if probes is None else {"probes": list(map(probe_fields, probes))}
    )
    return line_of({"id": number, **asked})


def read_request(line: str) -> Request:
    """The request in a line; raises WireError."""
    with reading(line, "not a line of the agent's"):
        fields = json.loads(line)
        if fields.get("selftest"):
            return Request(fields["id"], None)
        return Request(fields["id"], tuple(map(read_probe, fields["probes"])))


def observation_line(
    number: int, at: int, observation: Observation, expected: Verdict | None = None
) -> str:
    """An observation as a line; with ``expected``, as a self-test's."""
    saw = {name: getattr(observation, name) for name in _SEEN}
    fields: dict[str, Any] = {"id": number, "at": at, "saw": saw}
    if expected is not None:
        fields |= {"probe": probe_fields(observation.probe), "expected": expected.value}
    return line_of(fields)


def end_line(number: int) -> str:
    """The last line of an answer."""
    return line_of({"id": number, "end": True})


def read_answer(line: str, probes: Sequence[Probe] | None) -> Answer:
    """The answer in a line, to a request for ``probes``; raises WireError."""
    with reading(line, "not a line of the agent's"):
        fields = json.loads(line)
        if fields.get("end"):
            return Answer(fields["id"])
        at = int(fields["at"])
        probe = read_probe(fields["probe"]) if probes is None else probes[at]
        expected = Verdict(fields["expected"]) if "expected" in fields else None
        return Answer(fields["id"], at, _read_observation(probe, fields["saw"]), expected)


def line_of(fields: Fields) -> str:
    """Fields as a line of JSON, its end included."""
    return json.dumps(fields, separators=(",", ":")) + "\n"


@contextmanager
def reading(line: str, fault: str) -> Iterator[None]:
    """Whatever a malformed line brings in this block is a WireError: ``fault``, and the line."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise WireError(f"{fault}: {line[:200]!r} ({type(error).__name__}: {error})") from error


def probe_fields(probe: Probe) -> Fields:
    """A probe as a mapping."""
    source = probe.source
    return {
        "source": [source.kind, source.name, source.namespace],
        "host": probe.host,
        "port": probe.port,
        "identities": sorted(probe.identities),
        "protocol": probe.protocol.value,
        "tool": probe.tool.value,
        "timeout": probe.timeout,
    }


def read_probe(fields: Fields) -> Probe:
    """The probe in a mapping; raises what a malformed one brings."""
    return Probe(
        Source(SourceKind(fields["source"][0]), *fields["source"][1:]),
        fields["host"],
        fields["port"],
        frozenset(fields["identities"]),
        Protocol(fields["protocol"]),
        Tool(fields["tool"]),
        fields["timeout"],
    )


def _read_observation(probe: Probe, fields: Fields) -> Observation:
    seen = {name: fields[name] for name in _SEEN}
    return Observation(probe, **seen | {"verdict": Verdict(fields["verdict"])})
