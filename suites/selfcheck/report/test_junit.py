"""JUnit XML: well-formed whatever the run met, with the words that its readers show."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report import junit
from netpol_conformance.report.document import Report


def parsed(report: Report) -> ET.Element:
    return ET.fromstring(junit.dumps(report).encode())


def test_junit_golden(tame_report: Report, golden: Callable[[str, str], None]) -> None:
    golden("junit.xml", junit.dumps(tame_report))


def test_a_case_for_every_scenario_in_the_suite_of_its_pack(report: Report) -> None:
    root = parsed(report)
    cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert cases == [(scenario.pack, scenario.path) for scenario in report.scenarios]
    assert [suite.get("name") for suite in root] == ["handbook", "errata", "hostile"]


def test_outcomes_become_elements_that_the_counts_agree_with(report: Report) -> None:
    root = parsed(report)
    for attribute, tag, number in (
        ("failures", "failure", 2),
        ("errors", "error", 1),
        ("skipped", "skipped", 3),
    ):
        assert root.get(attribute) == str(number)
        assert len(list(root.iter(tag))) == number
        assert sum(int(suite.get(attribute, "0")) for suite in root) == number


def test_a_failure_shows_matrix_explanation_evidence_and_command(report: Report) -> None:
    failure = parsed(report).find(".//failure")
    assert failure is not None
    assert failure.text is not None
    for part in (
        "!✓",
        "default/default-deny isolates",
        "$ busybox wget --spider --timeout=1",
        "netpol-conformance run handbook/simple-example.yaml",
    ):
        assert part in failure.text


def test_a_failed_self_test_is_an_error_of_its_own(report: Report) -> None:
    assert report.self_test is not None
    broken = report.self_test.model_copy(
        update={"outcome": Outcome.INCONCLUSIVE, "reason": "Nothing\x00 is ever blocked."}
    )
    root = parsed(report.model_copy(update={"self_test": broken}))
    error = root.find("./testsuite[@name='self-test']/testcase/error")
    assert error is not None
    assert error.get("message") == "Nothing\\x00 is ever blocked."
    assert root.get("errors") == "2"
