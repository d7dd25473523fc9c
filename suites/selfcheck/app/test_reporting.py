"""What a run leaves: every file, GitHub's summary and annotations, a report whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.app.options import RunOptions
from netpol_conformance.app.report_files import (
    KINDS,
    Kind,
    check_folders,
    tell_github,
    wanted,
    write_files,
)
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report

from ..commands import NOTHING_ENFORCED, PACKS, QUICK, ROOT, SAMPLE, python, run

OUTSIDE_GITHUB = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory):
    """A run that fails, as a step of GitHub Actions in this checkout, and its folder."""
    folder = tmp_path_factory.mktemp("failed")
    env = OUTSIDE_GITHUB | {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
    }
    (folder / "step.md").write_text("before\n", encoding="utf-8")
    done, _ = run(folder / "out", QUICK, *NOTHING_ENFORCED, env=env)
    return done, folder


def test_a_run_leaves_every_kind_of_report(failed) -> None:
    done, folder = failed
    assert done.returncode == 1, done.stdout + done.stderr
    written = {path.name for path in (folder / "out").iterdir()}
    assert written == {"run.log", *(kind.file for kind in KINDS.values())}
    report = json_report.read(folder / "out" / "report.json")
    for kind in KINDS.values():
        assert (folder / "out" / kind.file).read_text(encoding="utf-8") == kind.form(report)
    assert yaml.safe_load((folder / "out" / "report.yaml").read_text())["kind"] == (
        "ConformanceReport"
    )


def test_github_shows_the_failure_at_the_line_that_states_the_cell(failed) -> None:
    done, _ = failed
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    place, _, _ = error.removeprefix("::error ").partition(",title=")
    file, _, line = place.partition(",line=")
    lines = (ROOT / file.removeprefix("file=")).read_text().splitlines()
    assert "blocked" in lines[int(line) - 1]
    assert "::notice " in done.stdout


def test_githubs_step_summary_is_added_to(failed) -> None:
    _, folder = failed
    text = (folder / "step.md").read_text(encoding="utf-8")
    assert text == "before\n" + (folder / "out" / "summary.md").read_text(encoding="utf-8")


def test_elsewhere_than_on_github_nothing_is_said_to_it(failed) -> None:
    report = json_report.read(failed[1] / "out" / "report.json")
    said: list[str] = []
    tell_github(report, load_corpus([QUICK]), {}, said.append)
    tell_github(report, load_corpus([QUICK]), {"GITHUB_ACTIONS": "false"}, said.append)
    assert not said


def test_a_scenario_outside_the_repository_is_annotated_without_a_place(failed, tmp_path) -> None:
    report = json_report.read(failed[1] / "out" / "report.json")
    said: list[str] = []
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)}
    tell_github(report, load_corpus([QUICK]), env, said.append)
    assert said[0].startswith("::error title=")


def test_pytest_writes_each_kind_by_an_option_of_its_own(tmp_path) -> None:
    kinds = ("json", "html", "junit", "yaml", "markdown")
    options = [f"--netpol-{kind}={tmp_path / kind}" for kind in kinds]
    done = python("pytest", str(PACKS), "--netpol-scenario", QUICK, *options)
    assert done.returncode == 0, done.stdout
    assert {path.name for path in tmp_path.iterdir()} == set(kinds)
    assert json_report.read(tmp_path / "json").outcome is Outcome.PASS


def test_a_fault_in_one_report_costs_that_report_only(tmp_path, monkeypatch) -> None:
    def broken(report: Report) -> str:
        raise TypeError("it forgot something")

    monkeypatch.setitem(KINDS, "HTML", Kind("report.html", broken))
    sample = json_report.read(SAMPLE)
    files = wanted(RunOptions(report=str(tmp_path)))
    check_folders(files)
    assert write_files(files, sample) == [
        f"A report is missing: it forgot something, while writing {tmp_path / 'report.html'}"
    ]
    assert {path.name for path in tmp_path.iterdir()} == {kind.file for kind in KINDS.values()} - {
        "report.html"
    }


def test_an_output_that_takes_nothing_costs_no_report(tmp_path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done, report = run(tmp_path, QUICK, stdout=full, env=OUTSIDE_GITHUB)
    assert "Nothing more can be shown: [Errno 28]" in done.stderr
    assert report.outcome is Outcome.PASS, done.stderr


def test_a_full_disk_leaves_the_old_reports_whole_and_says_where_the_new_are(tmp_path) -> None:
    """A file system of 64 KiB, in namespaces of the test's own, with a good report on it."""
    report = tmp_path / "small"
    report.mkdir()
    script = f"""
        mount -t tmpfs -o size=64k none {report}
        echo good > {report}/report.json
        head -c 32000 /dev/zero > {report}/filler
        {sys.executable} -m netpol_conformance run {QUICK} --report {report}
        code=$?
        cp -r {report} {tmp_path}/after
        exit $code
    """
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=OUTSIDE_GITHUB | {"TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "reference conforms" in done.stdout
    assert "A report is missing: [Errno 28] No space left on device" in done.stdout
    after = tmp_path / "after"
    assert (after / "report.json").read_text() == "good\n"
    assert not [path for path in after.iterdir() if path.name.startswith(".")]
    assert (after / "badge.json").exists()  # small enough
    (rescued,) = tmp_path.glob("netpol-conformance-*/report.json")
    assert json_report.read(rescued).outcome is Outcome.PASS
    assert str(rescued) in done.stdout
