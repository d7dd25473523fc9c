"""The HTML report: one file, no network, no script but its own, nothing of a run unescaped."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.report import html
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.short import shortened
from netpol_conformance.report.html.packing import packed
from netpol_conformance.report.html.tones import anchor, safe_link
from netpol_conformance.report.html.views import ordered
from netpol_conformance.run.events import Event

from .conftest import collect

LOADING = {"src", "srcset", "action", "data", "poster", "background", "formaction", "ping"}


class Page(HTMLParser):
    """The elements of a page, and the text inside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self._collected = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self._open, self._collected = (tag, dict(attrs)), ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self._collected += data

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[0]:
            self.raw.append((*self._open, self._collected))
            self._open = None

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def code(self) -> list[tuple[str, str]]:
        """The text of each style and script, packed evidence aside."""
        return [(tag, body) for tag, attrs, body in self.raw if attrs.get("type") != "text/plain"]

    @property
    def data(self) -> Any:
        """The packed evidence."""
        return unpacked(next(body for _, attrs, body in self.raw if attrs.get("id") == "packed"))

    @property
    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def unpacked(text: str) -> Any:
    """What the page's script reads."""
    return json.loads(zlib.decompress(b64decode(text, validate=True)))


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return html.render(report)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_policy_allows_only_the_style_and_script_that_are_there(page: Page) -> None:
    (policy,) = [
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert [tag for tag, _ in page.code] == ["style", "script"]
    for tag, body in page.code:
        digest = b64encode(sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_loaded(page: Page, text: str) -> None:
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"img", "link", "iframe", "object", "embed", "base", "form", "video"})
    for _, attributes in page.tags:
        assert LOADING.isdisjoint(attributes)
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    style = next(body for tag, _, body in page.raw if tag == "style")
    assert "url(" not in style
    assert "@import" not in style
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))
    links = {page.data["strings"][item["link"]] for item in page.data["scenarios"]}
    assert links == {"https://kubernetes.io/docs/concepts/services-networking/network-policies/"}


def test_hostile_text_stays_text(page: Page, text: str) -> None:
    assert len(page.all("script")) == 2
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "{{7*7}}" in text
    assert len(text) < 200_000


def test_every_cell_has_its_evidence(page: Page, report: Report) -> None:
    data = page.data
    texts = data["strings"]
    for scenario, told in zip(ordered(report), data["scenarios"], strict=True):
        assert texts[told["rerun"]] == scenario.rerun
        for step, shown in zip(scenario.steps, told["steps"], strict=True):
            assert texts[shown["outcome"]] == step.outcome
            rows = {texts[name]: place for place, name, *_ in shown["rows"]}
            columns = {texts[name]: place for place, name, *_ in shown["columns"]}
            for cell in step.cells if "hostile" not in scenario.path else ():
                judgement, *looks = shown["cells"][rows[cell.source]][columns[cell.destination]]
                assert texts[data["judgements"][judgement][0]] == cell.outcome
                phases = [texts[data["looks"][look][0]] for look in looks[::3]]
                assert phases == [look.phase for look in cell.evidence]


def test_rows_and_columns_are_together_with_those_of_their_namespace(page: Page) -> None:
    data = page.data
    for scenario in data["scenarios"]:
        for step in scenario["steps"]:
            for names in (step["rows"], step["columns"]):
                groups = [group for _, _, group, *_ in names]
                changes = sum(one != other for one, other in pairwise(groups))
                assert changes == max(len(set(groups)) - 1, 0)
                assert sorted(place for place, *_ in names) == list(range(len(names)))


def test_the_lines_that_decided_are_known(page: Page, report: Report) -> None:
    data = page.data
    number = [item.path for item in ordered(report)].index("handbook/simple-example.yaml")
    (place,) = data["scenarios"][number]["steps"][1]["places"]
    policy, field, step, *lines = place
    assert (data["strings"][policy], data["strings"][field]) == (
        "default/default-deny",
        "spec.podSelector",
    )
    assert (step, lines) == (1, [6, 6, 1, 7])


def test_every_link_inside_the_page_leads_somewhere(page: Page, report: Report) -> None:
    inside = {str(link["href"])[1:] for link in page.all("a") if (link["href"] or "")[0] == "#"}
    made_when_opened = set()
    for scenario in report.scenarios:
        for step in scenario.steps:
            made_when_opened.add(anchor(scenario.path, step.index))
            for row in range(1, len(step.sources) + 1):
                for column in range(1, len(step.destinations) + 1):
                    made_when_opened.add(anchor(scenario.path, step.index, f"{row}.{column}"))
    assert inside
    assert inside <= {*page.ids, *made_when_opened}
    assert len(page.ids) == len(set(page.ids))


def test_without_javascript_there_are_verdict_reasons_and_outcomes(
    page: Page, text: str, report: Report
) -> None:
    shown = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert len(page.all("details")) > len(report.scenarios)
    for scenario in report.scenarios:
        assert anchor(scenario.path) in page.ids
        if "hostile" not in scenario.path:
            assert scenario.title in shown
            assert scenario.reason in shown
    assert "<noscript>" in text


def test_the_script_only_writes_text(page: Page) -> None:
    script = page.code[-1][1]
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "srcdoc",
        "eval(",
        "Function(",
        "fetch(",
    ):
        assert sink not in script


def test_the_title_says_whether_it_conforms(text: str) -> None:
    assert "<h1>reference does not conform</h1>" in text
    assert "<title>reference does not conform" in text


def test_what_went_wrong_links_to_the_cells(page: Page) -> None:
    links = [link.get("href") for link in page.all("a")]
    assert "#handbook/simple-example.yaml:2:1.2" in links


def test_a_short_report_has_every_cell_too(report: Report) -> None:
    whole, short = (Page(html.render(one)).data for one in (report, shortened(report)))
    for one, other in zip(whole["scenarios"], short["scenarios"], strict=True):
        for step, same in zip(one["steps"], other["steps"], strict=True):
            signs = [
                [
                    [cell and data["strings"][data["judgements"][cell[0]][8]] for cell in row]
                    for row in rows
                ]
                for data, rows in ((whole, step["cells"]), (short, same["cells"]))
            ]
            assert signs[0] == signs[1]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_run_cut_anywhere_has_a_page(
    data: st.DataObject, interleaved_events: list[Event]
) -> None:
    end = data.draw(st.integers(1, len(interleaved_events)))
    report = collect(interleaved_events[:end])
    page = Page(html.render(report))
    assert len(page.all("details")) > len(report.scenarios)
    assert len(page.data["scenarios"]) == len(report.scenarios)


def test_packed_evidence_cannot_end_its_element(report: Report) -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed(ordered(report)))


def test_packed_text_has_no_control_characters(page: Page) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", "".join(page.data["strings"]))


@given(st.text(), st.integers())
def test_anchors_need_no_escaping(path: str, index: int) -> None:
    assert re.fullmatch(r"[\w./%~:-]*", anchor(path, index), re.ASCII)


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://kubernetes.io/docs/", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_web_links_are_links(link: str, safe: bool) -> None:
    assert safe_link(link) == (link if safe else "")
