"""The short forms of a report: ConformanceReport, Markdown, badge, annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml
from markdown_it import MarkdownIt

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report, corpus_digest
from netpol_conformance.report.formats import badge, github, markdown, yaml_report
from netpol_conformance.report.formats.github import Place
from netpol_conformance.report.formats.yaml_report import Implementation
from netpol_conformance.run.events import (
    DeclarationRecord,
    DeclaredItem,
    Event,
    LackRecord,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
)

from .compatibility import current
from .conftest import collect

LINK = "https://example.org/issues/7"
PLUGIN = DeclarationRecord(
    file="plugins/example.yaml",
    implementation="Example",
    link="https://example.org",
    unsupported=(LackRecord(feature="sctp", reason="no SCTP", link=LINK),),
    known_failures=1,
)
FEATURES = {"errata/h1-silent.yaml": ("sctp",), "handbook/everything-open.yaml": ("namedPorts",)}
ACME = Implementation(
    organization="ACME",
    project="example",
    url="https://example.org",
    version="1.2.3",
    contact=("https://example.org/chat",),
)


def declared(event: Event) -> Event:
    """The event as of a run of a plugin that declares what it lacks."""
    match event:
        case RunStarted():
            return event.model_copy(update={"declaration": PLUGIN, "whole": True})
        case ScenarioStarted():
            profile = "core" if event.pack == "handbook" else "extended"
            features = FEATURES.get(event.path, ())
            return event.model_copy(
                update={"profile": profile, "digest": event.title[:8], "features": features}
            )
        case ScenarioFinished() if event.outcome is Outcome.XFAIL:
            known = DeclaredItem(reason="It forgets.", link=LINK, holds=True)
            return event.model_copy(update={"declared": (known,)})
        case _:
            return event


def collected(events: list[Event]) -> Report:
    report = collect(map(declared, events))
    kept = tuple(item for item in report.scenarios if item.state == "finished")
    return report.model_copy(update={"scenarios": kept})


@pytest.fixture(scope="module")
def tame(events: list[Event]) -> Report:
    """A run of a plugin with a declaration, without hostile strings."""
    tame = [event for event in events if "hostile" not in getattr(event, "path", "")]
    begin = tame[0]
    assert isinstance(begin, RunStarted)
    paths = tuple(path for path in begin.scenarios if "hostile" not in path)
    return collected([begin.model_copy(update={"scenarios": paths}), *tame[1:]])


@pytest.fixture(scope="module")
def all_pass(events: list[Event]) -> Report:
    """A whole run of scenarios that all passed."""
    paths = ("handbook/everything-open.yaml", "handbook/all-pairs.yaml")
    begin, *rest = [event for event in events if getattr(event, "path", paths[0]) in paths]
    assert isinstance(begin, RunStarted)
    end = rest[-1].model_copy(update={"outcome": Outcome.PASS, "exit_code": 0})
    return collected([begin.model_copy(update={"scenarios": paths}), *rest[:-1], end])


# -- ConformanceReport ---------------------------------------------------------------------------


def test_yaml_golden(tame: Report, golden: Callable[[str, str], None]) -> None:
    golden("report.yaml", yaml_report.dumps(tame, ACME))


def test_the_yaml_obeys_its_committed_schema(tame: Report, report: Report) -> None:
    for text in (yaml_report.dumps(tame, ACME), yaml_report.dumps(report)):
        jsonschema.validate(yaml.safe_load(text), current("conformance-report"))


def test_the_yaml_says_of_each_profile_what_became_of_its_tests(tame: Report) -> None:
    data = yaml.safe_load(yaml_report.dumps(tame))
    core, extended = data["profiles"]
    assert (core["name"], core["result"]) == ("core", "failure")
    assert core["failedTests"] == ["handbook/simple-example.yaml"]
    assert core["statistics"]["Passed"] == 2
    assert core["supportedFeatures"] == ["namedPorts"]
    assert extended["knownFailures"] == [
        {"test": "errata/h9-declared.yaml", "reason": "It forgets.", "link": LINK}
    ]
    assert extended["unsupportedFeatures"] == ["sctp"]
    assert extended["skippedTests"] == ["errata/h1-silent.yaml"]
    assert data["implementation"] == {"project": "Example", "url": "https://example.org"}


def test_every_test_of_the_run_is_counted_once(tame: Report) -> None:
    profiles = yaml_report.conformance_report(tame).profiles
    assert sum(item.statistics.total for item in profiles) == len(tame.scenarios)


def test_the_corpus_digest_is_of_the_texts_and_not_of_the_run(tame: Report) -> None:
    assert corpus_digest(tame)
    turned = tame.model_copy(update={"scenarios": tame.scenarios[::-1], "run_id": "other"})
    assert corpus_digest(turned) == corpus_digest(tame)
    first = tame.scenarios[0].model_copy(update={"digest": "other"})
    other = tame.model_copy(update={"scenarios": (first, *tame.scenarios[1:])})
    assert corpus_digest(other) != corpus_digest(tame)


def test_hostile_strings_stay_text_in_yaml(report: Report) -> None:
    text = yaml_report.dumps(report.model_copy(update={"command": "a\n- b: !!python/object\x1b"}))
    assert yaml.safe_load(text)["command"] == "a\n- b: !!python/object\x1b"
    assert "\x1b" not in text


# -- Markdown ------------------------------------------------------------------------------------


def test_markdown_golden(tame: Report, golden: Callable[[str, str], None]) -> None:
    golden("summary.md", markdown.dumps(tame))


def test_markdown_shows_the_matrix_and_how_to_run_it_again(tame: Report) -> None:
    text = markdown.dumps(tame)
    assert "## reference does not conform" in text
    assert "!✓" in text
    assert "netpol-conformance run handbook/simple-example.yaml" in text


@pytest.mark.parametrize(
    "attack",
    [
        "</script><img src=x onerror=alert(1)>",
        "</summary></details><b>out</b>",
        "[link](javascript:alert(1)) ![i](https://evil.example/x.png)",
        "``` \n<script>alert(1)</script>\n```",
        "`code` *strong* _em_ | cell | # title",
        "https://evil.example www.evil.example @someone :smile: $x$ &lt;b&gt;",
        "\n\n<iframe>\n# big",
    ],
)
def test_hostile_text_is_no_markup(tame: Report, attack: str) -> None:
    first = tame.scenarios[0]
    step = first.steps[1].model_copy(update={"title": attack})
    hostile = first.model_copy(
        update={"title": attack, "path": f"x/{attack}", "pack": attack, "reason": attack,
                "rerun": attack, "steps": (step,)}
    )  # fmt: skip
    declared = tame.scenarios[-2].model_copy(
        update={"outcome": Outcome.XFAIL, "path": attack, "reason": attack, "pack": attack}
    )
    bad = tame.model_copy(
        update={"implementation": attack, "reason": attack, "scenarios": (hostile, declared)}
    )
    html = MarkdownIt("commonmark", {"linkify": False}).enable("table").render(markdown.dumps(bad))
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {
        "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "details", "summary",
        "b", "ul", "li", "strong",
    }  # fmt: skip
    assert html.count("<details>") == html.count("</details>") == 1
    assert "href" not in html
    for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL):
        assert row.count("<t") <= 2 + len(Outcome) + 2


def test_a_summary_stays_below_githubs_mebibyte(report: Report) -> None:
    many = tuple(
        item.model_copy(update={"path": f"{number}/{item.path}"})
        for number in range(200)
        for item in report.scenarios
    )
    assert len(markdown.dumps(report.model_copy(update={"scenarios": many})).encode()) < 1 << 20


# -- badge ---------------------------------------------------------------------------------------


def test_a_badge_is_green_for_a_whole_profile_only(all_pass: Report, tame: Report) -> None:
    data = json.loads(badge.endpoint(all_pass))
    assert data == {
        "schemaVersion": 1,
        "label": "NetworkPolicy",
        "message": "conforms: core",
        "color": "brightgreen",
        "isError": False,
    }
    assert json.loads(badge.endpoint(tame))["message"] == "1 of 7 fail"
    part = all_pass.model_copy(update={"profiles": ()})
    assert badge.badge(part) == ("2 of 2 scenarios", "blue")
    cut = all_pass.model_copy(update={"partial": True})
    assert badge.badge(cut) == ("no verdict", "lightgrey")


def test_the_svg_says_the_same_and_is_alone(all_pass: Report) -> None:
    text = badge.svg(all_pass)
    root = ET.fromstring(text)
    assert root.get("aria-label") == "NetworkPolicy: conforms: core"
    assert [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")] == [
        "NetworkPolicy",
        "conforms: core",
    ]
    assert "href" not in text


# -- annotations ---------------------------------------------------------------------------------


def test_a_failure_is_an_error_at_its_file(tame: Report) -> None:
    first, *_, last = github.commands(tame, lambda item: Place(f"scenarios/{item.path}", 3))
    assert first.startswith(
        "::error file=scenarios/handbook/simple-example.yaml,line=3,"
        "title=FAIL handbook/simple-example.yaml::Only pods labelled access=true reach nginx%0A"
    )
    assert last.startswith("::notice title=reference does not conform::")


def test_what_is_inconclusive_is_a_warning_and_a_place_is_not_needed(report: Report) -> None:
    lines = list(github.commands(report, lambda scenario: None))
    assert "::warning title=INCONCLUSIVE hostile/broken.yaml::" in "\n".join(lines)
    assert not any("file=" in line for line in lines)


def test_no_more_than_github_shows_and_the_rest_is_counted(report: Report) -> None:
    failed = next(item for item in report.scenarios if item.outcome is Outcome.FAIL)
    counts = report.counts.model_copy(
        update={"scenarios": {**report.counts.scenarios, Outcome.FAIL: 12}}
    )
    many = report.model_copy(update={"scenarios": (failed,) * 12, "counts": counts})
    lines = list(github.commands(many, lambda scenario: None))
    assert sum(line.startswith("::error ") for line in lines) == github.MOST
    assert "2 more scenarios" in lines[-1]


@pytest.mark.parametrize(
    "attack", ["a\n::add-mask::x", "a\r\n::set-output name=x::y", "%0A::error::", "x,line=9::y"]
)
def test_hostile_text_gives_no_further_command(tame: Report, attack: str) -> None:
    first = tame.scenarios[0].model_copy(
        update={"path": attack, "title": attack, "reason": attack, "rerun": attack}
    )
    bad = tame.model_copy(update={"implementation": attack, "scenarios": (first,)})
    lines = list(github.commands(bad, lambda scenario: Place(attack, 1)))
    assert len(lines) == 2
    for line in lines:
        assert len(line.splitlines()) == 1
        head, _, message = line[2:].partition("::")
        names = [part.partition("=")[0] for part in head.partition(" ")[2].split(",")]
        assert names in (["file", "line", "title"], ["title"])
        assert "%250A" in line if "%0A" in attack else message
