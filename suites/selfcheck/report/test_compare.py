"""Comparing reports: what differs, what is only in one, and whether the later one is worse."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Verdict
from netpol_conformance.report.compare import page, records, table
from netpol_conformance.report.compare.comparing import compare
from netpol_conformance.report.compare.records import Change, Comparison
from netpol_conformance.report.document.collector import count
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.formats import json_report
from netpol_conformance.run.events import CellResult, MeanwhileResult, RefusalResult
from netpol_conformance.scenario.types import Expectation

from ..commands import command
from .compatibility import current
from .conftest import KEPT, LEAK

OPEN = "handbook/everything-open.yaml"
REFUSED = "errata/h2-lower-case.yaml"
BROKEN = "hostile/broken.yaml"


def with_scenario(report: Report, path: str, **changes: object) -> Report:
    """``report`` with one scenario otherwise."""
    scenarios = tuple(
        item.model_copy(update=changes) if item.path == path else item for item in report.scenarios
    )
    return report.model_copy(update={"scenarios": scenarios, "counts": count(scenarios)})


def with_first_cell(report: Report, path: str, **changes: object) -> Report:
    """``report`` with the first cell of a scenario otherwise, and its scenario's outcome."""
    scenario = scenario_of(report, path)
    step = scenario.steps[0]
    cell = step.cells[0].model_copy(update=changes)
    steps = (step.model_copy(update={"cells": (cell, *step.cells[1:])}), *scenario.steps[1:])
    return with_scenario(report, path, steps=steps, outcome=cell.outcome)


def without(report: Report, path: str) -> Report:
    scenarios = tuple(item for item in report.scenarios if item.path != path)
    return report.model_copy(update={"scenarios": scenarios, "counts": count(scenarios)})


def scenario_of(report: Report, path: str) -> ScenarioReport:
    return next(item for item in report.scenarios if item.path == path)


def compared(*reports: Report, common: bool = False) -> Comparison:
    names = {f"{number}.json": report for number, report in enumerate(reports)}
    return compare(names, common=common)


FAILED = {"outcome": Outcome.FAIL, "verdict": Verdict.TIMED_OUT, "blocked": "dropped"}


@pytest.fixture
def good(tame_report: Report) -> Report:
    """A whole run with nothing inconclusive in it."""
    scenario = scenario_of(tame_report, "handbook/simple-example.yaml")
    known = [cell for cell in scenario.steps[1].cells if cell.outcome is not Outcome.INCONCLUSIVE]
    step = scenario.steps[1].model_copy(update={"cells": tuple(known)})
    return with_scenario(tame_report, scenario.path, steps=(scenario.steps[0], step))


def test_a_report_is_the_same_as_itself(good: Report) -> None:
    found = compared(good, good)
    assert (found.change, found.exit_code) == (Change.SAME, 0)
    assert found.same == len(good.scenarios)
    assert not found.differing
    assert not found.absent
    assert not found.notes


def test_a_cell_that_fails_in_the_later_one_is_named_with_its_reason(good: Report) -> None:
    worse = with_first_cell(good, OPEN, **FAILED)
    found = compared(good, worse)
    assert (found.change, found.exit_code) == (Change.WORSE, 1)
    (scenario,) = found.differing
    assert (scenario.path, scenario.outcomes) == (OPEN, (Outcome.PASS, Outcome.FAIL))
    (place,) = scenario.steps[0].differences
    assert (place.source, place.destination) == ("busybox", "service/nginx:80")
    assert [item.seen for item in place.found] == ["connected", "blocked (dropped)"]
    assert "default-deny isolates" in place.explanation
    back = compared(worse, good)
    assert (back.change, back.exit_code) == (Change.BETTER, 0)


def test_one_more_wrong_cell_makes_worse_what_failed_already(good: Report) -> None:
    path = "handbook/simple-example.yaml"
    assert scenario_of(good, path).outcome is Outcome.FAIL
    assert compared(good, with_first_cell(good, path, **FAILED)).change is Change.WORSE


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("PASS", "FAIL", "worse"),
        ("PASS", "XFAIL", "worse"),
        ("PASS", "UNSUPPORTED", "worse"),
        ("PASS", "INCONCLUSIVE", "unknown"),
        ("UNSUPPORTED", "FAIL", "worse"),
        ("UNSUPPORTED", "PASS", "better"),
        ("XFAIL", "FAIL", "different"),
        ("FAIL", "XFAIL", "different"),
        ("FAIL", "INCONCLUSIVE", "different"),
        ("INCONCLUSIVE", "PASS", "different"),
        ("INCONCLUSIVE", "FAIL", "unknown"),
        ("INCONCLUSIVE", "INCONCLUSIVE", "unknown"),
        ("UNSPECIFIED", "FAIL", "worse"),
        ("UNSPECIFIED", "PASS", "different"),
    ],
)
def test_the_rules_of_worse(good: Report, before: str, after: str, change: str) -> None:
    found = compared(
        with_first_cell(good, OPEN, outcome=Outcome(before)),
        with_first_cell(good, OPEN, outcome=Outcome(after)),
    )
    assert found.change is Change(change)
    assert found.exit_code == {"worse": 1, "unknown": 3}.get(change, 0)


def test_dropping_and_rejecting_are_no_difference_but_are_counted(good: Report) -> None:
    shut = {"verdict": Verdict.TIMED_OUT, "expected": Expectation.BLOCKED}
    found = compared(
        with_first_cell(good, OPEN, **shut, blocked="dropped"),
        with_first_cell(good, OPEN, **shut, blocked="rejected"),
    )
    assert found.change is Change.SAME
    first, second = found.reports
    assert (second.dropped - first.dropped, second.rejected - first.rejected) == (-1, 1)


def test_what_was_seen_where_the_specification_is_silent_is_a_difference(good: Report) -> None:
    silent = {"outcome": Outcome.UNSPECIFIED, "expected": Expectation.UNSPECIFIED}
    found = compared(
        with_first_cell(good, OPEN, **silent),
        with_first_cell(good, OPEN, **silent, verdict=Verdict.TIMED_OUT, blocked="dropped"),
    )
    assert found.change is Change.DIFFERENT
    assert found.differing[0].path == OPEN


def test_another_expectation_is_never_called_worse(good: Report) -> None:
    other = with_first_cell(
        good, OPEN, outcome=Outcome.FAIL, expected=Expectation.BLOCKED
    ).model_copy(update={"suite_version": "0.2.0"})
    found = compared(good, other)
    assert found.change is Change.UNKNOWN
    assert "Different suite versions: A 0.1.0, B 0.2.0." in found.notes


def test_scenarios_of_another_text_are_compared_by_path_and_marked(good: Report) -> None:
    found = compared(
        with_scenario(good, OPEN, digest="1"),
        with_scenario(with_first_cell(good, OPEN, **FAILED), OPEN, digest="2"),
    )
    assert found.differing[0].edited
    assert any("texts of 1 scenario differ" in note for note in found.notes)


def test_what_only_one_has_is_told_and_leaves_the_verdict_open(good: Report) -> None:
    found = compared(good, without(good, OPEN))
    assert [item.path for item in found.absent] == [OPEN]
    assert (found.change, found.exit_code) == (Change.UNKNOWN, 3)
    assert "B lacks 1 scenario that others have." in found.notes
    assert compared(good, without(good, OPEN), common=True).exit_code == 0
    assert compared(without(good, OPEN), good).exit_code == 0


def test_nothing_in_common_is_no_comparison(good: Report) -> None:
    other = good.model_copy(
        update={
            "scenarios": tuple(i.model_copy(update={"path": f"x/{i.path}"}) for i in good.scenarios)
        }
    )
    found = compared(good, other, common=True)
    assert found.exit_code == 3
    assert "The reports have no scenario in common." in found.notes


@pytest.mark.parametrize("which", [0, 1])
def test_a_partial_report_never_ends_well(good: Report, which: int) -> None:
    reports = [good, good]
    reports[which] = good.model_copy(update={"partial": True, "reason": "It was interrupted."})
    found = compared(*reports)
    assert found.exit_code == 3
    assert f"{'AB'[which]} is partial: It was interrupted." in found.notes
    reports[1] = with_first_cell(reports[1], OPEN, **FAILED)
    assert compared(*reports).exit_code == 1


def test_a_run_whose_probes_were_not_tested_never_ends_well(good: Report) -> None:
    assert compared(good, good.model_copy(update={"self_test": None})).exit_code == 3


def test_a_step_that_one_did_not_reach_is_one_difference(good: Report) -> None:
    path = "handbook/simple-example.yaml"
    cut = with_scenario(
        good, path, steps=scenario_of(good, path).steps[:1], outcome=Outcome.INCONCLUSIVE
    )
    (scenario,) = compared(good, cut).differing
    (step,) = scenario.steps
    assert (step.index, [item.kind for item in step.differences]) == (2, ["step"])


def test_the_apis_answer_is_compared(good: Report) -> None:
    step = scenario_of(good, REFUSED).steps[0]
    accepted = RefusalResult(expected="x", answer="", outcome=Outcome.FAIL, reason="It accepted.")
    other = with_scenario(
        good,
        REFUSED,
        steps=(step.model_copy(update={"refusal": accepted}),),
        outcome=Outcome.FAIL,
    )
    (place,) = compared(good, other).differing[0].steps[0].differences
    assert (place.kind, place.found[1].seen) == ("refusal", "accepted")


def test_what_happened_during_a_change_is_compared(good: Report) -> None:
    step = scenario_of(good, OPEN).steps[0]
    quiet = LEAK.model_copy(update={"outcome": Outcome.PASS, "unexpected": 0, "probes": 300})
    leak = LEAK.model_copy(update={"probes": 290})

    def of(result: MeanwhileResult, fate: str) -> Report:
        its = KEPT.model_copy(update={"fate": fate})
        changed = step.model_copy(update={"meanwhile": (result,), "held": (its,)})
        return with_scenario(good, OPEN, steps=(changed,), outcome=result.outcome)

    before = of(quiet, "survives")
    assert compared(before, of(quiet, "survives")).change is Change.SAME
    other = of(quiet.model_copy(update={"probes": 310}), "survives")
    assert compared(before, other).change is Change.SAME
    found = compared(before, of(leak, "cut"))
    assert found.change is Change.WORSE
    kinds = {item.kind: item for item in found.differing[0].steps[0].differences}
    assert [item.seen for item in kinds["meanwhile"].found] == [
        "0 of 300 probes unexpected",
        "7 of 290 probes unexpected",
    ]
    assert [item.seen for item in kinds["held"].found] == ["survives", "cut"]
    assert kinds["held"].changes == (Change.DIFFERENT,)
    assert "held open over the change" in shown(found, width=120)


def test_the_gravest_comes_first_of_three(good: Report) -> None:
    other = with_first_cell(good, OPEN, outcome=Outcome.UNSPECIFIED)
    worse = with_scenario(good, REFUSED, outcome=Outcome.FAIL, steps=())
    found = compared(good, other, with_scenario(worse, OPEN, steps=(), outcome=Outcome.FAIL))
    assert [report.change for report in found.reports] == ["same", "different", "unknown"]
    assert [report.label for report in found.reports] == ["A", "B", "C"]


@pytest.mark.parametrize("number", [0, 1, 27])
def test_too_few_or_too_many_are_refused(good: Report, number: int) -> None:
    with pytest.raises(ValueError, match="compare takes 2 to 26"):
        compared(*[good] * number)


def test_a_comparison_obeys_the_schema_and_reads_back_the_same(
    report: Report, good: Report
) -> None:
    text = records.dumps(compared(good, report))
    jsonschema.validate(json.loads(text), current("comparison"))
    assert Comparison.model_validate_json(text) == compared(good, report)


def shown(comparison: Comparison, width: int = 80) -> str:
    stream = io.StringIO()
    table.show(comparison, Console(file=stream, width=width, highlight=False, _environ={}))
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits_the_terminal(good: Report, width: int) -> None:
    lines = shown(compared(good, with_first_cell(good, OPEN, **FAILED), good), width).splitlines()
    assert max(map(len, lines)) <= width


def test_table_golden(good: Report, golden: Callable[[str, str], None]) -> None:
    golden("compare.txt", shown(compared(good, with_first_cell(good, OPEN, **FAILED))))


def test_hostile_reports_can_neither_steer_a_terminal_nor_script_a_page(
    report: Report, good: Report
) -> None:
    path = "hostile/strings.yaml"
    cells: tuple[CellResult, ...] = scenario_of(report, path).steps[0].cells
    mended = cells[0].model_copy(update={"outcome": Outcome.PASS})
    step = scenario_of(report, path).steps[0].model_copy(update={"cells": (mended,)})
    found = compared(report, with_scenario(report, path, steps=(step,), outcome=Outcome.PASS))
    assert "alert(1)" in shown(found)
    assert "\x1b" not in shown(found)
    html = page.render(found)
    assert "alert(1)" in html
    assert "<img" not in html
    assert "<script" not in html
    assert "script-src 'none'" in unescape(html)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", html)


def test_the_page_tells_both_sides_and_loads_nothing(good: Report) -> None:
    html = page.render(compared(good, with_first_cell(good, OPEN, **FAILED)))
    assert "<h1>B is worse than A</h1>" in html
    assert '<span class="badge fail">!dropped</span>' in html
    assert "default-deny isolates" in html
    assert not re.search(r'(src|href)="(?!#)', html)


def test_the_command_exits_as_documented_and_writes_what_is_asked(
    good: Report, tmp_path: Path
) -> None:
    first, second, other = (str(tmp_path / name) for name in ("a.json", "b.json", "out.json"))
    worse = with_first_cell(good, OPEN, **FAILED)
    Path(first).write_text(json_report.dumps(good), encoding="utf-8")
    Path(second).write_text(json_report.dumps(worse), encoding="utf-8")
    html = tmp_path / "new" / "c.html"
    done = command("compare", first, second, "--html", str(html), "--json", other)
    assert done.returncode == 1, done.stderr
    assert "B is worse than A" in done.stdout
    assert json.loads(Path(other).read_text(encoding="utf-8"))["exit_code"] == 1
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(command("compare", second, first, "--json", "-").stdout)["change"] == "better"
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.json").write_text(json_report.dumps(good), encoding="utf-8")
    assert command("compare", str(folder), first).returncode == 0
    assert command("compare", first, first).returncode == 2
    assert command("compare", first, str(tmp_path / "none.json")).returncode == 2
