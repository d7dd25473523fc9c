"""A real Chromium, and pages opened in it that may neither complain nor ask for anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from netpol_conformance.report import html
from netpol_conformance.report.document.conformance import feature_results, profile_results
from netpol_conformance.report.document.report import Report
from netpol_conformance.run.events import DeclaredItem

from ..conftest import HOSTILE, KEPT, LEAK

Open = Callable[..., Any]
SIMPLE = "handbook/simple-example.yaml"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, closed after each file of tests: its event loop would be in the way of others'."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: script/bootstrap --dev installs it on Debian")
    with sync_playwright() as playwright:
        # Root has no use for the sandbox, and Chromium refuses to start with it.
        launched = playwright.chromium.launch(
            executable_path=chromium, chromium_sandbox=os.geteuid() != 0
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def open_page(browser: Any, folder: Path, report: Report) -> Iterator[Open]:
    """``open_page(fragment, of=report, **options of the context)``: the report's page, ready;
    ``before`` is a script that runs before its own. ``of`` may be another page's text.

    At the test's end it must have complained of nothing, asked nobody, and run nothing of the
    report's.
    """
    contexts: list[Any] = []
    faults: list[str] = []

    def open_it(
        fragment: str = "",
        *,
        of: Report | str = report,
        scripted: bool = True,
        before: str = "",
        **options: Any,
    ) -> Any:
        path = folder / f"{id(of)}.html"
        if not path.exists():
            text = of if isinstance(of, str) else html.render(of)
            path.write_text(text, encoding="utf-8")
        context = browser.new_context(java_script_enabled=scripted, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(before)
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.on("popup", lambda popup: faults.append(f"popup: {popup.url}"))

        def requested(request: Any) -> None:
            if request.url.partition("#")[0] != path.as_uri():
                faults.append(f"request: {request.url}")

        page.on("request", requested)
        page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))
        if scripted and isinstance(of, Report):
            page.wait_for_selector("html[data-ready], html.unreadable", state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def eventful(report: Report) -> Report:
    """The report with labels, a policy's path, and cells probed all through a change."""
    scenario = next(item for item in report.scenarios if item.path == SIMPLE)
    step = scenario.steps[1]
    labels = {"secondary/busybox": {"access": "true"}, "namespace/secondary": {"team": HOSTILE}}
    leak = LEAK.model_copy(update={"evidence": step.cells[0].evidence})
    update = {"meanwhile": (leak,), "held": (KEPT,), "labels": labels, "enforcer": "restarted"}
    declared = DeclaredItem(
        feature="sctp", reason="no module", link="https://example.org/7", holds=True
    )
    changed = scenario.model_copy(
        update={
            "steps": (scenario.steps[0], step.model_copy(update=update)),
            "features": ("sctp",),
            "declared": (declared,),
            "profile": "core",
        }
    )
    return report.model_copy(
        update={
            "scenarios": (changed,),
            "profiles": profile_results((changed,), whole=True, sound=True),
            "features": feature_results((changed,), None),
        }
    )


def violations(page: Any) -> list[str]:
    """What axe calls serious or critical, and where."""
    response = Axe().run(page).response
    assert response["passes"]
    return [
        f"{item['impact']} {item['id']}: {item['help']}: {node['html'][:200]}"
        for item in response["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"][:3]
    ]
