"""Within a schema version reports only gain fields: old readers and old reports go on working."""

from __future__ import annotations

import copy
import json
from types import ModuleType

import jsonschema
import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report import html
from netpol_conformance.report.compare import records
from netpol_conformance.report.compare.comparing import compare
from netpol_conformance.report.document import short
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report, junit, yaml_report

from .compatibility import CURRENT, FROZEN, SCHEMAS, Schema, breaches, current, frozen

OLD_REPORT = FROZEN / "report-1.json"


@pytest.fixture
def schema() -> Schema:
    """The schema as committed."""
    return current("report")


@pytest.mark.parametrize(
    ("name", "module"),
    [("report", json_report), ("comparison", records), ("conformance-report", yaml_report)],
)
def test_the_committed_schema_is_current(name: str, module: ModuleType) -> None:
    file = CURRENT / f"{name}.schema.json"
    told = f"run: python -m {module.__name__} > schemas/{file.name}"
    assert file.read_text(encoding="utf-8") == module.schema_text(), told


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_keeps_its_promises_to_readers_of_version_1(name: str) -> None:
    told = "a change that breaks these rules is a new version (docs/reports.md)"
    assert breaches(frozen(name), current(name)) == [], told


def test_a_report_of_the_first_version_is_read_and_valid(schema: Schema) -> None:
    text = OLD_REPORT.read_text(encoding="utf-8")
    jsonschema.validate(json.loads(text), schema)
    assert json_report.loads(text).counts.scenarios[Outcome.FAIL] == 1


def test_what_a_later_suite_adds_is_passed_over(report: Report, schema: Schema) -> None:
    data = json.loads(json_report.dumps(report))
    data["added"] = 1
    data["scenarios"][0]["added"] = {"a": 1}
    data["scenarios"][0]["steps"][0]["cells"][0]["evidence"][0]["added"] = []
    jsonschema.validate(data, schema)
    assert json_report.loads(json.dumps(data)) == report


def definition(schema: Schema, name: str) -> Schema:
    return schema["$defs"][name]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s["properties"].pop("outcome"), "report.outcome is gone"),
        (lambda s: s["required"].remove("outcome"), "report.outcome may be missing"),
        (lambda s: s["required"].append("short"), "report.short is required, which older"),
        (
            lambda s: s["properties"].update(partial={"type": "string"}),
            "report.partial is another type",
        ),
        (
            lambda s: definition(s, "Outcome")["enum"].append("MAYBE"),
            "report.outcome can be MAYBE, which no reader expects",
        ),
        (
            lambda s: definition(s, "Verdict")["enum"].remove("refused"),
            "verdict can no longer be refused",
        ),
        (
            lambda s: definition(s, "CellResult")["properties"].pop("expected"),
            "report.scenarios[].steps[].cells[].expected is gone",
        ),
        (
            lambda s: s["properties"].update(finished={"type": "number"}),
            "report.finished is another type",
        ),
    ],
)
def test_each_breach_is_seen(schema: Schema, change, told: str) -> None:
    changed = copy.deepcopy(schema)
    change(changed)
    assert any(told in breach for breach in breaches(schema, changed)), breaches(schema, changed)


def test_what_may_change_is_no_breach(schema: Schema) -> None:
    changed = copy.deepcopy(schema)
    changed["properties"]["added"] = {"type": "string"}
    definition(changed, "Evidence")["properties"]["phase"]["enum"].append("later")
    changed["properties"]["outcome"]["description"] = "other words"
    assert breaches(schema, changed) == []


# -- short reports -------------------------------------------------------------------------------


def test_a_short_report_reads_back_with_all_cells_and_outcomes(
    report: Report, schema: Schema
) -> None:
    text = short.dumps(report)
    jsonschema.validate(json.loads(text), schema)
    read = json_report.loads(text)
    assert read.counts == report.counts
    for before, after in zip(report.scenarios, read.scenarios, strict=True):
        for step, its in zip(before.steps, after.steps, strict=True):
            seen = {
                (c.source, c.destination): (c.outcome, c.verdict, c.blocked) for c in step.cells
            }
            assert seen == {
                (c.source, c.destination): (c.outcome, c.verdict, c.blocked) for c in its.cells
            }
            assert [c.protocol for c in its.cells] == [
                next(d.protocol for d in step.cells if d.destination == c.destination)
                for c in its.cells
            ]


def test_a_short_report_keeps_all_of_what_did_not_pass(tame_report: Report) -> None:
    read = json_report.loads(short.dumps(tame_report))

    def wrong(report: Report) -> list[object]:
        cells = [c for s in report.scenarios for step in s.steps for c in step.cells]
        return sorted(
            (c for c in cells if c.outcome is not Outcome.PASS),
            key=lambda c: (c.source, c.destination),
        )

    assert wrong(read) == wrong(tame_report)


def test_a_short_report_is_the_same_as_the_whole_one_to_compare_and_can_be_shown(
    tame_report: Report,
) -> None:
    read = json_report.loads(short.dumps(tame_report))
    found = compare({"whole": tame_report, "short": read})
    assert not found.differing
    assert html.render(read)
    assert junit.dumps(read)


def test_a_short_report_is_much_shorter(report: Report) -> None:
    assert len(short.dumps(report)) < len(json_report.dumps(report)) / 5
