"""Selecting scenarios by words: the grammar is pytest's, and the texts are the scenarios'."""

from __future__ import annotations

import pytest
from _pytest.mark.expression import Expression
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.app.matching import ExpressionError, evaluate, matching

WORDS = ("egress", "S14", "web-deny", "a.b", "x/y", "notable", "android")
TOKENS = st.sampled_from([*WORDS, "and", "or", "not", "(", ")"])
TRUE = st.frozensets(st.sampled_from(WORDS))


def by_pytest(expression: str, true: frozenset[str]) -> bool | None:
    try:
        return Expression.compile(expression).evaluate(lambda word, **_: word in true)
    except SyntaxError:
        return None


def by_us(expression: str, true: frozenset[str]) -> bool | None:
    try:
        return evaluate(expression, true.__contains__)
    except ExpressionError:
        return None


@given(st.lists(TOKENS, min_size=1, max_size=12), st.sampled_from([" ", "  "]), TRUE)
def test_an_expression_means_what_it_means_to_pytest(tokens, gap, true):
    expression = gap.join(tokens)
    assert by_us(expression, true) == by_pytest(expression, true)


@st.composite
def sentences(draw: st.DrawFn, depth: int = 3) -> str:
    """Expressions that can be read; few random rows of tokens can."""
    kind = draw(st.sampled_from(["word", "not", "and", "or", "()"])) if depth else "word"
    if kind == "word":
        return draw(st.sampled_from(WORDS))
    inner = draw(sentences(depth=depth - 1))
    if kind == "not":
        return f"not {inner}"
    if kind == "()":
        return f"({inner})"
    return f"{inner} {kind} {draw(sentences(depth=depth - 1))}"


@given(sentences(), TRUE)
def test_so_does_one_that_can_be_read(expression, true):
    value = by_pytest(expression, true)
    assert value is not None
    assert by_us(expression, true) is value


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "expected not, ( or a word, found the end"),
        ("egress and", "expected not, ( or a word, found the end"),
        ("and egress", 'expected not, ( or a word, found "and"'),
        ("(egress", "expected ), found the end"),
        ("egress dns", 'expected and, or, or the end, found "dns"'),
        ("egress )", 'expected and, or, or the end, found ")"'),
    ],
)
def test_what_cannot_be_read_is_told_where(expression, told):
    with pytest.raises(ExpressionError, match="expected") as raised:
        evaluate(expression, bool)
    assert str(raised.value) == f'"{expression}": {told}'


class TestMatching:
    HANDBOOK = load_corpus(["handbook"])

    def paths(self, **expressions: str) -> list[str]:
        return [scenario.path for scenario in matching(self.HANDBOOK, **expressions)]

    def test_a_keyword_is_looked_for_in_paths_and_not_in_where_tests_stand(self):
        tests = [item.path for item in self.HANDBOOK if "test" in item.path.lower()]
        assert len(tests) == 2
        assert self.paths(keyword="test") == tests
        assert len(self.paths(keyword="not test")) == len(self.HANDBOOK) - 2

    def test_in_titles_and_markers_too_whatever_the_case(self):
        (found,) = self.paths(keyword="REACH and access=TRUE and s11 and simple-example")
        assert found == "handbook/simple-example.yaml"

    def test_a_marker_is_a_whole_one(self):
        rule = self.paths(marker="S1")
        assert rule
        assert all("S1" in item.rules for item in self.HANDBOOK if item.path in rule)
        assert len(rule) < len(self.paths(marker="handbook"))
        assert self.paths(marker="handboo") == []

    def test_both_must_hold_and_none_takes_all(self):
        assert self.paths() == [scenario.path for scenario in self.HANDBOOK]
        both = set(self.paths(keyword="deny")) & set(self.paths(marker="S14"))
        assert set(self.paths(keyword="deny", marker="S14")) == both

    def test_a_case_may_be_named(self):
        cases = load_corpus(["semantics/policy-types.yaml"])
        (found,) = matching(cases, keyword="policy-types.yaml#unset")
        assert found.case == "unset"
