"""Text to values, and where each of them stands."""

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.yaml import YAMLError, load_all


def value(text):
    [document] = load_all(text)
    return document.data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("''", ""), ("~", None), ("null", None), ("Null", None), ("nUll", "nUll"),
        ("true", True), ("True", True), ("tRue", "tRue"), ("yes", True), ("y", True), ("on", True),
        ("false", False), ("No", False), ("n", False), ("OFF", False), ("'yes'", "yes"),
        ("1", 1), ("-1", -1), ("+1", 1), ("0", 0), ("0x50", 80), ("0b11", 3), ("0o17", 15),
        ("0777", 511), ("08", 8), ("1_000", 1000), ("1:30", "1:30"), ("0x", "0x"), ("-a", "-a"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1), ("80.0", 80), ("1e3", 1000), ("1e-1", 0.1),
        ("1.10", 1.1), ("1.2.3", "1.2.3"), ("1e", "1e"), (".", "."), ("-.inf", -math.inf),
        ("2001-01-01", "2001-01-01"), ("10.0.0.0/8", "10.0.0.0/8"), ("='", "='"),
        ("!!str 1", "1"), ("!!int '1'", 1), ("!!float 1", 1), ("!!null ''", None),
        ("|\n a\n b", "a\nb"), (">\n a\n b", "a b"),
    ],
)  # fmt: skip
def test_scalars_are_what_kubectl_takes_them_for(text, expected):
    found = value(f"- {text}")[0]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", ["9" * 5000, "1e400"])
def test_numbers_too_large_to_hold_are_text(text):
    assert value(f"- {text}") == [text]


def test_not_a_number_is_a_number():
    assert math.isnan(value("[.nan]")[0])


def test_keys_are_text_as_written():
    assert value("y: 1\n80: 2\n'': 3\ntrue: 4\n~: 5") == {"y": 1, "80": 2, "": 3, "true": 4, "~": 5}


def test_documents_of_a_stream():
    text = "# only a comment\n---\na: 1\n---\n---\n{b: 2}\n...\n---\n- 3\n"
    assert [document.data for document in load_all(text)] == [{"a": 1}, None, {"b": 2}, [3]]
    assert load_all("") == []
    assert load_all("# nothing") == []


def test_json_streams():
    text = '{"a": [1, 2.0]}\n\n{"b":\n null} '
    first, second = load_all(text)
    assert (first.data, second.data) == ({"a": [1, 2.0]}, {"b": None})
    assert second.line() == 3
    assert second.line(("b",)) == 3


def test_anchors_and_merges():
    text = "base: &b {a: 1, b: 2}\none: {<<: *b, b: 3}\nmany: {<<: [{a: 9}, *b]}\nquoted: {'<<': 1}"
    data = value(text)
    assert data["one"] == {"a": 1, "b": 3}
    assert data["many"] == {"a": 9, "b": 2}
    assert data["quoted"] == {"<<": 1}


def test_lines():
    text = "# one\na:\n  b:\n  - c: 1\n  - {d: 2,\n     e: 3}\n---\nf: 4\n"
    first, second = load_all(text)
    assert first.line() == 2
    assert first.line(("a", "b")) == 3
    assert first.line(("a", "b", 0, "c")) == 4
    assert first.line(("a", "b", 1, "e")) == 6
    assert second.line(("f",)) == 8


def test_what_has_no_line_stands_where_its_parent_does():
    [document] = load_all("a:\n  b:\n  - c\n")
    assert document.line(("a", "x", "y")) == 1
    assert document.line(("a", "b", 7)) == 2
    assert document.line(("a", "b", 0, "x")) == 3
    [lone] = load_all('{"a": "\\ud83d\\ude00"}')
    assert lone.line(("a",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3", 3, 'key "a" already set in map'),
        ('{"a": 1,\n "a": 2}', 2, 'key "a" already set in map'),
        ("a:\n- [b\nc: d", 3, "did not find expected ',' or ']'"),
        ("a:\n\t- b", 2, "found character that cannot start any token"),
        ("a: *b", 1, "unknown anchor 'b' referenced"),
        ("a: &b [*b]", 1, "anchor 'b' value contains itself"),
        ("? [a]\n: b", 1, "a key must be a string"),
        ("a: !x 1", 1, '"1" can\'t be read as !x'),
        ("a: !!int b", 1, '"b" can\'t be read as tag:yaml.org,2002:int'),
        ("a: !x {}", 1, "tag !x is not supported here"),
        ("a: {<<: 1}", 1, "map merge requires map or sequence of maps as value"),
        ("a: b\nc: \x01", 2, "control characters are not allowed"),
        ("a: b\nc: \ud800", 2, "not valid Unicode"),
        ("[" * 1000, 1, "nested more than 200 levels deep"),
        ('{"a": NaN, }}', 1, "did not find expected <document start>"),
    ],
)
def test_bad_text(text, line, reason):
    with pytest.raises(YAMLError) as error:
        load_all(text, source="file.yaml")
    assert (error.value.line, error.value.reason) == (line, reason)
    assert str(error.value) == f"file.yaml:{line}: {reason}"
    with pytest.raises(YAMLError, match=f"^line {line}: "):
        load_all(text)


def test_aliases_that_explode_are_refused():
    levels = ["l0: &l0 [a, a, a, a, a, a, a, a, a, a]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(YAMLError, match="excessive aliasing"):
        load_all("\n".join(levels))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_json_reads_as_itself(data):
    assert value(json.dumps([data])) == [data]
    assert value(json.dumps([data], indent=1)) == [data]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1))
def test_quoted_text_stays_text(texts):
    quoted = yaml.safe_dump(texts, default_style='"', allow_unicode=True)
    assert value(quoted) == texts


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab01:-,[]{}&*!|>'\"%#? \n\t~.<"), max_size=30))
def test_any_text_is_read_or_refused_with_a_line(text):
    lines = range(1, text.count("\n") + 3)
    try:
        found = [document.line() for document in load_all(text)]
    except YAMLError as error:
        found = [error.line]
    assert all(line in lines for line in found)


SPANS = """\
# what it is for
spec:
  ingress:
  - from:
    - podSelector:
        matchLabels: {a: b}
    # beside it
    - ipBlock: {cidr: 10.0.0.0/8,
        except: [10.1.0.0/16]}

  policyTypes: [Ingress]
text: |
  one
  two
last: 1"""


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ((), (2, 15)),
        (("spec",), (2, 11)),
        (("spec", "ingress"), (3, 9)),
        (("spec", "ingress", 0, "from", 0), (5, 6)),
        (("spec", "ingress", 0, "from", 1), (8, 9)),
        (("spec", "ingress", 0, "from", 1, "ipBlock", "except", 0), (9, 9)),
        (("spec", "egress", 0, "to"), (2, 11)),
        (("text",), (12, 14)),
        (("last",), (15, 15)),
    ],
)
def test_spans(path, lines):
    [document] = load_all(SPANS)
    assert document.line_range(path) == lines


def test_spans_of_json_and_of_later_documents():
    [document] = load_all('{"a":\n [1,\n 2]}')
    assert document.line_range(("a",)) == (1, 3)
    *_, second = load_all("a: 1\n---\nb:\n  c: 2\n")
    assert second.line_range(("b",)) == (3, 4)
