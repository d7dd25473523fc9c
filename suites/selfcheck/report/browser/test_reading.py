"""Reading a report: opening, filtering, drilling down to the evidence of a cell."""

from __future__ import annotations

import re
from typing import Any

import pytest

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.plain.marks import CONNECTED

from .conftest import SIMPLE, Open


def shown(page: Any) -> list[str]:
    """The paths of the scenarios that are in sight."""
    names = page.locator("details.scenario:visible .path").all_inner_texts()
    return [name.strip() for name in names]


def test_the_verdict_is_the_first_thing(open_page: Open) -> None:
    page = open_page()
    assert page.locator("h1").inner_text() == "reference does not conform"
    assert page.locator("h1").bounding_box()["y"] < 200
    assert page.locator(".counts").is_visible()


def test_without_javascript_the_summary_and_every_reason_are_there(
    open_page: Open, report: Report
) -> None:
    page = open_page(scripted=False)
    assert page.locator("h1").is_visible()
    assert page.locator("details.scenario").count() == len(report.scenarios)
    assert page.locator("noscript").is_visible()
    assert not page.locator(".filters").is_visible()
    page.locator("details.scenario summary").first.click()
    assert page.locator("details.scenario .reason").first.is_visible()


def test_a_browser_that_cannot_unpack_says_so(open_page: Open) -> None:
    page = open_page(before="delete globalThis.DecompressionStream")
    page.locator("details.scenario summary").first.click()
    assert "cannot unpack" in page.evaluate(
        "getComputedStyle(document.querySelector('details.scenario[open]'), '::after').content"
    )


def test_filters(open_page: Open, report: Report) -> None:
    page = open_page()
    everything = shown(page)
    assert len(everything) == len(report.scenarios)
    failed = {item.path for item in report.scenarios if item.outcome == "FAIL"}
    chip = page.get_by_role("button", name=re.compile(r"^FAIL"))
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert set(shown(page)) == failed
    assert page.locator("#shown").inner_text() == f"{len(failed)} of {len(everything)} scenarios"
    page.get_by_label("Pack").select_option("handbook")
    assert shown(page) == [SIMPLE]
    chip.click()
    page.get_by_label("Text to find").fill("ALL-pairs every")
    assert shown(page) == ["handbook/all-pairs.yaml"]
    page.get_by_label("Text to find").fill("")
    page.get_by_label("Pack").select_option("All packs")
    assert shown(page) == everything


def test_a_pod_a_step_and_a_rule_can_be_searched_for(open_page: Open) -> None:
    page = open_page()
    for words in ("secondary/busybox", "default-deny closes nginx", "web:5353/UDP"):
        page.get_by_label("Text to find").fill(words)
        assert shown(page) == [SIMPLE], words


def test_drilling_down_to_a_wrong_connection(open_page: Open) -> None:
    page = open_page()
    page.locator(".wrong a", has_text="busybox → web:80").click()
    panel = page.get_by_role("dialog")
    assert panel.get_by_role("heading", level=2).inner_text() == "busybox → web:80"
    text = panel.inner_text()
    for part in (
        "FAIL",
        "blocked",
        "default/default-deny isolates nginx-1 for ingress",
        "Rests on S1, S2",
        "stated by the scenario's author",
        "Control",
        "Second look",
        "Witness",
        "busybox wget --spider --timeout=1 web",
        "remote file exists",
        "exit code 0",
        "answered by default/nginx-1",
        "netpol-conformance run handbook/simple-example.yaml",
    ):
        assert part in text
    marked = panel.locator("mark.line")
    assert [line.strip("▸ \n") for line in marked.all_inner_texts()] == ["podSelector: {}"]
    assert "name: default-deny" in panel.locator(".manifest").inner_text()


def test_the_command_can_be_copied(open_page: Open) -> None:
    page = open_page(SIMPLE, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".rerun .copy").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "netpol-conformance run handbook/simple-example.yaml"


def test_where_nothing_may_be_copied_it_is_selected(open_page: Open) -> None:
    page = open_page(SIMPLE)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator(".rerun .copy").click()
    page.get_by_text("Selected").wait_for()
    assert page.evaluate("String(getSelection())").startswith("netpol-conformance run")


def test_every_cell_has_a_sign_beside_its_colour(open_page: Open) -> None:
    page = open_page(SIMPLE)
    signs = page.locator("button.cell").all_inner_texts()
    assert signs
    assert all(signs)
    by_tone = page.evaluate(
        "Object.groupBy([...document.querySelectorAll('button.cell')].map("
        "(cell) => [cell.classList[1], cell.textContent]), ([tone]) => tone)"
    )
    signs_of = {tone: {sign for _, sign in cells} for tone, cells in by_tone.items()}
    for tone, others in [("open", "shut"), ("open", "fail"), ("shut", "fail"), ("fail", "unknown")]:
        assert not signs_of[tone] & signs_of[others]


def test_rows_and_columns_are_grouped_by_namespace(open_page: Open) -> None:
    page = open_page("handbook/all-pairs.yaml")
    table = page.locator("#handbook\\/all-pairs\\.yaml table.matrix").first
    assert table.locator("tbody .groups").all_inner_texts() == ["x", "y", "z"]
    assert table.locator("thead .groups th").all_inner_texts() == ["x", "y", "z"]


def test_the_picture_says_what_the_matrix_says(open_page: Open) -> None:
    page = open_page(f"{SIMPLE}:2")
    graph = page.locator(f"[id='{SIMPLE}:2'] svg.graph")
    assert graph.locator(".node").count() >= 7
    wrong = page.locator(f"[id='{SIMPLE}:2'] button.cell.fail").count()
    assert 0 < graph.locator(".edge.fail").count() <= wrong
    assert f"{wrong} wrong" in graph.get_attribute("aria-label")
    page.locator(f"[id='{SIMPLE}:2:1.2']").hover()
    assert graph.locator(".edge.lit").count() == 1
    assert graph.locator(".edge.lit.fail").count() == 1
    graph.locator(".node").first.hover()
    assert graph.locator(".edge.lit").count() > 1


def test_every_line_of_the_picture_stands_for_cells_and_every_cell_has_one(open_page: Open) -> None:
    page = open_page("handbook/all-pairs.yaml:1")
    cells = page.locator("[id='handbook/all-pairs.yaml:1'] button.cell")
    graph = page.locator("[id='handbook/all-pairs.yaml:1'] svg.graph")
    assert graph.locator(".edge").count() < cells.count()
    for cell in (cells.nth(0), cells.nth(10), cells.nth(77)):
        cell.focus()
        lit = graph.locator(".edge.lit")
        assert lit.count() == 1
        tone = "open" if cell.inner_text() == CONNECTED else "shut"
        assert tone in lit.get_attribute("class")


def test_what_happened_during_a_change_is_told(open_page: Open, eventful: Report) -> None:
    page = open_page(f"{SIMPLE}:2", of=eventful)
    step = page.locator(f"[id='{SIMPLE}:2']")
    text = step.inner_text()
    for part in (
        "Enforcer\nrestarted",
        "busybox → web:80 always blocked: It connected for 80 ms.",
        "350 probes in 1.90 s, 187 a second",
        "7 saw otherwise",
        "first 4 ms after the change",
        "longest gap 80 ms",
        "labelled → web:80 survives: The specification is silent.",
    ):
        assert part in text
    assert not step.locator(".probes").is_visible()
    step.locator(".during summary").click()
    assert step.locator(".probes li").first.is_visible()


def test_labels_are_in_the_picture_and_with_the_evidence(open_page: Open, eventful: Report) -> None:
    page = open_page(f"{SIMPLE}:2", of=eventful)
    graph = page.locator(f"[id='{SIMPLE}:2'] svg.graph")
    assert "busybox access=true" in graph.evaluate("(one) => one.textContent")
    page.locator(f"[id='{SIMPLE}:2:3.1']").click()
    assert "busybox: access=true" in page.get_by_role("dialog").inner_text()


def test_profiles_features_and_declarations_are_told(open_page: Open, eventful: Report) -> None:
    page = open_page(SIMPLE, of=eventful)
    assert "does not conform: 1 of 1 fail" in page.locator(".profiles").inner_text()
    assert page.locator(".features").is_visible()
    assert "sctp" in page.locator(".features").inner_text()
    declared = page.locator(".declarations")
    assert "sctp is not supported, by the plugin's declaration; it is so: no module" in (
        declared.inner_text()
    )
    assert declared.locator("a").get_attribute("href") == "https://example.org/7"


@pytest.mark.parametrize("name", ["Open all", "Close all"])
def test_all_at_once(open_page: Open, report: Report, name: str) -> None:
    page = open_page()
    page.get_by_role("button", name="Open all").click()
    page.get_by_role("button", name=name).click()
    opened = page.locator("details.scenario[open]").count()
    assert opened == (len(report.scenarios) if name == "Open all" else 0)
