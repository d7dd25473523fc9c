"""The typed events that a run consists of. Every report is a consumer of these and of nothing else.

Order: RunStarted, SelfTested, then for each scenario ScenarioStarted, StepFinished..., and
ScenarioFinished (scenarios interleave when several run at once; a scenario's own events are in
order), last RunFinished. A run that is cut short still ends with RunFinished, ``partial`` set.
WaitsShortened may come at any time in between.
Times are seconds since the epoch, durations seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Observation, Tool, Verdict
from netpol_conformance.scenario.types import Expectation


class Record(BaseModel):
    """The base of all events and their parts: immutable and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Phase = Literal["control", "converge", "hold", "confirm", "witness", "meanwhile", "held"]
"""Why a probe was sent: before policies (control), while waiting for the state (converge), to see
that it stays (hold), a second look at something unexpected (confirm), from inside the server's
own pod to see that it listens (witness), one of many all through a change (meanwhile), or over a
connection opened before it (held)."""


class Evidence(Record):
    """One probe and its answer."""

    phase: Phase
    source: str
    tool: Tool
    command: str
    output: str
    exit_code: int | None
    verdict: Verdict
    identity: str | None
    started: float
    duration: float


class PolicyField(Record):
    """A place in a policy that decided, for a reader to be shown: ``spec.ingress[0].from[1]``."""

    policy: str
    field: str
    reason: str = ""


class CellResult(Record):
    """One cell of a step's matrix, judged, with all its evidence."""

    source: str
    destination: str
    protocol: Protocol
    expected: Expectation
    stated: bool = Field(description="whether the author wrote this cell (else the oracle did)")
    explanation: str = Field(description="why this is expected, in the specification's terms")
    rules: tuple[str, ...]
    decided_by: tuple[PolicyField, ...] = ()
    outcome: Outcome
    reason: str = Field(description="why it came to this outcome, in a sentence")
    verdict: Verdict | None = Field(description="what the last decisive look saw")
    blocked: Literal["dropped", "rejected"] | None = None
    not_carried: bool = Field(
        default=False, description="whether it is inconclusive for the pod network's sake alone"
    )
    evidence: tuple[Evidence, ...]


class RefusalResult(Record):
    """What the API answered to the manifests of a step that expects, or got, a refusal."""

    expected: str
    answer: str
    outcome: Outcome
    reason: str


class LateResult(Record):
    """A step that was in force later than was demanded (``--enforce-within``)."""

    within: float = Field(description="seconds that were demanded")
    seconds: float
    outcome: Outcome
    reason: str


class MeanwhileResult(Record):
    """One cell that was probed all the time, from before a change until the step had settled."""

    source: str
    destination: str
    protocol: Protocol
    expected: Expectation = Field(description="what had to be so at every moment")
    explanation: str
    rules: tuple[str, ...]
    outcome: Outcome
    reason: str = Field(description="why it came to this outcome, in a sentence")
    probes: int = Field(description="how many were sent")
    seconds: float = Field(description="how long: while the source pod existed")
    rate: float = Field(description="probes a second")
    resolution: float | None = Field(
        description="the longest time in seconds between two probes: what was shorter may have "
        "been missed; null if it was never probed"
    )
    unexpected: int = Field(default=0, description="how many probes saw otherwise")
    first_unexpected: float | None = Field(
        default=None, description="when the first of them was sent, in seconds since the change"
    )
    gap: float | None = Field(
        default=None,
        description="how long the longest opening (or cut, of a cell that must connect) lasted",
    )
    not_carried: bool = Field(
        default=False, description="whether it is inconclusive for the pod network's sake alone"
    )
    evidence: tuple[Evidence, ...] = ()


class HeldResult(Record):
    """A connection opened before a change and used again after it (S8: recorded, never failed)."""

    source: str
    destination: str
    protocol: Protocol
    fate: Literal["survives", "cut"] | None = Field(description="null if it could not be told")
    outcome: Outcome
    reason: str
    evidence: tuple[Evidence, ...] = ()


AnyCell = CellResult | MeanwhileResult | HeldResult
"""Whatever is judged of one source and destination in a step."""
Judged = AnyCell | RefusalResult | LateResult
"""The same, and what is judged of a step as a whole."""


Seen = Literal["connected", "dropped", "rejected", "unresolved"]
"""What a passed cell showed, in a word."""


class StepResult(Record):
    """One step: what was changed, the matrix, and how long the plugin took."""

    index: int = Field(description="counts from 1")
    title: str
    applied: str = Field(description="the manifests as applied, addresses filled in")
    deleted: tuple[str, ...] = ()
    finished: tuple[str, ...] = Field(default=(), description="pods that ran to their end")
    reused: dict[str, str] = Field(
        default={}, description="new pods that got the address of an old one, by their names"
    )
    enforcer: Literal["restarted", "cut off"] | None = Field(
        default=None, description="what the enforcer went through during the change"
    )
    refusal: RefusalResult | None = None
    late: LateResult | None = None
    cells: tuple[CellResult, ...] = ()
    passed: dict[Seen, dict[str, tuple[str, ...]]] = Field(
        default={},
        description="only in a short report: the cells that passed, as destinations by what was "
        "seen and source; cells has the others",
    )
    sources: tuple[str, ...] = Field(default=(), description="the matrix's rows, in order")
    destinations: tuple[str, ...] = Field(default=(), description="its columns, in order")
    labels: dict[str, dict[str, str]] = Field(
        default={},
        description="of pods as the matrix names them, and of namespaces as `namespace/NAME`",
    )
    meanwhile: tuple[MeanwhileResult, ...] = ()
    held: tuple[HeldResult, ...] = ()
    outcome: Outcome
    seconds_to_enforce: float | None = Field(
        default=None,
        description="from the change to the first look in which every cell was as expected",
    )
    started: float
    duration: float

    @property
    def parts(self) -> tuple[Judged, ...]:
        """All of it that was judged: cell by cell, then the step as a whole."""
        whole = (part for part in (self.refusal, self.late) if part)
        return (*self.cells, *self.meanwhile, *self.held, *whole)


class ClusterRecord(Record):
    """The cluster that the run used."""

    driver: str
    implementation: str
    kubernetes_version: str
    nodes: int
    families: tuple[str, ...]
    details: dict[str, str] = {}


class LackRecord(Record):
    """A feature that an implementation declares that it does not support."""

    feature: str
    reason: str
    link: str


class TimesRecord(Record):
    """How long, in seconds, an implementation says that changes may take to be in force."""

    policies: float | None
    labels: float | None
    link: str


class DeclarationRecord(Record):
    """What an implementation says of itself: the file under ``plugins/`` that the run went by."""

    file: str
    implementation: str
    link: str
    versions: tuple[str, ...] = Field(default=(), description="that it holds for; all if empty")
    configuration: tuple[str, ...] = Field(
        default=(), description="options and settings that it holds with; any if empty"
    )
    measured: bool = Field(default=True, description="whether this suite was ever run on it")
    unsupported: tuple[LackRecord, ...] = ()
    known_failures: int = 0
    times: TimesRecord | None = None


class DeclaredItem(Record):
    """Something that the plugin's declaration says of a scenario, and whether it is so."""

    feature: str = Field(default="", description="the unsupported feature; empty: a known failure")
    reason: str
    link: str
    holds: bool | None = Field(
        description="whether it failed as declared; false: it passes all the same; null: not shown"
    )


class RunStarted(Record):
    """The run begins; ``scenarios`` are the paths it will take, in order."""

    type: Literal["run-started"] = "run-started"
    run_id: str
    suite_version: str
    started: float
    cluster: str
    implementation: str
    kubernetes_version: str | None = None
    scenarios: tuple[str, ...]
    command: str
    machine: dict[str, str] = {}
    profile: str = Field(default="extended", description="core, or extended: all there is")
    whole: bool = Field(default=False, description="whether all the profile's scenarios will run")
    timeouts: dict[str, float] = Field(
        default={}, description="how long is waited for what, in seconds, by the time-outs' names"
    )
    enforce_within: float | None = Field(
        default=None, description="seconds in which changes must be in force, if that is demanded"
    )
    declaration: DeclarationRecord | None = None


class SelfTested(Record):
    """The probe was tested: one connection known to work, one known to be dropped."""

    type: Literal["self-tested"] = "self-tested"
    outcome: Outcome
    reason: str
    evidence: tuple[Evidence, ...]


class PathResult(Record):
    """A kind of path between certain nodes, and whether the pod network carries it."""

    kind: str = Field(description="pod to itself through a Service, TCP over IPv4")
    nodes: tuple[str, ...] = Field(description="of client, entrance and server")
    carried: bool
    isolated: bool = Field(
        default=False, description="carried, but only once a policy allowed everything (S1)"
    )
    evidence: Evidence | None = Field(default=None, description="what was seen if not carried")


class NetworkMeasured(Record):
    """What the pod network carries without any policy; ``reason`` says why nothing is known."""

    type: Literal["network-measured"] = "network-measured"
    paths: tuple[PathResult, ...]
    reason: str = ""


class ScenarioStarted(Record):
    """A scenario begins, with what a report says about it."""

    type: Literal["scenario-started"] = "scenario-started"
    path: str
    title: str
    pack: str
    rules: tuple[str, ...]
    covers: tuple[str, ...]
    features: tuple[str, ...]
    profile: str = Field(default="", description="core, extended or history")
    documented: str
    link: str
    about: str
    digest: str = Field(default="", description="of the scenario's file: who ran the same text")
    steps: int
    started: float
    cluster: ClusterRecord | None = None


class StepFinished(Record):
    """A step has been judged."""

    type: Literal["step-finished"] = "step-finished"
    path: str
    step: StepResult


class ScenarioFinished(Record):
    """A scenario ended; ``reason`` says why in a sentence unless it passed."""

    type: Literal["scenario-finished"] = "scenario-finished"
    path: str
    outcome: Outcome
    reason: str = ""
    not_carried: bool = Field(
        default=False,
        description="whether it is inconclusive only for what the pod network doesn't carry and no "
        "network has to: listed, without effect on the exit code",
    )
    declared: tuple[DeclaredItem, ...] = Field(
        default=(), description="what the plugin's declaration says of the scenario"
    )
    duration: float
    rerun: str = Field(description="the command that runs just this scenario again")


class WaitsShortened(Record):
    """A kind of cells is waited for briefly from now on: so many scenarios have waited in vain. If
    one sees it come after all it is waited for in full again, and that is told by the same event.
    """

    type: Literal["waits-shortened"] = "waits-shortened"
    what: str = Field(description="the kind of cells, such as: denials of ingress over TCP")
    seconds: float = Field(description="that it is waited for from now on")
    scenarios: tuple[str, ...] = Field(description="those that waited in vain")
    ended_by: str = Field(default="", description="the scenario that saw it come after all")


class RunFinished(Record):
    """The run ended. ``partial`` if not every scenario was run to its end."""

    type: Literal["run-finished"] = "run-finished"
    outcome: Outcome
    exit_code: int
    partial: bool
    reason: str = ""
    finished: float
    duration: float


Event = Annotated[
    RunStarted
    | SelfTested
    | NetworkMeasured
    | ScenarioStarted
    | StepFinished
    | ScenarioFinished
    | WaitsShortened
    | RunFinished,
    Field(discriminator="type"),
]
Consumer = Callable[[Event], None]


def evidence(phase: Phase, observation: Observation) -> Evidence:
    """The record of one observation, made in ``phase``."""
    return Evidence(
        phase=phase,
        source=str(observation.probe.source),
        tool=observation.probe.tool,
        command=observation.command,
        output=observation.output,
        exit_code=observation.exit_code,
        verdict=observation.verdict,
        identity=observation.identity,
        started=observation.started,
        duration=observation.duration,
    )
