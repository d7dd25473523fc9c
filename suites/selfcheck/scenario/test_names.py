"""Names of ends: what is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.objects import ObjectKey, Protocol, SourceKind
from netpol_conformance.scenario.names import RESERVED, deletion, destination, source
from netpol_conformance.scenario.types import Destination, SourceRef, Via

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
NAMESPACES = NAMES.filter(lambda name: name not in RESERVED)


@st.composite
def destinations(draw: st.DrawFn) -> Destination:
    via = draw(st.sampled_from(Via))
    bare = via in (Via.OUTSIDE, Via.OUTSIDE_NAME, Via.NODE)
    return Destination(
        via,
        "" if bare else draw(NAMESPACES),
        draw(NAMES),
        draw(st.integers(1, 65535)),
        draw(st.sampled_from(Protocol)),
        draw(NAMES) if via is Via.NODE_PORT else "",
        draw(st.sampled_from([4, 6])),
    )


@settings(deadline=None, max_examples=100)
@given(destinations())
def test_a_destination_reads_as_it_is_written(item):
    assert destination(str(item), 4) == item


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(SourceKind), NAMESPACES, NAMES)
def test_a_source_reads_as_it_is_written(kind, namespace, name):
    item = SourceRef(kind, namespace if kind == "pod" else "", name)
    assert source(str(item)) == item


def test_the_family_is_the_scenarios_unless_it_is_written():
    assert destination("web:80", 6).family == 6
    assert destination("web:80/IPv6", 4).family == 6


@pytest.mark.parametrize(
    "text", ["", "web", "web:", ":80", "web:http", "web:80/tcp", "web:80@node-1", "nodeport/web:80"]
)
def test_what_is_no_destination(text):
    with pytest.raises(ValueError, match=r"write it like|needs the node"):
        destination(text, 4)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("networkpolicy/deny", ObjectKey("NetworkPolicy", "default", "deny")),
        ("pod/other/web", ObjectKey("Pod", "other", "web")),
        ("namespace/other", ObjectKey("Namespace", "", "other")),
    ],
)
def test_deletion(text, key):
    assert deletion(text) == key


@pytest.mark.parametrize("text", ["deny", "Networkpolicy/deny", "pod/", "pod/a/b/c", "/a"])
def test_what_names_no_object(text):
    with pytest.raises(ValueError, match="names no object"):
        deletion(text)
