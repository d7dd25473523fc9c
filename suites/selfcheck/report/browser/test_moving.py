"""Moving about: links to scenarios, steps and cells, the Back button, and keys alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report
from netpol_conformance.run.events import Event, RunStarted

from .conftest import SIMPLE, Open


def address(page: Any) -> str:
    return urlsplit(page.url).fragment


def panel(page: Any) -> Any:
    return page.locator("dialog[open]")


def title(page: Any) -> str:
    return panel(page).locator("h2").inner_text()


def in_sight(page: Any, name: str) -> bool:
    return bool(
        page.evaluate(
            "(id) => { const box = document.getElementById(id).getBoundingClientRect();"
            " return box.top >= 0 && box.top < innerHeight; }",
            name,
        )
    )


def test_a_link_to_a_scenario_opens_it(open_page: Open) -> None:
    page = open_page("handbook/all-pairs.yaml")
    opened = page.locator("details.scenario[open]")
    assert opened.count() == 1
    assert opened.locator("table.matrix").is_visible()
    assert in_sight(page, "handbook/all-pairs.yaml")


def test_a_link_to_a_step_leads_to_it(open_page: Open) -> None:
    page = open_page(f"{SIMPLE}:2")
    assert in_sight(page, f"{SIMPLE}:2")
    assert page.evaluate("document.activeElement.id") == f"{SIMPLE}:2"


def test_a_link_to_a_cell_shows_its_evidence(open_page: Open) -> None:
    page = open_page(f"{SIMPLE}:2:2.3")
    assert title(page) == "labelled → web:5353/UDP"
    page.keyboard.press("Escape")
    assert not panel(page).count()
    assert address(page) == f"{SIMPLE}:2"
    assert page.evaluate("document.activeElement.id") == f"{SIMPLE}:2:2.3"


@pytest.mark.parametrize("nonsense", ["nowhere", f"{SIMPLE}:9:1.1", "%", "x:y:z", "a'\"]b"])
def test_links_to_nothing_do_no_harm(open_page: Open, nonsense: str) -> None:
    page = open_page(nonsense)
    assert page.locator("h1").is_visible()
    assert not panel(page).count()


def test_links_to_scenarios_with_odd_names(open_page: Open, events: list[Event]) -> None:
    path = "paths/ports.yaml#headless, \u00fc:1?"
    page = open_page(of=renamed(events, path))
    page.locator("button.cell").first.click()
    link = address(page)
    assert link.startswith("paths/ports.yaml%23headless%2C%20%C3%BC%3A1%3F:1:")
    again = open_page(link, of=renamed(events, path))
    assert title(again) == title(page)


def renamed(events: list[Event], path: str) -> Report:
    """The report of one scenario under another name."""
    collector = Collector()
    for event in events:
        update: dict[str, object] = {"path": path}
        if isinstance(event, RunStarted):
            update = {"scenarios": (path,)}
        elif getattr(event, "path", SIMPLE) != SIMPLE:
            continue
        elif not hasattr(event, "path"):
            update = {}
        collector(event.model_copy(update=update))
    return collector.report()


def test_back_closes_the_evidence_and_forward_opens_it(open_page: Open) -> None:
    page = open_page(SIMPLE)
    page.locator(f"[id='{SIMPLE}:2:1.2']").click()
    assert address(page) == f"{SIMPLE}:2:1.2"
    page.keyboard.press("ArrowRight")
    assert address(page) == f"{SIMPLE}:2:1.3"
    assert title(page) == "busybox → web:5353/UDP"
    page.go_back()
    assert not panel(page).count()
    assert address(page) == SIMPLE
    page.go_forward()
    assert title(page) == "busybox → web:5353/UDP"
    panel(page).get_by_label("Close").click()
    page.wait_for_function("!location.hash.includes(':')")
    assert not panel(page).count()
    assert address(page) == SIMPLE


def test_back_from_a_link_at_the_top(open_page: Open) -> None:
    page = open_page()
    page.locator(".wrong .cells a").first.click()
    assert title(page) == "busybox → web:80"
    page.go_back()
    assert not panel(page).count()
    assert address(page) == ""


def test_a_link_to_what_is_filtered_away_shows_it(open_page: Open) -> None:
    page = open_page()
    page.get_by_label("Text to find").fill("all-pairs")
    assert not page.locator(f"[id='{SIMPLE}']").is_visible()
    page.locator(".wrong .cells a").first.click()
    page.keyboard.press("Escape")
    assert page.locator(f"[id='{SIMPLE}']").is_visible()


def test_the_mouse_beside_the_panel_closes_it(open_page: Open) -> None:
    page = open_page(f"{SIMPLE}:2:1.2")
    page.mouse.click(20, 300)
    assert not panel(page).count()


def test_keys_alone_lead_from_the_top_to_the_evidence_and_back(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")

    def tab_to(wanted: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
                return
        raise AssertionError(f"{wanted} is not reached")

    tab_to("input[type=search]")
    page.keyboard.type("simple-example")
    tab_to("details.scenario > summary")
    page.keyboard.press("Enter")
    tab_to("button.cell")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("labelled to ")
    before = page.evaluate("document.activeElement.id")
    page.keyboard.press("Enter")
    assert title(page).startswith("labelled → ")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('dialog[open]')")
    assert page.evaluate("document.activeElement.id") == before


def test_a_matrix_is_one_stop_of_the_tab_key(open_page: Open) -> None:
    page = open_page("handbook/all-pairs.yaml")
    assert page.locator("button.cell").count() == 81
    assert page.locator("button.cell[tabindex='0']").count() == 1
