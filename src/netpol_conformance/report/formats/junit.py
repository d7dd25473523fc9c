"""The report as JUnit XML: a test suite a pack, a test case a scenario. Pure.

Written for GitLab, Jenkins and GitHub's readers of it: they show the body of ``failure`` and
``error``, so all that a person needs stands there; of what is skipped they show the message, so
its reason and link are in that. ``file`` is the scenario's, relative to the folder of packs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.conformance import surprises
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.document.summary import PackSummary, packs, went_by
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.report.text import one_line, visible

_ELEMENTS = {
    Outcome.FAIL: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.XFAIL: "skipped",
    Outcome.UNSUPPORTED: "skipped",
    Outcome.UNSPECIFIED: "skipped",
}
"""What a test case carries; a passed one carries nothing."""


def dumps(report: Report) -> str:
    """The report as one XML document."""
    root = ET.Element("testsuites", {"name": "netpol-conformance"})
    if report.self_test and report.self_test.outcome is not Outcome.PASS:
        root.append(_self_test(report))
    root.extend(_suite(report, pack) for pack in packs(report))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{report.duration or 0:.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(report: Report, pack: PackSummary) -> ET.Element:
    elements = [_element(scenario) for scenario in pack.scenarios]
    suite = ET.Element(
        "testsuite",
        {
            "name": one_line(pack.name),
            "tests": str(len(pack.scenarios)),
            "failures": str(elements.count("failure")),
            "errors": str(elements.count("error")),
            "skipped": str(elements.count("skipped")),
            "time": f"{sum(scenario.duration or 0 for scenario in pack.scenarios):.3f}",
            "timestamp": _timestamp(_first(pack.scenarios, report.started)),
        },
    )
    suite.append(_properties(report))
    suite.extend(_case(scenario) for scenario in pack.scenarios)
    return suite


def _case(scenario: ScenarioReport) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "classname": one_line(scenario.pack),
            "name": one_line(scenario.path),
            "time": f"{scenario.duration or 0:.3f}",
            "file": one_line(scenario.path.partition("#")[0]),
        },
    )
    case.append(_named(_about(scenario)))
    element = _element(scenario)
    if element:
        child = ET.SubElement(case, element, {"message": _message(scenario)})
        if element != "skipped":
            child.set("type", scenario.outcome.value)
            text = failure_text(scenario.steps, reason=scenario.reason, rerun=scenario.rerun)
            child.text = f"\n{visible(scenario.title)}\n\n{text}\n"
    return case


def _element(scenario: ScenarioReport) -> str | None:
    """What is no failure of the run must not look like one."""
    return "skipped" if scenario.not_carried else _ELEMENTS.get(scenario.outcome)


def _self_test(report: Report) -> ET.Element:
    """A suite of one case, so that a broken probe is seen where the results are read."""
    assert report.self_test is not None
    suite = ET.Element(
        "testsuite",
        {"name": "self-test", "tests": "1", "failures": "0", "errors": "1", "skipped": "0"},
    )
    case = ET.SubElement(suite, "testcase", {"classname": "self-test", "name": "probe"})
    message = one_line(report.self_test.reason)
    ET.SubElement(case, "error", {"message": message, "type": report.self_test.outcome.value})
    return suite


def _properties(report: Report) -> ET.Element:
    values = {
        "implementation": report.implementation,
        "cluster": report.cluster,
        "kubernetes_version": report.kubernetes_version or "",
        "suite_version": report.suite_version,
        "run_id": report.run_id,
        "partial": str(report.partial).lower(),
        "profile": report.profile,
        "declaration": went_by(report.declaration),
    }
    conforms = {f"conforms to {item.profile}": item.conforms for item in report.profiles}
    return _named((values | conforms).items())


def _named(values: Iterable[tuple[str, str]]) -> ET.Element:
    element = ET.Element("properties")
    for name, value in values:
        ET.SubElement(element, "property", {"name": name, "value": one_line(value)})
    return element


def _about(scenario: ScenarioReport) -> Iterator[tuple[str, str]]:
    """What a reader may group or look up by; what says nothing is left out."""
    values = {
        "outcome": scenario.outcome.value,
        "profile": scenario.profile,
        "features": " ".join(scenario.features),
        "rules": " ".join(scenario.rules),
        "documented": f"{scenario.documented} {scenario.link}",
        "rerun": scenario.rerun,
    }
    yield from ((name, value) for name, value in values.items() if value.strip())
    yield from (("declared", text) for text in surprises(scenario))


def _message(scenario: ScenarioReport) -> str:
    links = " ".join(dict.fromkeys(item.link for item in scenario.declared if item.link))
    return one_line(f"{scenario.outcome.value}: {scenario.reason or scenario.title} {links}")


def _first(scenarios: Iterable[ScenarioReport], otherwise: float) -> float:
    return min((item.started for item in scenarios if item.started), default=otherwise)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
