"""The report as one value: a run, its scenarios, profiles and features. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from pydantic import Field

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import (
    ClusterRecord,
    DeclarationRecord,
    DeclaredItem,
    NetworkMeasured,
    Record,
    SelfTested,
    StepResult,
    WaitsShortened,
)

Conforms = Literal["yes", "no", "unknown"]

Tally = dict[Outcome, int]
"""How many of each outcome; every outcome is a key."""


class ProfileResult(Record):
    """Whether the implementation conforms to a profile, as far as this run can tell."""

    profile: str
    scenarios: Tally
    conforms: Conforms = Field(
        description="yes: all its scenarios ran and passed; no: some fail, declared or not"
    )
    reason: str


class FeatureResult(Record):
    """A feature that scenarios of the run needed, and what they came to."""

    feature: str
    title: str
    profile: str
    scenarios: Tally
    outcome: Outcome
    declared_unsupported: bool = False
    passes_though_unsupported: bool = Field(
        default=False, description="all that needs it passes: the declaration may be out of date"
    )
    reason: str = Field(default="", description="why it is not supported, as declared")
    link: str = ""


State = Literal["finished", "unfinished", "not run"]
"""How far a scenario came. Only a finished one can have passed."""


class ScenarioReport(Record):
    """One scenario and all that was seen of it. Times as in events."""

    path: str
    title: str = ""
    pack: str
    rules: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    profile: str = Field(default="", description="core, extended or history; empty if not run")
    documented: str = ""
    link: str = ""
    about: str = ""
    digest: str = Field(default="", description="of the scenario's file: who ran the same text")
    planned_steps: int | None = Field(default=None, description="unknown if it was not run")
    cluster: ClusterRecord | None = None
    state: State
    outcome: Outcome
    reason: str = Field(default="", description="why, in a sentence, unless it passed")
    not_carried: bool = Field(
        default=False,
        description="whether it is inconclusive only for what the pod network doesn't carry and no "
        "network has to: listed, without effect on the exit code",
    )
    declared: tuple[DeclaredItem, ...] = Field(
        default=(), description="what the plugin's declaration says of it"
    )
    rerun: str = Field(default="", description="the command that runs just this scenario again")
    started: float | None = None
    duration: float | None = None
    steps: tuple[StepResult, ...] = ()


class Counts(Record):
    """Scenarios, and cells of all their steps, by outcome."""

    scenarios: Tally
    cells: Tally


class TimeToEnforce(Record):
    """Seconds from a change to the first look in which every cell was as expected."""

    changes: int
    median: float
    p90: float = Field(description="that 90 of 100 changes did not exceed")
    max: float
    slow: int = Field(description="changes that took longer than 5 s")


class Report(Record):
    """A whole run. ``schema_version`` changes with every incompatible change of this format."""

    schema_version: Literal["1"] = "1"
    short: bool = Field(
        default=False, description="whether it tells of passed cells only what was seen"
    )
    run_id: str
    suite_version: str
    started: float
    finished: float | None = Field(description="null if the run's end was not seen")
    duration: float | None
    command: str
    machine: dict[str, str]
    cluster: str
    implementation: str
    kubernetes_version: str | None
    outcome: Outcome
    exit_code: int
    partial: bool = Field(description="whether any scenario was not run to its end")
    reason: str = ""
    self_test: SelfTested | None = Field(description="null if the run did not get that far")
    network: NetworkMeasured | None = Field(
        default=None, description="what the pod network carries; null if it was not measured"
    )
    profile: str = Field(default="extended", description="that the scenarios were chosen by")
    whole: bool = Field(default=False, description="whether all the profile's scenarios ran")
    declaration: DeclarationRecord | None = None
    timeouts: dict[str, float] = Field(
        default={}, description="how long was waited for what, in seconds, by the time-outs' names"
    )
    enforce_within: float | None = Field(
        default=None, description="seconds in which changes had to be in force, if demanded"
    )
    shortened_waits: tuple[WaitsShortened, ...] = Field(
        default=(), description="what was waited for briefly, since it never came"
    )
    time_to_enforce: TimeToEnforce | None = Field(
        default=None, description="of all changes; null if nothing came to be as expected"
    )
    profiles: tuple[ProfileResult, ...] = ()
    features: tuple[FeatureResult, ...] = ()
    counts: Counts
    scenarios: tuple[ScenarioReport, ...]

    @property
    def probes_work(self) -> bool:
        """Whether the run saw its own probes work."""
        return self.self_test is not None and self.self_test.outcome is Outcome.PASS


def corpus_digest(report: Report) -> str:
    """A digest of the texts of all scenarios that were started; empty if none was."""
    texts = sorted(f"{item.path} {item.digest}\n" for item in report.scenarios if item.digest)
    return sha256("".join(texts).encode()).hexdigest()[:16] if texts else ""
