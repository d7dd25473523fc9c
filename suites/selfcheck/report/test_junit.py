"""JUnit XML: well-formed whatever the run met, with the words that its readers show."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import junit
from netpol_conformance.run.events import DeclaredItem


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


def test_a_case_names_its_file_and_what_it_can_be_grouped_by(report: Report) -> None:
    first = report.scenarios[0].model_copy(
        update={"path": "semantics/ports.yaml#named", "features": ("namedPorts", "sctp")}
    )
    case = parsed(report.model_copy(update={"scenarios": (first,)})).find(".//testcase")
    assert case is not None
    assert case.get("file") == "semantics/ports.yaml"
    told = {item.get("name"): item.get("value", "") for item in case.iter("property")}
    assert told["features"] == "namedPorts sctp"
    assert told["outcome"] == "FAIL"
    assert told["rerun"].startswith("netpol-conformance run ")


def test_what_is_skipped_says_why_and_where_that_is_told(report: Report) -> None:
    known = DeclaredItem(reason="It forgets.", link="https://example.org/7", holds=True)
    scenarios = tuple(
        item.model_copy(update={"declared": (known,)}) if item.outcome is Outcome.XFAIL else item
        for item in report.scenarios
    )
    messages = {
        item.get("message", "")
        for item in parsed(report.model_copy(update={"scenarios": scenarios})).iter("skipped")
    }
    assert messages == {
        "UNSUPPORTED: It came to UNSUPPORTED.",
        "XFAIL: It came to XFAIL. https://example.org/7",
        "UNSPECIFIED: It came to UNSPECIFIED.",
    }


def test_hostile_text_leaves_well_formed_xml(report: Report) -> None:
    text = junit.dumps(report)
    assert "<img" not in text
    assert "\x1b" not in text
    failure = parsed(report).find("./testsuite[@name='hostile']/testcase/failure")
    assert failure is not None
    assert "alert(1)" in (failure.text or "")


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
