"""Reports as files: whole or not at all, also of a run that breaks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from netpol_conformance.report.formats import json_report, junit
from netpol_conformance.report.formats.files import FileReports, write_text
from netpol_conformance.run.events import Event


def test_files_are_written_when_the_run_ends(tmp_path: Path, events: list[Event]) -> None:
    paths = {tmp_path / "new" / "report.json": json_report.dumps, tmp_path / "j.xml": junit.dumps}
    consumer = FileReports(paths)
    for event in events:
        consumer(event)
    consumer.close()
    assert json_report.read(tmp_path / "new" / "report.json").run_id == "run-1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j.xml", "new"]


def test_a_run_that_breaks_leaves_its_report_too(tmp_path: Path, events: list[Event]) -> None:
    consumer = FileReports({tmp_path / "report.json": json_report.dumps})
    for event in events[:6]:
        consumer(event)
    assert not list(tmp_path.iterdir())
    consumer.close()
    assert json_report.read(tmp_path / "report.json").partial


def test_a_run_that_never_started_leaves_none(tmp_path: Path) -> None:
    FileReports({tmp_path / "report.json": json_report.dumps}).close()
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


def test_one_report_that_fails_does_not_cost_the_others_and_finds_another_place(
    tmp_path: Path, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blocked = tmp_path / "file" / "report.html"
    blocked.parent.write_text("not a folder", encoding="utf-8")
    consumer = FileReports({blocked: junit.dumps, tmp_path / "report.json": json_report.dumps})
    for event in events[:-1]:
        consumer(event)
    with pytest.raises(ExceptionGroup) as caught:
        consumer(events[-1])
    (rescued,) = tmp_path.glob("netpol-conformance-*/report.html")
    assert rescued.read_text(encoding="utf-8").startswith("<?xml")
    notes = caught.value.exceptions[0].__notes__
    assert notes == [f"it is {rescued} instead", f"while writing {blocked}"]
    assert json_report.read(tmp_path / "report.json").run_id == "run-1"
