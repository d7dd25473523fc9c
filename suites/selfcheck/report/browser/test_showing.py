"""How a report shows: dark, on a phone, on paper, to a screen reader, and with hostile strings."""

from __future__ import annotations

import re
from typing import Any

import pytest

from netpol_conformance.report.compare import page as comparison
from netpol_conformance.report.compare.comparing import compare
from netpol_conformance.report.document.report import Report

from ..conftest import HOSTILE
from .conftest import SIMPLE, Open, violations

PHONE = {"viewport": {"width": 360, "height": 740}}


def brightness(page: Any, expression: str) -> float:
    red, green, blue = re.findall(r"[\d.]+", page.evaluate(expression))[:3]
    return (float(red) + float(green) + float(blue)) / 3


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_follows_the_readers_scheme(open_page: Open, scheme: str, dark: bool) -> None:
    page = open_page(color_scheme=scheme)
    paper = brightness(page, "getComputedStyle(document.body).backgroundColor")
    ink = brightness(page, "getComputedStyle(document.body).color")
    assert (paper < 60 and ink > 200) is dark
    assert (paper > 200 and ink < 60) is not dark


@pytest.mark.parametrize(
    "fragment",
    ["", SIMPLE, "handbook/all-pairs.yaml", "hostile/strings.yaml", f"{SIMPLE}:2:1.2"],
)
def test_a_phone_never_scrolls_sideways(open_page: Open, fragment: str) -> None:
    page = open_page(fragment, **PHONE)
    wide = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    assert page.evaluate(wide) == 0
    panels = "[...document.querySelectorAll('dialog[open]')]"
    assert page.evaluate(f"{panels}.every((one) => one.scrollWidth <= one.clientWidth)")
    page.get_by_text("About this run").dispatch_event("click")
    assert page.evaluate(wide) == 0


def test_a_phone_never_scrolls_sideways_for_features(open_page: Open, eventful: Report) -> None:
    page = open_page(SIMPLE, of=eventful, **PHONE)
    assert page.locator(".features").is_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360


def test_a_wide_matrix_scrolls_inside_itself(open_page: Open) -> None:
    page = open_page("handbook/all-pairs.yaml", **PHONE)
    scroll = page.locator(".scroll").first
    assert scroll.evaluate("(one) => one.scrollWidth > one.clientWidth")
    scroll.locator("button.cell").nth(8).focus()
    label = scroll.locator("tbody tr[data-row] th").first.bounding_box()
    assert label["x"] >= 0


def test_on_paper(open_page: Open) -> None:
    page = open_page()
    opened = page.locator("details.scenario[open]")
    page.evaluate("addEventListener('beforeprint', () => { globalThis.printing = true; })")
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 3 <= pages <= 10
    assert page.evaluate("globalThis.printing")
    assert opened.count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wrong = "details.scenario:is([data-outcome=FAIL], [data-outcome=INCONCLUSIVE])"
    assert opened.count() == page.locator(wrong).count() > 0
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator(".filters").is_visible()
    assert page.locator("table.matrix").first.is_visible()
    assert page.locator(".wrong").is_visible()
    assert brightness(page, "getComputedStyle(document.body).backgroundColor") > 250


@pytest.mark.parametrize("fragment", ["", "hostile/strings.yaml", "hostile/strings.yaml:1:1.1"])
def test_hostile_strings_are_shown_and_do_nothing(open_page: Open, fragment: str) -> None:
    page = open_page(fragment)
    spelled = HOSTILE.replace("\x1b", "\\x1b").replace("\x00", "\\x00")
    spelled = spelled.replace("\u202e", "\\u202e")
    assert page.locator("img").count() == 0
    assert spelled in page.locator("body").inner_text()
    assert page.evaluate("document.scripts.length") == 2


def test_a_hostile_link_is_no_link(open_page: Open, report: Report) -> None:
    scenario = report.scenarios[0].model_copy(update={"link": "javascript:alert(1)"})
    page = open_page(SIMPLE, of=report.model_copy(update={"scenarios": (scenario,)}))
    assert page.locator(".facts").last.is_visible()
    assert page.locator("a[href^='javascript']").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", SIMPLE, f"{SIMPLE}:2:1.2"])
def test_axe_finds_nothing_serious(open_page: Open, fragment: str, scheme: str) -> None:
    found = violations(open_page(fragment, color_scheme=scheme, reduced_motion="reduce"))
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_on_a_phone(open_page: Open, eventful: Report) -> None:
    page = open_page(SIMPLE, of=eventful, **PHONE)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_comparison_is_for_phones_and_screen_readers_too(
    open_page: Open, report: Report, eventful: Report, scheme: str
) -> None:
    files = {"reports/plugin/" + "long" * 20 + ".json": report, "b.json": eventful}
    page = open_page(of=comparison.render(compare(files)), color_scheme=scheme, **PHONE)
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360
    found = violations(page)
    assert not found, "\n".join(found)
