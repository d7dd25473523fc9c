"""The probe's own test: what passes it, and that a tool which is silent does not."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.selftest import selftest
from netpol_conformance.probe.verdict import Source, Tool, Verdict

from .helping import script

SOURCE = Source(SourceKind.POD, "client", "default")


@pytest.mark.skipif(shutil.which("busybox") is None, reason="needs busybox")
def test_a_working_probe_tells_open_from_dropped() -> None:
    checks = asyncio.run(selftest(SOURCE))
    assert [check for check in checks if check.observation.verdict is not check.expected] == []
    for tool in Tool:
        expected = {check.expected for check in checks if check.observation.probe.tool is tool}
        assert expected == {Verdict.CONNECTED, Verdict.TIMED_OUT}


@pytest.mark.parametrize(
    "body",
    [
        "exit 0",
        "exit 1",
        "echo 'Usage: wget'; exit 1",
        "case $* in *--spider\\ -S*) echo 'Usage: wget' ;; *) echo 'remote file exists' ;; esac",
        "case $* in *--spider\\ -S*) echo 'Usage: wget' ;; *) exec sleep 60 ;; esac",
    ],
)
def test_a_silent_wget_is_found_out(body: str, tmp_path: Path) -> None:
    checks = asyncio.run(selftest(SOURCE, busybox=script(tmp_path, body)))
    failed = [check for check in checks if check.observation.verdict is not check.expected]
    assert {check.observation.probe.tool for check in failed} == {Tool.WGET}
    assert {check.observation.verdict for check in failed} == {Verdict.ERROR}


def test_a_source_that_cannot_be_entered_is_the_callers_to_know() -> None:
    @contextlib.contextmanager
    def gone(_source: Source):
        raise FileNotFoundError("no such pod")
        yield

    with pytest.raises(FileNotFoundError):
        asyncio.run(selftest(SOURCE, gone))
