"""A run that has everything: each outcome, hostile strings, huge output, an early end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report
from netpol_conformance.run.events import (
    CellResult,
    ClusterRecord,
    Event,
    Evidence,
    HeldResult,
    MeanwhileResult,
    PolicyField,
    RefusalResult,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    SelfTested,
    StepFinished,
    StepResult,
)
from netpol_conformance.scenario.types import Expectation

START = 1_700_000_000.0
HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m]]>&amp;\x00\u202e<!--{{7*7}}"
EXPECTED = {
    Verdict.CONNECTED: Expectation.CONNECTED,
    Verdict.TIMED_OUT: Expectation.BLOCKED,
    Verdict.REFUSED: Expectation.BLOCKED,
    Verdict.NAME_NOT_RESOLVED: Expectation.UNRESOLVED,
}
OPPOSITE = {
    Expectation.CONNECTED: Expectation.BLOCKED,
    Expectation.BLOCKED: Expectation.CONNECTED,
    Expectation.UNRESOLVED: Expectation.CONNECTED,
}
LEAK = MeanwhileResult(
    source="busybox",
    destination="web:80",
    protocol=Protocol.TCP,
    expected=Expectation.BLOCKED,
    explanation="default/default-deny isolates web.",
    rules=("S2",),
    outcome=Outcome.FAIL,
    reason="It connected for 80 ms.",
    probes=350,
    seconds=1.9,
    rate=187,
    resolution=0.035,
    unexpected=7,
    first_unexpected=0.004,
    gap=0.08,
)
"""A cell that was open during a change and must not be."""
KEPT = HeldResult(
    source="labelled",
    destination="web:80",
    protocol=Protocol.TCP,
    fate="survives",
    outcome=Outcome.UNSPECIFIED,
    reason="The specification is silent.",
)
"""A connection that outlived a change."""
DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
spec:
  podSelector: {}
  policyTypes: [Ingress]
"""


def look(
    source: str, host: str, verdict: Verdict, phase: str = "hold", **changes: object
) -> Evidence:
    """One probe with busybox wget and what it typically prints."""
    connected = verdict is Verdict.CONNECTED
    output = {
        Verdict.CONNECTED: f"Connecting to {host} (10.96.0.20:80)\nremote file exists\n",
        Verdict.TIMED_OUT: f"Connecting to {host} (10.96.0.20:80)\nwget: download timed out\n",
        Verdict.REFUSED: "wget: can't connect to remote host: Connection refused\n",
        Verdict.NAME_NOT_RESOLVED: f"wget: bad address '{host}'\n",
    }.get(verdict, "")
    record = {
        "phase": phase,
        "source": source,
        "tool": Tool.WGET,
        "command": f"busybox wget --spider --timeout=1 {host}",
        "output": output,
        "exit_code": 0 if connected else 1,
        "verdict": verdict,
        "identity": "default/nginx-1" if connected else None,
        "started": START + 1.25,
        "duration": 0.00213 if connected else 1.0021,
    }
    return Evidence.model_validate(record | changes)


def cell(
    source: str, destination: str, verdict: Verdict, outcome: Outcome = Outcome.PASS
) -> CellResult:
    """A cell whose expectation fits ``verdict`` and ``outcome``."""
    expected = EXPECTED.get(verdict, Expectation.CONNECTED)
    if outcome in (Outcome.FAIL, Outcome.XFAIL):
        expected = OPPOSITE[expected]
    if outcome is Outcome.UNSPECIFIED:
        expected = Expectation.UNSPECIFIED
    host = destination.removeprefix("service/").partition(":")[0]
    evidence = [
        look(source, host, Verdict.CONNECTED, "control"),
        look(source, host, verdict, "converge"),
    ]
    if outcome is Outcome.PASS:
        evidence.append(look(source, host, verdict, "hold", started=START + 2.5))
    else:
        evidence.append(look(source, host, verdict, "confirm", started=START + 2.5))
        evidence.append(look("default/nginx-1", "127.0.0.1", Verdict.CONNECTED, "witness"))
    reasons = {
        Outcome.PASS: "Seen as expected, and again after the hold.",
        Outcome.FAIL: "Two looks agree on what the specification rules out.",
        Outcome.XFAIL: "Declared: https://example.org/issues/7.",
        Outcome.INCONCLUSIVE: "The probe's answers differ from look to look.",
        Outcome.UNSUPPORTED: "The implementation declares that it lacks SCTP.",
        Outcome.UNSPECIFIED: "The specification is silent; this is what was seen.",
    }
    blocked = {Verdict.TIMED_OUT: "dropped", Verdict.REFUSED: "rejected"}.get(verdict)
    return CellResult(
        source=source,
        destination=destination,
        protocol=Protocol.UDP if destination.endswith("/UDP") else Protocol.TCP,
        expected=expected,
        stated=source == "busybox",
        explanation="default/default-deny isolates nginx-1 for ingress, and no rule of any policy "
        "allows this source.",
        rules=("S1", "S2"),
        decided_by=(PolicyField(policy="default/default-deny", field="spec.podSelector"),),
        outcome=outcome,
        reason=reasons[outcome],
        verdict=verdict,
        blocked=blocked,
        evidence=tuple(evidence),
    )


def step(index: int, title: str, cells: list[CellResult], **changes: object) -> StepResult:
    """A step of these cells."""
    refusal = changes.get("refusal")
    outcomes = [item.outcome for item in cells]
    outcomes += [refusal.outcome] if isinstance(refusal, RefusalResult) else []
    record = {
        "index": index,
        "title": title,
        "applied": DENY,
        "cells": tuple(cells),
        "sources": tuple(dict.fromkeys(item.source for item in cells)),
        "destinations": tuple(dict.fromkeys(item.destination for item in cells)),
        "outcome": combine(outcomes),
        "seconds_to_enforce": 0.031,
        "started": START + 1,
        "duration": 2.25,
    }
    return StepResult.model_validate(record | changes)


def grid(
    sources: list[str], destinations: list[str], **odd: tuple[Verdict, Outcome]
) -> list[CellResult]:
    """All pairs: the diagonal blocked, the rest connected; ``r<row>c<column>`` says otherwise."""
    cells = []
    for row, source in enumerate(sources):
        for column, destination in enumerate(destinations):
            usual = Verdict.TIMED_OUT if row == column else Verdict.CONNECTED
            verdict, outcome = odd.get(f"r{row}c{column}", (usual, Outcome.PASS))
            cells.append(cell(source, destination, verdict, outcome))
    return cells


def mixed_step() -> StepResult:
    """A step in which every mark occurs."""
    cells = grid(
        ["busybox", "labelled", "secondary/busybox", "outside/office"],
        ["service/nginx:80", "web:80", "web:5353/UDP"],
        r0c1=(Verdict.CONNECTED, Outcome.FAIL),
        r0c2=(Verdict.TIMED_OUT, Outcome.FAIL),
        r1c0=(Verdict.REFUSED, Outcome.PASS),
        r1c2=(Verdict.NAME_NOT_RESOLVED, Outcome.PASS),
        r2c0=(Verdict.ERROR, Outcome.INCONCLUSIVE),
        r2c1=(Verdict.CONNECTED, Outcome.XFAIL),
        r3c0=(Verdict.TIMED_OUT, Outcome.UNSPECIFIED),
        r3c2=(Verdict.TIMED_OUT, Outcome.UNSUPPORTED),
    )
    return step(2, "default-deny closes nginx to every pod", cells)


def all_connected() -> StepResult:
    """A step in which all connect."""
    cells = [
        cell(source, "service/nginx:80", Verdict.CONNECTED) for source in ("busybox", "labelled")
    ]
    return step(
        1, "Before any policy every pod reaches nginx", cells, applied="", seconds_to_enforce=None
    )


def wide_step() -> StepResult:
    """A step of nine by nine."""
    names = [f"{space}/{pod}" for space in "xyz" for pod in "abc"]
    return step(1, "Every pod to every pod", grid(names, [f"{name}:80" for name in names]))


def hostile_step() -> StepResult:
    """A step whose every string attacks whoever shows it, with output of a megabyte."""
    attacked = cell(HOSTILE, HOSTILE, Verdict.CONNECTED, Outcome.FAIL)
    evidence = look(HOSTILE, HOSTILE, Verdict.CONNECTED, command=HOSTILE, output=HOSTILE * 20_000)
    attacked = attacked.model_copy(
        update={
            "explanation": HOSTILE,
            "reason": HOSTILE,
            "rules": (HOSTILE,),
            "evidence": (evidence,),
        }
    )
    return step(1, HOSTILE, [attacked], applied=HOSTILE, deleted=(HOSTILE,))


def refused_step() -> StepResult:
    """A step that the API refused, as the scenario wanted."""
    refusal = RefusalResult(
        expected='Unsupported value: "tcp"',
        answer='The NetworkPolicy "p" is invalid: spec.ingress[0].ports[0].protocol: '
        'Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP"',
        outcome=Outcome.PASS,
        reason="Refused as expected.",
    )
    return step(1, "A protocol in lower case is refused", [], refusal=refusal)


CLUSTER = ClusterRecord(
    driver="embedded",
    implementation="reference",
    kubernetes_version="1.34",
    nodes=2,
    families=("IPv4",),
    details={"nft": "1.0.6"},
)
SCENARIOS: dict[str, tuple[str, list[StepResult], Outcome]] = {
    "handbook/simple-example.yaml": (
        "Only pods labelled access=true reach nginx",
        [all_connected(), mixed_step()],
        Outcome.FAIL,
    ),
    "handbook/everything-open.yaml": (
        "Without a policy all is open",
        [all_connected()],
        Outcome.PASS,
    ),
    "handbook/all-pairs.yaml": ("Every pod reaches every other", [wide_step()], Outcome.PASS),
    "errata/h2-lower-case.yaml": ("protocol: tcp is refused", [refused_step()], Outcome.PASS),
    "errata/h1-silent.yaml": ("What the plugin lacks", [], Outcome.UNSUPPORTED),
    "errata/h9-declared.yaml": ("A declared failure", [], Outcome.XFAIL),
    "errata/h8-unspecified.yaml": ("Where the specification is silent", [], Outcome.UNSPECIFIED),
    "hostile/strings.yaml": (HOSTILE, [hostile_step()], Outcome.FAIL),
    "hostile/broken.yaml": ("The cluster broke", [], Outcome.INCONCLUSIVE),
}


def run_started(paths: list[str]) -> RunStarted:
    return RunStarted(
        run_id="run-1",
        suite_version="0.1.0",
        started=START,
        cluster="embedded",
        implementation="reference",
        kubernetes_version="1.34",
        scenarios=tuple(paths),
        command="netpol-conformance run handbook errata",
        machine={"kernel": "6.18", "cpus": "2"},
    )


def scenario_started(path: str) -> ScenarioStarted:
    title, steps, _ = SCENARIOS[path]
    return ScenarioStarted(
        path=path,
        title=title,
        pack=path.split("/", maxsplit=1)[0],
        rules=("S1", "S2"),
        covers=("HB6",),
        features=(),
        documented="Kubernetes handbook, Simple example",
        link="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
        about="As documented: `kubectl run nginx` and then <b> `wget </script>`.",
        steps=len(steps),
        started=START + 1,
        cluster=CLUSTER,
    )


def scenario_finished(path: str) -> ScenarioFinished:
    outcome = SCENARIOS[path][2]
    reason = "" if outcome is Outcome.PASS else f"It came to {outcome.value}."
    rerun = f"netpol-conformance run {path}"
    return ScenarioFinished(path=path, outcome=outcome, reason=reason, duration=3.5, rerun=rerun)


def scenario_events(path: str) -> Iterator[Event]:
    yield scenario_started(path)
    for result in SCENARIOS[path][1]:
        yield StepFinished(path=path, step=result)
    yield scenario_finished(path)


def run_events(paths: list[str], *, interleaved: bool = False) -> Iterator[Event]:
    """The events of a whole run; ``interleaved`` as when scenarios run side by side."""
    yield run_started(paths)
    control = look("default/a", "b", Verdict.CONNECTED)
    yield SelfTested(
        outcome=Outcome.PASS, reason="Open was open, dropped was dropped.", evidence=(control,)
    )
    streams = [scenario_events(path) for path in paths]
    while streams and interleaved:
        for stream in reversed(list(streams)):
            event = next(stream, None)
            if event is None:
                streams.remove(stream)
            else:
                yield event
    for stream in streams:
        yield from stream
    outcome = combine(SCENARIOS[path][2] for path in paths)
    yield RunFinished(
        outcome=outcome, exit_code=1, partial=False, reason="", finished=START + 12, duration=12.0
    )


def collect(events: Iterable[Event]) -> Report:
    collector = Collector()
    for event in events:
        collector(event)
    return collector.report()


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """The events of a run of everything."""
    return list(run_events(list(SCENARIOS)))


@pytest.fixture(scope="session")
def interleaved_events() -> list[Event]:
    """The same events with scenarios running side by side."""
    return list(run_events(list(SCENARIOS), interleaved=True))


@pytest.fixture(scope="session")
def report(events: list[Event]) -> Report:
    """The report of a run of everything."""
    return collect(events)


@pytest.fixture(scope="session")
def tame_report() -> Report:
    """The report of a run without hostile strings: small enough to read as a golden file."""
    tame = [
        path for path in SCENARIOS if not path.startswith("hostile") and "all-pairs" not in path
    ]
    return collect(run_events(tame))


@pytest.fixture(scope="session")
def steps() -> dict[str, StepResult]:
    """Steps by kind."""
    return {
        "mixed": mixed_step(),
        "open": all_connected(),
        "wide": wide_step(),
        "hostile": hostile_step(),
        "refused": refused_step(),
    }


@pytest.fixture(scope="session")
def open_step() -> StepResult:
    """A small step in which all connect."""
    return all_connected()
