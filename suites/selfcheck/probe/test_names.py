"""What a pod's resolv.conf says, and the names that are asked for because of it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.names import NameNotResolvedError, Resolver, look_up, resolver
from netpol_conformance.probe.sockets import open_socket

A_PODS = """\
# written by the kubelet
search default.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
nameserver 10.96.0.11
options timeout:1 ndots:5
"""


def parsed(text: str, tmp_path: Path) -> Resolver:
    path = tmp_path / "resolv.conf"
    path.write_text(text)
    return resolver(path)


def test_a_pods_resolv_conf(tmp_path: Path) -> None:
    search = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
    assert parsed(A_PODS, tmp_path) == Resolver("10.96.0.10", search, 5)
    assert parsed("nameserver fd00::a\n", tmp_path) == Resolver("fd00::a")
    with pytest.raises(ValueError, match="names no nameserver"):
        parsed("search example.org\n", tmp_path)


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("nginx", ("nginx.a.b", "nginx.c", "nginx")),
        ("nginx.web", ("nginx.web", "nginx.web.a.b", "nginx.web.c")),
        ("nginx.", ("nginx.",)),
    ],
)
def test_the_search_list(name: str, candidates: tuple[str, ...]) -> None:
    assert Resolver("10.96.0.10", ("a.b", "c"), 1).candidates(name) == candidates


@given(st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,6}", fullmatch=True), st.integers(0, 6))
@settings(deadline=None, max_examples=50)
def test_every_name_is_asked_for_once_as_it_is(name: str, ndots: int) -> None:
    candidates = Resolver("10.96.0.10", ("a.b", "c"), ndots).candidates(name)
    assert candidates.count(name) == 1
    assert len(set(candidates)) == 3
    assert (candidates[0] == name) == (name.count(".") >= ndots)


def test_a_name_server_out_of_reach_resolves_nothing() -> None:
    nowhere = Resolver("255.255.255.255")
    with pytest.raises(NameNotResolvedError, match="port 53"):
        asyncio.run(look_up("nginx", nowhere, partial(open_socket, Protocol.UDP), 0))
