"""The JSON report: written, valid by the committed schema, read back the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report
from netpol_conformance.run.events import Event

from .compatibility import current
from .conftest import collect


def test_a_report_obeys_the_schema_and_reads_back_the_same(report: Report) -> None:
    text = json_report.dumps(report)
    schema = current("report")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(text), schema)
    assert json_report.loads(text) == report


def test_a_report_cut_short_obeys_the_schema(events: list[Event]) -> None:
    text = json_report.dumps(collect(events[:1]))
    jsonschema.validate(json.loads(text), json_report.schema())
    assert json_report.loads(text).partial


def test_json_golden(tame_report: Report, golden: Callable[[str, str], None]) -> None:
    golden("report.json", json_report.dumps(tame_report))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n oops", "r.json:2: not JSON"),
        ("[]", 'r.json: schema_version is null, not "1"'),
        ('{"schema_version": "2"}', 'r.json: schema_version is "2", not "1"'),
        ('{"schema_version": "1"}', "r.json: run_id: Field required"),
    ],
)
def test_what_is_not_a_report_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(json_report.ReportError) as error:
        json_report.loads(text, source="r.json")
    assert said in str(error.value)


def test_a_file_is_read(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "report.json"
    path.write_text(json_report.dumps(report), encoding="utf-8")
    assert json_report.read(path) == report


def test_output_that_is_not_text_does_not_lose_the_report(report: Report) -> None:
    odd = report.model_copy(update={"reason": "bytes \udcff"})
    text = json_report.dumps(odd)
    assert text.encode()
    assert json_report.loads(text) == odd
