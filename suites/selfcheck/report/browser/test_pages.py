"""The pages of a comparison, of committed reports and of coverage, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netpol_conformance.app import publishing
from netpol_conformance.coverage import page as coverage_page
from netpol_conformance.coverage.counting import coverage_of
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare import page
from netpol_conformance.report.compare.comparing import compare
from netpol_conformance.report.document.conformance import profile_results
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats.yaml_report import Implementation
from netpol_conformance.report.published import page as published_page

from ...corpus import CORPUS
from .conftest import violations


def other(report: Report) -> Report:
    """The report with every failed cell passed."""

    def mended(item: Any) -> Any:
        passed = {"outcome": Outcome.PASS}
        return item.model_copy(update=passed) if item.outcome is Outcome.FAIL else item

    scenarios = []
    for scenario in report.scenarios:
        steps = tuple(
            step.model_copy(update={"cells": tuple(map(mended, step.cells))})
            for step in scenario.steps
        )
        scenarios.append(mended(scenario).model_copy(update={"steps": steps}))
    return report.model_copy(update={"scenarios": tuple(scenarios)})


def of_profile(report: Report) -> Report:
    scenarios = tuple(
        item.model_copy(update={"profile": "core" if number % 2 else "extended"})
        for number, item in enumerate(report.scenarios)
    )
    results = profile_results(scenarios, whole=True, sound=True)
    return report.model_copy(update={"scenarios": scenarios, "profiles": results})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, report: Report) -> dict[str, Path]:
    """Each page, those of reports with strings that attack."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = Implementation(project="</title><script>alert(1)</script>", version="1")
    publishing.add(folder / "reports", of_profile(report), "x", "1", hostile)
    items, _ = publishing.read(folder / "reports")
    errata = [item for item in CORPUS if item.pack == "errata"]
    texts = {
        "compare": page.render(compare({"a<b>.json": report, "b": other(report)})),
        "three": page.render(compare({"a": report, "b": other(report), "c": report})),
        "published": published_page.render(items),
        "coverage": coverage_page.render(coverage_of(errata)),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", ["compare", "three", "published", "coverage"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_is_readable_asks_nobody_and_runs_nothing(
    browser: Any, pages: dict[str, Path], name: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    opened, faults = context.new_page(), []
    opened.on("request", lambda request: faults.append(request.url))
    opened.on("console", lambda message: faults.append(message.text))
    opened.on("dialog", lambda dialog: faults.append(dialog.message))
    opened.goto(pages[name].as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true })")
    found = violations(opened)
    wide = opened.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    context.close()
    assert faults == [pages[name].as_uri()]
    assert not found, "\n".join(found)
    assert not wide, "the page itself must not scroll sideways"


def test_the_strict_policy_complains_of_nothing(browser: Any, pages: dict[str, Path]) -> None:
    for path in pages.values():
        context = browser.new_context()
        opened, faults = context.new_page(), []
        opened.on("console", lambda message, faults=faults: faults.append(message.text))
        opened.goto(path.as_uri())
        assert opened.title().endswith("NetworkPolicy conformance")
        context.close()
        assert not faults


def test_a_difference_opens_and_can_be_linked(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(pages["compare"].as_uri() + "#handbook/simple-example.yaml")
    scenario = opened.locator("details", has_text="handbook/simple-example.yaml").first
    assert scenario.get_attribute("id") == "handbook/simple-example.yaml"
    assert scenario.locator("td .badge.fail", has_text="!connected").first.is_visible()
    scenario.locator("summary").press("Enter")
    assert not scenario.locator("table").first.is_visible()
    context.close()
