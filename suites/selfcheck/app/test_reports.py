"""The committed reports: adding one, the index over all, and what the check finds."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from netpol_conformance import __version__
from netpol_conformance.app import publishing
from netpol_conformance.app.publishing import PublishingError
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.conformance import profile_results
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report
from netpol_conformance.report.formats.yaml_report import Implementation
from netpol_conformance.report.published.entries import BEGIN, END, changed, index, reproduce

from ..commands import ROOT, SAMPLE, command

COMMITTED = ROOT / "reports"
ACME = Implementation(organization="ACME", project="Example", version="1.9")


@pytest.fixture
def report() -> Report:
    """A report of this suite, all of whose scenarios name their text."""
    read = json_report.read(SAMPLE)
    scenarios = tuple(
        item.model_copy(
            update={
                "digest": f"{number:016x}",
                "profile": "core" if item.pack == "handbook" else "extended",
            }
        )
        for number, item in enumerate(read.scenarios)
    )
    command = "netpol-conformance run --cluster kind --report build/kind --jobs 4"
    return read.model_copy(
        update={
            "scenarios": scenarios,
            "profiles": profile_results(scenarios, whole=True, sound=True),
            "command": command,
            "suite_version": __version__,
        }
    )


@pytest.fixture
def root(tmp_path: Path, report: Report) -> Path:
    """A folder with two versions of a report and its index."""
    for version in ("1.9", "1.10"):
        publishing.add(tmp_path, report, "example", version, ACME)
    publishing.write_index(tmp_path)
    return tmp_path


def corpus_of(report: Report) -> dict[str, str]:
    return {item.path: item.digest for item in report.scenarios}


def wrong(root: Path, report: Report) -> list[str]:
    return [str(item) for item in publishing.check(root, corpus_of(report)) if item.wrong]


@pytest.mark.parametrize(
    "words",
    [
        "--report build/kind",
        "--report=build/kind",
        "--reuse-cluster mine",
        "--reuse-cluster=mine --keep-cluster",
        "--keep-cluster --report build/kind",
    ],
)
def test_who_reproduces_a_run_needs_neither_its_cluster_nor_its_folder(
    report: Report, words: str
) -> None:
    command = f"netpol-conformance run {words} --jobs 4"
    again = reproduce(report.model_copy(update={"command": command}))
    assert again == "netpol-conformance run --jobs 4"


def test_what_is_added_is_in_order(root: Path, report: Report) -> None:
    assert publishing.check(root, corpus_of(report)) == []
    folder = root / "example" / "1.9"
    assert {path.name for path in folder.iterdir()} == {"README.md", "report.json", "report.yaml"}
    assert "netpol-conformance run --cluster kind --jobs 4" in (folder / "README.md").read_text()
    data = yaml.safe_load((folder / "report.yaml").read_text())
    assert data["implementation"] == {
        "organization": "ACME",
        "project": "Example",
        "version": "1.9",
    }
    assert json_report.read(folder / "report.json").counts == report.counts


def test_the_index_has_a_row_for_each_version_and_profile_the_newest_first(
    root: Path, report: Report
) -> None:
    items, findings = publishing.read(root)
    assert not findings
    rows = [row for row in index(items).splitlines() if row.startswith("| Example")]
    assert ["[1.10]" in row for row in rows] == [True, True, False, False]
    assert ["| core |" in row for row in rows] == [True, False, True, False]


def test_adding_again_keeps_what_the_author_wrote(root: Path, report: Report) -> None:
    path = root / "example" / "1.9" / "README.md"
    path.write_text(f"# Mine\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", encoding="utf-8")
    publishing.add(root, report, "example", "1.9", ACME)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Mine\n\nBefore.\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text
    assert "--cluster kind" in text
    assert wrong(root, report) == []


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("report.json", lambda text: text.replace('"FAIL"', '"NICE"', 1), "cannot be read"),
        ("report.json", lambda text: text[:-20], "cannot be read"),
        ("report.json", lambda text: text.replace('"schema_version":"1"', '"schema_version":"9"'),
         "cannot be read"),
        ("report.json", lambda text: text.replace(f'"suite_version":"{__version__}"',
                                                  '"suite_version":"99.0"'), "by suite 99.0"),
        ("report.json", lambda text: text + " " * (2 << 20), "larger than 2 MiB"),
        ("report.json", lambda text: text.replace('"digest":"0000000000000000",', ""),
         "names no text"),
        ("report.yaml", lambda text: text.replace("Failed: 1", "Failed: 0"), "report.yaml is not"),
        ("report.yaml", lambda text: text + "extra: 1\n", "report.yaml is not"),
        ("report.yaml", lambda text: "kind: [", "cannot be read"),
        ("README.md", lambda text: text.replace("--cluster kind", ""), "how to reproduce"),
        ("../../README.md", lambda text: text + "x", "is not up to date"),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_is_found(root: Path, report: Report, file, change, told) -> None:
    path = root / "example" / "1.9" / file
    before = path.read_text(encoding="utf-8")
    assert change(before) != before
    path.write_text(change(before), encoding="utf-8")
    assert any(told in finding for finding in wrong(root, report)), wrong(root, report)


@pytest.mark.parametrize("name", ["README.md", "report.json", "report.yaml"])
def test_a_missing_file_is_found(root: Path, report: Report, name: str) -> None:
    (root / "example" / "1.9" / name).unlink()
    assert wrong(root, report) == [f"example/1.9: lacks {name}"]


def test_a_corpus_that_moved_on_is_worth_a_note_only(root: Path, report: Report) -> None:
    corpus = corpus_of(report) | {"new/one.yaml": "1"}
    corpus[report.scenarios[0].path] = "other"
    assert changed(report, corpus) == (1, 1)
    notes = publishing.check(root, corpus)
    assert [note.wrong for note in notes] == [False, False]


def test_a_partial_report_is_not_added(tmp_path: Path, report: Report) -> None:
    cut = report.model_copy(update={"partial": True, "reason": "It was interrupted."})
    with pytest.raises(PublishingError, match="It was interrupted"):
        publishing.add(tmp_path, cut, "example", "1", ACME)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "-x", "a b"])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, report: Report, name: str) -> None:
    with pytest.raises(PublishingError, match="become folders"):
        publishing.add(tmp_path, report, name, "1", ACME)


def test_the_commands_add_and_check(tmp_path: Path, report: Report) -> None:
    file = tmp_path / "report.json"
    file.write_text(json_report.dumps(report), encoding="utf-8")
    where = ("--reports", str(tmp_path / "reports"))
    assert report.outcome is Outcome.FAIL
    done = command("reports", "add", str(file), "--implementation", "x", *where)
    assert done.returncode == 0, done.stderr  # the reference: its version is the suite's
    assert (tmp_path / "reports" / "x" / __version__ / "report.json").is_file()
    assert command("reports", "check", *where).returncode == 0
    other = report.model_copy(update={"implementation": "calico"})
    file.write_text(json_report.dumps(other), encoding="utf-8")
    done = command("reports", "add", str(file), *where)
    assert (done.returncode, "Say --version" in done.stderr) == (2, True)
    (tmp_path / "reports" / "README.md").unlink()
    done = command("reports", "check", *where)
    assert (done.returncode, "reports index" in done.stdout) == (1, True)
    assert command("reports", "index", *where).returncode == 0
    assert command("reports", "check", *where).returncode == 0


def test_the_committed_reports_are_in_order() -> None:
    done = command("reports", "check", cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "folder", sorted(COMMITTED.glob("*/*/")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_a_committed_report_obeys_the_schemas(folder: Path) -> None:
    for name, schema in (("report.json", "report"), ("report.yaml", "conformance-report")):
        data = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        text = (ROOT / "schemas" / f"{schema}.schema.json").read_text(encoding="utf-8")
        jsonschema.validate(data, json.loads(text))
