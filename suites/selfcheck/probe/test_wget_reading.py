"""What busybox wget really prints, and what it never prints, read into verdicts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.reading import Page
from netpol_conformance.probe.verdict import Probe, Source, Tool, Verdict
from netpol_conformance.probe.wget import Ended, Wget, read

OFFICIAL = Wget("/bin/busybox", has_timeout=True)
DEBIAN = Wget("/usr/bin/busybox", has_timeout=False)
TERM, SEGV = -15, -11

USAGE = """\
wget: unrecognized option '--timeout=1'
BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.

Usage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]
"""
HEADERS = """\
  HTTP/1.1 200 OK
  Server: nginx
  Date: Mon, 23 Nov 2026 05:55:52 GMT
  Content-Type: text/plain
  Content-Length: 6
  Connection: close
  {}
"""
BY_NAME = "Connecting to nginx (10.244.1.2:80)\n"
BY_ADDRESS = "Connecting to 10.244.1.2:8080 (10.244.1.2:8080)\n"
BY_IPV6 = "Connecting to [fd00::1]:8080 ([fd00::1]:8080)\n"
EXISTS = "remote file exists\n"
CANNOT = BY_NAME + "wget: can't connect to remote host (10.244.1.2): "
CANNOT_BY_IPV6 = BY_IPV6 + "wget: can't connect to remote host: "
BAD_ANSWER = BY_NAME + "wget: error getting response"


def probe(host: str = "nginx", port: int = 80) -> Probe:
    identities = frozenset({"default/nginx"})
    return Probe(Source(SourceKind.POD, "a", "default"), host, port, identities, tool=Tool.WGET)


BY = {BY_NAME: probe(), BY_ADDRESS: probe("10.244.1.2", 8080), BY_IPV6: probe("fd00::1", 8080)}
SERVED = HEADERS.format("X-Served-By: default/nginx")


@pytest.mark.parametrize("wget", [OFFICIAL, DEBIAN])
@pytest.mark.parametrize(
    ("asked", "code", "output", "verdict"),
    [
        (probe(), 0, BY_NAME + SERVED + EXISTS, Verdict.CONNECTED),
        (probe(), 0, BY_NAME + SERVED, Verdict.CONNECTED),
        (BY[BY_ADDRESS], 0, BY_ADDRESS + SERVED + EXISTS, Verdict.CONNECTED),
        (BY[BY_IPV6], 0, BY_IPV6 + SERVED + EXISTS, Verdict.CONNECTED),
        (
            probe(),
            0,
            BY_NAME + HEADERS.format(f"ETag: {Page('default/nginx').etag}") + EXISTS,
            Verdict.CONNECTED,
        ),
        (probe(), 0, BY_NAME + HEADERS.format("X-Served-By: x/y") + EXISTS, Verdict.WRONG_SERVER),
        (probe(), 0, BY_NAME + HEADERS.format("Vary: *") + EXISTS, Verdict.WRONG_SERVER),
        (
            probe(),
            1,
            BY_NAME + "  HTTP/1.1 404 Not Found\n"
            "wget: server returned error: HTTP/1.1 404 Not Found\n",
            Verdict.WRONG_SERVER,
        ),
        (probe(), 1, BY_NAME + "  hello\n  \nwget: error getting response\n", Verdict.WRONG_SERVER),
        (probe(), 1, BAD_ANSWER + "\n", Verdict.ERROR),
        (probe(), 1, BAD_ANSWER + ": Connection reset by peer\n", Verdict.ERROR),
        (probe(), 1, CANNOT + "Connection refused\n", Verdict.REFUSED),
        (probe(), 1, CANNOT + "No route to host\n", Verdict.REFUSED),
        (probe(), 1, CANNOT + "Network is unreachable\n", Verdict.ERROR),
        (probe(), 1, CANNOT + "Permission denied\n", Verdict.ERROR),
        (BY[BY_IPV6], 1, CANNOT_BY_IPV6 + "Permission denied\n", Verdict.REFUSED),
        (BY[BY_IPV6], 1, CANNOT_BY_IPV6 + "Connection refused\n", Verdict.REFUSED),
        (probe(), 1, "wget: bad address 'nginx'\n", Verdict.NAME_NOT_RESOLVED),
        (probe("nginx", 81), 1, "wget: bad address 'nginx'\n", Verdict.NAME_NOT_RESOLVED),
        (probe("nginx", 81), 1, "wget: bad address 'nginx:81'\n", Verdict.NAME_NOT_RESOLVED),
        (probe(), 1, "wget: bad address 'other'\n", Verdict.ERROR),
        (probe(), 1, USAGE, Verdict.ERROR),
        (probe(), 127, "wget: applet not found\n", Verdict.ERROR),
        (probe(), 0, "", Verdict.ERROR),
        (probe(), 1, "", Verdict.ERROR),
        (probe(), 2, BY_NAME + "wget: download timed out\n", Verdict.ERROR),
        (probe(), SEGV, BY_NAME, Verdict.ERROR),
        (probe(), 1, BY_NAME, Verdict.ERROR),
        (probe(), 0, BY_NAME, Verdict.ERROR),
        (probe(), 0, SERVED + EXISTS, Verdict.ERROR),
        (probe(), 0, BY_NAME.replace("nginx", "other") + SERVED + EXISTS, Verdict.ERROR),
        (probe("10.0.0.1"), 1, "wget: download timed out\n", Verdict.ERROR),
    ],
)
def test_what_a_wget_says(
    wget: Wget, asked: Probe, code: int, output: str, verdict: Verdict
) -> None:
    assert read(wget, asked, Ended(code, output)).verdict is verdict


@pytest.mark.parametrize(
    ("wget", "ended", "verdict"),
    [
        (OFFICIAL, Ended(1, BY_NAME + "wget: download timed out\n"), Verdict.TIMED_OUT),
        (DEBIAN, Ended(1, BY_NAME + "wget: download timed out\n"), Verdict.ERROR),
        (DEBIAN, Ended(TERM, BY_NAME), Verdict.TIMED_OUT),
        (DEBIAN, Ended(143, BY_NAME), Verdict.TIMED_OUT),
        (OFFICIAL, Ended(TERM, BY_NAME), Verdict.ERROR),
        (DEBIAN, Ended(TERM, ""), Verdict.NAME_NOT_RESOLVED),
        (OFFICIAL, Ended(-9, "", killed=True), Verdict.NAME_NOT_RESOLVED),
        (OFFICIAL, Ended(-9, BY_NAME, killed=True), Verdict.TIMED_OUT),
        (DEBIAN, Ended(-9, BY_NAME, killed=True), Verdict.TIMED_OUT),
        (OFFICIAL, Ended(-9, BY_NAME), Verdict.ERROR),
        (OFFICIAL, Ended(-9, BY_NAME + SERVED, killed=True), Verdict.ERROR),
    ],
)
def test_running_out_of_time(wget: Wget, ended: Ended, verdict: Verdict) -> None:
    assert read(wget, probe(), ended).verdict is verdict


def test_running_out_of_time_before_connecting_to_an_address_is_no_block() -> None:
    asked = probe("10.244.1.2", 8080)
    assert read(DEBIAN, asked, Ended(TERM, "")).verdict is Verdict.ERROR
    assert read(OFFICIAL, asked, Ended(-9, "", killed=True)).verdict is Verdict.ERROR


KNOWN_NOTHING = {Verdict.ERROR, Verdict.NAME_NOT_RESOLVED}
ENDS = st.builds(
    Ended,
    st.sampled_from([0, 1, 2, 124, 127, 143, TERM, SEGV, -9]),
    st.text(max_size=200),
    st.booleans(),
)


@given(st.sampled_from([OFFICIAL, DEBIAN]), st.sampled_from(list(BY.values())), ENDS)
@settings(deadline=None, max_examples=200)
def test_noise_is_neither_blocked_nor_connected(wget: Wget, asked: Probe, ended: Ended) -> None:
    assert read(wget, asked, ended).verdict in KNOWN_NOTHING


LINES = st.sampled_from(
    [
        *BY,
        *SERVED.splitlines(keepends=True),
        EXISTS,
        "wget: download timed out\n",
        "wget: can't connect to remote host (10.244.1.2): Connection refused\n",
        "wget: bad address 'nginx'\n",
        "Usage: wget\n",
        "noise\n",
    ]
)


@given(
    st.sampled_from([OFFICIAL, DEBIAN]),
    st.lists(LINES, max_size=8).map("".join),
    st.sampled_from([0, 1, 2, 127, 143, TERM]),
)
@settings(deadline=None, max_examples=300)
def test_a_verdict_needs_its_evidence(wget: Wget, output: str, code: int) -> None:
    verdict = read(wget, probe(), Ended(code, output)).verdict
    if verdict is Verdict.CONNECTED:
        assert BY_NAME in output
        assert "  HTTP/1.1 200 OK\n" in output
        assert "  X-Served-By: default/nginx\n" in output
        assert code in {0, 1}
    if verdict is Verdict.REFUSED:
        assert BY_NAME in output
        assert "Connection refused" in output
        assert code == 1
    if verdict is Verdict.TIMED_OUT:
        assert BY_NAME in output
        assert "HTTP/1.1" not in output.partition(BY_NAME)[2]
        assert code in ({1} if wget.has_timeout else {143, TERM})
