"""HTTP heads and socket errors, read into verdicts."""

from __future__ import annotations

import errno
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.probe.reading import Page, failure, http, served
from netpol_conformance.probe.verdict import Verdict

WANTED = frozenset({"default/nginx"})


OK = "HTTP/1.1 200 OK"


@pytest.mark.parametrize("status", [OK, "HTTP/1.0 404 Not Found", "HTTP/1.1 503 x"])
def test_the_right_server_is_connected_whatever_its_status(status: str) -> None:
    for header in ("x-served-by:  default/nginx ", f"ETag: {Page('default/nginx').etag}"):
        reading = http([status, "Server: nginx", header], WANTED)
        assert (reading.verdict, reading.identity) == (Verdict.CONNECTED, "default/nginx")


@pytest.mark.parametrize(
    ("lines", "identity"),
    [
        ([OK, "X-Served-By: default/other"], "default/other"),
        ([OK, "X-Served-By: default/nginx2"], "default/nginx2"),
        ([OK, "Server: nginx"], None),
        ([OK, f"ETag: {Page('default/other').etag}"], None),
        (["SSH-2.0-OpenSSH_9.2", "X-Served-By: default/nginx"], None),
        (["", "X-Served-By: default/nginx"], None),
        ([OK, "Cookie: X-Served-By: default/nginx"], None),
    ],
)
def test_anybody_else_is_a_wrong_server(lines: list[str], identity: str | None) -> None:
    reading = http(lines, WANTED)
    assert (reading.verdict, reading.identity) == (Verdict.WRONG_SERVER, identity)


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
@settings(deadline=None, max_examples=50)
def test_two_servers_have_two_etags(one: str, other: str) -> None:
    assert (Page(one).etag == Page(other).etag) == (one == other)
    assert 0 <= Page(one).modified < 2**31


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
@settings(deadline=None, max_examples=50)
def test_noise_is_never_the_right_server(lines: list[str]) -> None:
    assert http(lines, WANTED).verdict is Verdict.WRONG_SERVER


def test_of_several_endpoints_any_may_answer() -> None:
    both = frozenset({"default/nginx-0", "default/nginx-1"})
    assert {served(each, both).verdict for each in both} == {Verdict.CONNECTED}


@pytest.mark.parametrize(
    ("number", "family", "verdict"),
    [
        (errno.ECONNREFUSED, 4, Verdict.REFUSED),
        (errno.ECONNREFUSED, 6, Verdict.REFUSED),
        (errno.EHOSTUNREACH, 4, Verdict.REFUSED),
        (errno.ENOPROTOOPT, 4, Verdict.REFUSED),
        (errno.EACCES, 6, Verdict.REFUSED),
        (errno.EACCES, 4, Verdict.ERROR),
        (errno.ENETUNREACH, 4, Verdict.ERROR),
        (errno.EPERM, 4, Verdict.ERROR),
        (errno.ECONNRESET, 4, Verdict.ERROR),
        (errno.EMFILE, 4, Verdict.ERROR),
        (errno.ETIMEDOUT, 4, Verdict.TIMED_OUT),
    ],
)
def test_errors_of_a_socket(number: int, family: int, verdict: Verdict) -> None:
    reading = failure(OSError(number, os.strerror(number)), family=family)
    assert (reading.verdict, reading.remark) == (verdict, os.strerror(number))
