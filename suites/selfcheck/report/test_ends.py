"""Names of rows and columns in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.report.html.ends import End, destination, grouped, source


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("busybox", End("default", "busybox")),
        ("other/web", End("other", "web")),
        ("outside/office", End("outside the cluster", "office")),
        ("node/node-1", End("nodes", "node-1")),
    ],
)
def test_sources(name: str, end: End) -> None:
    assert source(name) == end


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("web:80", End("default", "web", ":80")),
        ("other/dns:53/UDP", End("other", "dns", ":53/UDP")),
        ("web:80/IPv6", End("default", "web", ":80/IPv6")),
        ("service/other/web:80", End("other", "service/web", ":80")),
        ("nodeport/web:80@node-2", End("default", "nodeport/web", ":80@node-2")),
        ("outside/office:443", End("outside the cluster", "office", ":443")),
        ("node/node-1:10250", End("nodes", "node-1", ":10250")),
        ("what <is> this", End("", "what <is> this", "")),
    ],
)
def test_destinations(name: str, end: End) -> None:
    assert destination(name) == end


def test_those_of_a_namespace_are_together_in_order() -> None:
    names = ["x/a", "b", "x/c", "d"]
    assert [place for place, _ in grouped(names, source)] == [0, 2, 1, 3]


@given(st.lists(st.text()))
def test_nobody_is_lost(names: list[str]) -> None:
    for read in (source, destination):
        assert sorted(place for place, _ in grouped(names, read)) == list(range(len(names)))
