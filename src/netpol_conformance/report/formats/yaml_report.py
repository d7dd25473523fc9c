"""The report as a ConformanceReport, in the Gateway API's manner: one short YAML file. Pure.

It answers what users choosing a plugin ask first: which profiles it conforms to, which tests fail,
which features it has. Where that is not enough there is the JSON report beside it. ``python -m
netpol_conformance.report.formats.yaml_report > schemas/conformance-report.schema.json`` regenerates
the committed schema.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import (
    Conforms,
    ProfileResult,
    Report,
    ScenarioReport,
    corpus_digest,
)
from netpol_conformance.report.formats import json_report

Result = Literal["success", "partial", "failure"]


class _Part(BaseModel):
    """The base of all parts: immutable, and in YAML named as Kubernetes names things."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Implementation(_Part):
    """Whose software was tested. What is not known is left out."""

    organization: str = ""
    project: str
    url: str = ""
    version: str = ""
    contact: tuple[str, ...] = ()


class Statistics(_Part):
    """Tests by what they came to."""

    model_config = ConfigDict(alias_generator=str.capitalize)

    passed: int
    failed: int = Field(description="known failures among them")
    skipped: int = Field(description="those that need an unsupported feature")
    inconclusive: int
    unspecified: int = Field(description="those of which the specification says nothing")

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.model_dump().values())


class KnownFailure(_Part):
    """A test whose failure was declared beforehand."""

    test: str
    reason: str
    link: str = ""


class Profile(_Part):
    """What the implementation came to in one profile; tests are scenarios, by their paths."""

    name: str
    result: Result = Field(
        description="success: all its tests ran and passed; failure: some failed; partial: neither"
    )
    summary: str
    statistics: Statistics
    failed_tests: tuple[str, ...] = ()
    known_failures: tuple[KnownFailure, ...] = ()
    inconclusive_tests: tuple[str, ...] = ()
    skipped_tests: tuple[str, ...] = ()
    supported_features: tuple[str, ...] = Field(
        default=(), description="features whose tests all passed"
    )
    unsupported_features: tuple[str, ...] = Field(
        default=(), description="features that are declared as unsupported, or were refused"
    )


class Suite(_Part):
    """What it was tested with."""

    version: str
    corpus: str = Field(default="", description="a digest of the tests' texts")
    profile: str = Field(description="that the tests were chosen by")


class TestedOn(_Part):
    """Where it was tested."""

    driver: str
    kubernetes_version: str = Field(default="", description="that most tests were run on")
    nodes: int | None = None
    families: tuple[str, ...] = ()


class ConformanceReport(_Part):
    """The whole file."""

    api_version: Literal["netpol-conformance/v1"] = "netpol-conformance/v1"
    kind: Literal["ConformanceReport"] = "ConformanceReport"
    implementation: Implementation
    date: str
    suite: Suite
    cluster: TestedOn
    command: str
    partial: bool = Field(description="whether any test was not run to its end")
    profiles: tuple[Profile, ...] = ()


_RESULTS: dict[Conforms, Result] = {"yes": "success", "no": "failure", "unknown": "partial"}


def conformance_report(
    report: Report, implementation: Implementation | None = None
) -> ConformanceReport:
    """The report in short; without ``implementation``, what the report itself says of it."""
    return ConformanceReport(
        implementation=implementation or known_implementation(report),
        date=datetime.fromtimestamp(report.started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        suite=Suite(
            version=report.suite_version, corpus=corpus_digest(report), profile=report.profile
        ),
        cluster=_cluster(report),
        command=report.command,
        partial=report.partial,
        profiles=tuple(_profile(report, result) for result in report.profiles),
    )


def known_implementation(report: Report) -> Implementation:
    """What the report says of whose software was tested."""
    declared = report.declaration
    if declared is None:
        return Implementation(project=report.implementation)
    return Implementation(project=declared.implementation, url=declared.link)


def dumps(report: Report, implementation: Implementation | None = None) -> str:
    """The file's text."""
    data = conformance_report(report, implementation).model_dump(by_alias=True, mode="json")
    return yaml.safe_dump(_without_empty(data), sort_keys=False, allow_unicode=True, width=100)


def schema_text() -> str:
    """The JSON Schema of the file, as it is committed."""
    title = "netpol-conformance ConformanceReport, version 1"
    return json_report.schema_text_of(ConformanceReport, title)


def _cluster(report: Report) -> TestedOn:
    known = [item.cluster for item in report.scenarios if item.cluster]
    versions = Counter(item.kubernetes_version for item in known).most_common(1)
    return TestedOn(
        driver=report.cluster,
        kubernetes_version=versions[0][0] if versions else "",
        nodes=max((item.nodes for item in known), default=None),
        families=tuple(sorted({family for item in known for family in item.families})),
    )


def _profile(report: Report, result: ProfileResult) -> Profile:
    members = [item for item in report.scenarios if item.profile == result.profile]
    features = [item for item in report.features if item.profile == result.profile]
    tally = result.scenarios
    return Profile(
        name=result.profile,
        result=_RESULTS[result.conforms],
        summary=result.reason,
        statistics=Statistics(
            passed=tally[Outcome.PASS],
            failed=tally[Outcome.FAIL] + tally[Outcome.XFAIL],
            skipped=tally[Outcome.UNSUPPORTED],
            inconclusive=tally[Outcome.INCONCLUSIVE],
            unspecified=tally[Outcome.UNSPECIFIED],
        ),
        failed_tests=_paths(members, Outcome.FAIL),
        known_failures=tuple(_known(item) for item in members if item.outcome is Outcome.XFAIL),
        inconclusive_tests=_paths(members, Outcome.INCONCLUSIVE),
        skipped_tests=_paths(members, Outcome.UNSUPPORTED),
        supported_features=tuple(item.feature for item in features if item.outcome is Outcome.PASS),
        unsupported_features=tuple(
            item.feature
            for item in features
            if item.outcome is Outcome.UNSUPPORTED
            or (item.declared_unsupported and not item.passes_though_unsupported)
        ),
    )


def _paths(scenarios: list[ScenarioReport], outcome: Outcome) -> tuple[str, ...]:
    return tuple(item.path for item in scenarios if item.outcome is outcome)


def _known(scenario: ScenarioReport) -> KnownFailure:
    for declaration in scenario.declared:
        return KnownFailure(test=scenario.path, reason=declaration.reason, link=declaration.link)
    return KnownFailure(test=scenario.path, reason=scenario.reason)


def _without_empty(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """``value`` without what says nothing: empty words and lists, but every number and flag."""
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", None, [], {})}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    print(schema_text(), end="")
