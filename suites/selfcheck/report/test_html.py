"""The HTML report: one file, no network, no script but its own, nothing of a run unescaped."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.report import html
from netpol_conformance.report.document import Collector, Report
from netpol_conformance.report.packing import dumps
from netpol_conformance.report.views import anchor, safe_link
from netpol_conformance.run.events import Event

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
    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


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
    code = [raw for raw in page.raw if raw[1].get("type") != "application/json"]
    assert [tag for tag, _, _ in code] == ["style", "script"]
    for tag, _, body in code:
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
    outward = [
        link["href"] for link in page.all("a") if not (link.get("href") or "#").startswith("#")
    ]
    assert set(outward) == {
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
    }


def test_hostile_text_stays_text(page: Page, text: str) -> None:
    assert len(page.all("script")) == 2
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "{{7*7}}" in text
    assert len(text) < 200_000


def test_every_cell_has_one_anchor_and_its_evidence(page: Page, report: Report) -> None:
    steps = [(item.path, step) for item in report.scenarios for step in item.steps]
    cells = sum(len(step.cells) for _, step in steps)
    buttons = [button for button in page.all("button") if ":" in (button.get("id") or "")]
    assert len(buttons) == cells
    assert len(page.ids) == len(set(page.ids))
    data = json.loads(
        next(body for _, attrs, body in page.raw if attrs.get("id") == "evidence-data")
    )
    assert len(data["steps"]) == len(steps)
    for (path, step), rows in zip(steps, data["steps"], strict=True):
        assert anchor(path, step.index) in page.ids
        for row, source in enumerate(step.sources):
            for column, destination in enumerate(step.destinations):
                assert anchor(path, step.index, f"{row + 1}.{column + 1}") in page.ids
                wanted = next(
                    cell
                    for cell in step.cells
                    if (cell.source, cell.destination) == (source, destination)
                )
                packed = rows[row][column]
                judgement = data["judgements"][packed[0]]
                assert data["strings"][judgement[0]] == wanted.outcome
                phases = [data["strings"][data["looks"][look][0]] for look in packed[1::3]]
                assert phases == [look.phase for look in wanted.evidence]


def test_every_link_inside_the_page_leads_somewhere(page: Page) -> None:
    inside = [link["href"] for link in page.all("a") if (link.get("href") or "").startswith("#")]
    assert inside
    assert {str(link)[1:] for link in inside} <= set(page.ids)


def test_the_script_only_writes_text(page: Page) -> None:
    script = page.raw[-1][2]
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
    ):
        assert sink not in script


def test_the_title_says_whether_it_conforms(text: str) -> None:
    assert "<h1>reference does not conform</h1>" in text
    assert "<title>reference does not conform" in text


def test_what_an_author_quotes_is_code_and_still_escaped(text: str) -> None:
    assert (
        "As documented: <code>kubectl run nginx</code> and then &lt;b&gt; "
        "<code>wget &lt;/script&gt;</code>." in text
    )


def test_what_went_wrong_links_to_the_cells(page: Page) -> None:
    links = [link.get("href") for link in page.all("a")]
    assert "#handbook/simple-example.yaml:2:1.2" in links


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_run_cut_anywhere_has_a_page(
    data: st.DataObject, interleaved_events: list[Event]
) -> None:
    collector = Collector()
    for event in interleaved_events[: data.draw(st.integers(1, len(interleaved_events)))]:
        collector(event)
    page = Page(html.render(collector.report()))
    assert len(page.all("details")) > len(collector.report().scenarios)


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_embedded_json_cannot_end_its_element_and_reads_back(value: object) -> None:
    text = dumps(value)
    assert not re.search(r"[<>&\u2028\u2029]", text)
    assert json.loads(text) == value


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
