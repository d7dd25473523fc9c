"""Probes across a cable between two network namespaces: every kind of refusal and of silence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc"]
NEEDED = ("unshare", "ip", "nft", "busybox", "mount")

FAMILIES = (4, 6)
PROTOCOLS = ("TCP", "UDP", "SCTP")


def possible() -> bool:
    return all(map(shutil.which, NEEDED)) and (
        subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> dict:
    if not possible():
        pytest.skip(f"needs unprivileged user namespaces, and {', '.join(NEEDED)}")
    resolv = tmp_path_factory.mktemp("lab") / "resolv.conf"
    script = Path(__file__).with_name("lab.py")
    done = subprocess.run(
        [*UNSHARE, sys.executable, str(script), str(resolv)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("open", "connected"),
        ("second", "connected"),
        ("closed", "refused"),
        ("dropped", "timed out"),
        ("unreachable", "refused"),
        ("prohibited", "refused"),
    ],
)
def test_every_protocol(lab: dict, protocol: str, family: int, question: str, verdict: str) -> None:
    seen, identity, output, resent = lab["answers"][f"{protocol} {family} {question}"]
    assert seen == verdict, output
    assert identity == ("default/server" if verdict == "connected" else None)
    assert resent == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_tells_of_a_syn_that_was_sent_again(lab: dict, family: int) -> None:
    seen, _, output, resent = lab["answers"][f"TCP {family} late"]
    assert (seen, resent) == ("connected", 1), output
    assert output.endswith("the SYN sent 2 times")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reset_is_a_refusal(lab: dict, family: int) -> None:
    assert lab["answers"][f"TCP {family} reset"][0] == "refused"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_host_without_sctp_refuses_it(lab: dict, family: int) -> None:
    seen, _, output, _ = lab["answers"][f"SCTP {family} nobody"]
    assert seen == "refused", output


@pytest.mark.parametrize("tool", ["wget", "socket"])
@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("server", "connected"),
        ("dropped", "timed out"),
        ("nosuch", "name not resolved"),
        ("silent", "name not resolved"),
        ("10.9.9.9", "error"),
    ],
)
def test_both_tools(lab: dict, tool: str, question: str, verdict: str) -> None:
    seen, _, output, _ = lab["answers"][f"{tool} {question}"]
    assert seen == verdict, output


def test_the_first_process_of_a_namespace_reaps_what_tools_leave_behind(lab: dict) -> None:
    assert lab["unreaped"] == 0
