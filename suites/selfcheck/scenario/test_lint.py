"""The corpus: what lint finds in a spoilt one, and nothing in ours."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.scenario.catalogue import LINES, RULES
from netpol_conformance.scenario.lint import lint, uncovered
from netpol_conformance.scenario.loader import load

from ..corpus import CORPUS, NOT_COVERED_YET
from .scenario_texts import SOUND, findings, spoilt

ROOT = Path(__file__).parents[3]


def test_our_corpus_is_sound():
    assert [str(finding) for finding in lint(CORPUS, expectation, needed_features)] == []


def test_our_corpus_covers_the_catalogue():
    assert list(uncovered(CORPUS)) == NOT_COVERED_YET


def test_each_scenario_of_upstream_says_which_test_it_mirrors():
    table = (ROOT / "docs" / "upstream.md").read_text()
    rows = re.findall(r"^\| (U\d+) \| `(.*?)` \| ", table, re.MULTILINE)
    pack = [scenario for scenario in CORPUS if scenario.pack == "upstream"]
    ours = {(*scenario.covers, scenario.path) for scenario in pack}
    assert {(line, f"upstream/{name}.yaml") for line, name in rows} == ours
    assert len(rows) == len(ours)


def test_our_files_are_short():
    """A file of one scenario; where there are cases, each of them."""
    files = Counter(scenario.file for scenario in CORPUS)
    for path, number in files.items():
        lines = (ROOT / "scenarios" / path).read_text().splitlines()
        assert len(lines) <= max(120, 80 * number), path
        assert max(map(len, lines)) <= 100, path


def test_every_block_has_been_open():
    """A denied cell shows nothing unless the same cell is open at another step."""
    for scenario in CORPUS:
        opened, denied = set(), set()
        for step in scenario.steps:
            for cell, word in step.expected:
                (opened if word == "connected" else denied).add(cell)
        assert denied <= opened, (scenario.path, denied - opened)


def test_the_rules_of_the_document_are_lines_of_the_catalogue():
    text = (ROOT / "docs" / "semantics.md").read_text()
    numbers = {
        line[2:].partition(".")[0] for line in text.splitlines() if line.startswith(("- S", "- H"))
    }
    assert {number for number in numbers if number.startswith("S")} == RULES
    assert {number for number in numbers if number.startswith("H")} <= set(LINES)


def test_a_sound_scenario():
    assert findings(SOUND) == []


def test_double_entry():
    text = spoilt('web:80: {friend: connected, "*": blocked}', "web:80: {friend: blocked}")
    line = text[: text.index("web:80: {friend")].count("\n") + 1
    found = findings(text)
    assert len(found) == 2
    assert found[0].startswith(f"x.yaml:{line}: steps[1].expect: friend -> web-1:80 is stated as b")
    assert "the specification says connected" in found[0]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("rules: [S2]", "rules: [S2, S9]", 'rules: no rule has the number "S9"'),
        ("covers: [HB6]", "covers: [HB66]", 'no line "HB66"; did you mean "HB6"?'),
        ("in: Kubernetes handbook", "in: A page", "documented: has no link; add link: https://"),
    ],
)
def test_findings(old, new, finding):
    assert any(finding in text for text in findings(spoilt(old, new)))


def test_an_unused_workload():
    text = spoilt("  friend:     {", "  idle:       {}\n  friend:     {").replace(
        '"*"', "other/app"
    )
    assert [text for text in findings(text) if "pods.idle: no expectation speaks of it" in text]


def test_a_step_that_changes_nothing_says_why():
    text = spoilt("    delete: [networkpolicy/only-friend]\n", "").replace(
        'expect:\n      web:80: {"*": connected}', "expect:\n      web:80: {friend: connected}"
    )
    (found,) = findings(text)
    assert "every cell is expected as in the step before; say why: unchanged: ..." in found
    explained = text.replace("Everyone does again\n", "Nothing\n    unchanged: nothing is done\n")
    assert findings(explained) == []


def test_a_step_that_claims_to_change_nothing():
    text = spoilt("Everyone does again\n", "Everyone does again\n    unchanged: so they say\n")
    (found,) = findings(text)
    assert "says it is unchanged, but" in found


def test_a_title_is_used_once():
    twins = [load(SOUND, "a.yaml"), load(SOUND, "b.yaml")]
    assert [finding.file for finding in lint(twins, expectation, needed_features)] == [
        "a.yaml",
        "b.yaml",
    ]
