"""The page of what the corpus covers, in a real Chromium: readable, and asking nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from netpol_conformance.coverage import page
from netpol_conformance.coverage.counting import coverage_of

from ...corpus import CORPUS


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coverage") / "coverage.html"
    errata = [item for item in CORPUS if item.pack == "errata"]
    path.write_text(page.render(coverage_of(errata)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_is_readable_and_asks_nobody(browser: Any, written: Path, scheme: str, width: int):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    opened, asked = context.new_page(), []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(written.as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true })")
    found = Axe().run(opened, options={"resultTypes": ["violations"]}).response["violations"]
    wide = opened.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    context.close()
    assert asked == [written.as_uri()]
    assert [(item["id"], item["nodes"][0]["html"]) for item in found if grave(item)] == []
    assert not wide, "the page itself must not scroll sideways"


def grave(violation: dict[str, Any]) -> bool:
    return violation["impact"] in ("serious", "critical")
