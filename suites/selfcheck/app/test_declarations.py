"""Plugins' declarations from the command line, with mutants for plugins."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.formats import json_report

from ..commands import PACKS, mutant, python
from ..commands import run as run_command

SCENARIO = "regressions/hairpin.yaml"
LINK = "https://example.org/1"
FAILING = "web -> clusterip/web:80"
HEAD = "implementation: mine\nlink: https://example.org\n"
UNSUPPORTED = f"{HEAD}unsupported:\n  hairpinThroughService: {{reason: so it is, link: {LINK}}}\n"
KNOWN = f"{HEAD}knownFailures:\n- {{scenario: {SCENARIO}, reason: so it is, link: {LINK}}}\n"


WRONG = mutant("SelfIsBlocked")


def run(folder: Path, declaration: str, implementation: str, *words: str):
    """The finished process, its report and JUnit's only test case."""
    file = folder / "mine.yaml"
    file.write_text(declaration, encoding="utf-8")
    options = ("--implementation", implementation, "--declaration", str(file))
    done, report = run_command(folder, SCENARIO, "--timeout", "enforce=0.5", *options, *words)
    if report is None:
        return done, None, None
    (case,) = ET.parse(folder / "junit.xml").iter("testcase")
    return done, report, case


def narrowed(text: str) -> str:
    """A known failure with more said of it."""
    return KNOWN.replace("reason:", f"{text}, reason:")


@pytest.mark.parametrize(
    "declaration",
    [KNOWN, narrowed("steps: [2]"), narrowed(f'cells: ["{FAILING}"]')],
    ids=["anywhere", "in a step", "in a cell"],
)
def test_a_known_failure_is_expected(declaration, tmp_path):
    done, report, case = run(tmp_path, declaration, WRONG)
    assert done.returncode == 0, done.stdout + done.stderr
    (scenario,) = report.scenarios
    assert scenario.outcome is Outcome.XFAIL
    assert scenario.reason == f"Declared: so it is ({LINK})"
    assert [item.holds for item in scenario.declared] == [True]
    assert report.counts.cells[Outcome.FAIL] == 0
    assert report.counts.cells[Outcome.XFAIL] == 1
    assert LINK in case.find("skipped").get("message")
    assert "conforms in what was asked, except where declared" in done.stdout
    assert "Conforms to extended: no (1 of 1 fail)" in done.stdout


def test_a_known_failure_that_passes_is_a_failure(tmp_path):
    done, report, case = run(tmp_path, KNOWN, "reference")
    assert done.returncode == 1, done.stdout
    assert report.scenarios[0].outcome is Outcome.FAIL
    told = "Declared as failing, but it passes: remove it from"
    assert told in done.stdout
    assert told in case.find("failure").text
    assert f"{tmp_path / 'mine.yaml'}:4" in report.scenarios[0].reason


def test_a_failure_outside_of_what_is_known_is_one(tmp_path):
    done, report, _ = run(tmp_path, narrowed("steps: [1]"), WRONG)
    assert done.returncode == 1, done.stdout
    assert report.counts.cells[Outcome.FAIL] == 1
    assert "passes in step 1" in report.scenarios[0].reason


def test_an_unsupported_feature_may_fail(tmp_path):
    done, report, case = run(tmp_path, UNSUPPORTED, WRONG)
    (scenario,), (feature,) = report.scenarios, report.features
    assert scenario.outcome is Outcome.UNSUPPORTED
    assert feature.declared_unsupported
    assert feature.outcome is Outcome.UNSUPPORTED
    assert LINK in case.find("skipped").get("message")
    assert "Features not supported: hairpinThroughService." in done.stdout
    # A run in which nothing else was asked shows nothing.
    assert done.returncode == 3


def test_an_unsupported_feature_that_passes_is_told_of(tmp_path):
    done, report, case = run(tmp_path, UNSUPPORTED, "reference")
    assert done.returncode == 0, done.stdout
    assert report.features[0].passes_though_unsupported
    assert "Declared unsupported, but passes: hairpinThroughService." in done.stdout
    told = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert told["declared"].startswith("hairpinThroughService is declared as unsupported, but")
    assert case.find("skipped") is None


def test_strict_features_fail_what_is_declared_and_passes(tmp_path):
    done, report, _ = run(tmp_path, UNSUPPORTED, "reference", "--strict-features")
    assert done.returncode == 1, done.stdout
    assert report.scenarios[0].outcome is Outcome.FAIL
    assert "--strict-features" in report.scenarios[0].rerun


def test_a_declaration_with_a_mistake_starts_nothing(tmp_path):
    wrong = KNOWN.replace("hairpin", "hairpinn")
    done, report, _ = run(tmp_path, wrong, "reference")
    assert (done.returncode, report) == (2, None)
    assert re.search(
        r'mine.yaml:4: .* names no scenario; did you mean "regressions/hairpin.yaml"', done.stderr
    )


def with_pytest(*words: str):
    """pytest over all packs."""
    return python("pytest", str(PACKS), "-p", "no:cacheprovider", *words)


def test_pytest_tells_the_reasons_of_what_fails_as_declared(tmp_path):
    (tmp_path / "mine.yaml").write_text(KNOWN, encoding="utf-8")
    done = with_pytest(
        *("--netpol-scenario", SCENARIO, "-rx", "--netpol-implementation", WRONG),
        *("--netpol-timeout", "enforce=0.5"),
        *("--netpol-declaration", str(tmp_path / "mine.yaml")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"XFAIL .*hairpin.yaml.* - Declared: so it is \({LINK}\)", done.stdout)


def test_workers_of_pytest_xdist_know_the_declaration_too(tmp_path):
    (tmp_path / "mine.yaml").write_text(UNSUPPORTED, encoding="utf-8")
    done = with_pytest(
        *("-n2", "--netpol-scenario", SCENARIO, "--netpol-scenario", "handbook/no-policy.yaml"),
        *("--netpol-implementation", WRONG, "--netpol-timeout", "enforce=0.5"),
        *("--netpol-declaration", str(tmp_path / "mine.yaml")),
        *("--netpol-json", str(tmp_path / "report.json")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json_report.read(tmp_path / "report.json")
    assert report.declaration.file == str(tmp_path / "mine.yaml")
    (feature,) = report.features
    assert (feature.feature, feature.outcome) == ("hairpinThroughService", Outcome.UNSUPPORTED)


def test_a_profile_chooses_what_runs():
    def collected(*words: str) -> str:
        packs = ("--netpol-scenario", "regressions", "--netpol-scenario", "legacy")
        return with_pytest("--collect-only", "-q", *packs, *words).stdout

    everything, core = collected(), collected("--netpol-profile", "core")
    assert "regressions/hairpin.yaml" in everything
    assert "legacy/" in everything
    assert "regressions/except-is-no-deny.yaml" in core
    assert "regressions/hairpin.yaml" not in core
    assert "legacy/egress-1-7.yaml" not in core
