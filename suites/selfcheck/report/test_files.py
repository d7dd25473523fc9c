"""Reports as files: whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report, junit
from netpol_conformance.report.formats.files import write_reports, write_text


def test_files_are_written_into_new_folders(tmp_path: Path, report: Report) -> None:
    paths = {tmp_path / "new" / "report.json": json_report.dumps, tmp_path / "j.xml": junit.dumps}
    assert write_reports(paths, report) == []
    assert json_report.read(tmp_path / "new" / "report.json").run_id == "run-1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j.xml", "new"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


def test_one_report_that_fails_does_not_cost_the_others_and_finds_another_place(
    tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blocked = tmp_path / "file" / "report.html"
    blocked.parent.write_text("not a folder", encoding="utf-8")
    files = {blocked: junit.dumps, tmp_path / "report.json": json_report.dumps}
    (told,) = write_reports(files, report)
    (rescued,) = tmp_path.glob("netpol-conformance-*/report.html")
    assert rescued.read_text(encoding="utf-8").startswith("<?xml")
    assert told.endswith(f", it is {rescued} instead; while writing {blocked}")
    assert json_report.read(tmp_path / "report.json").run_id == "run-1"
