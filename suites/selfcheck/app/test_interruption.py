"""Runs that are cut off: by Ctrl-C, by a worker's death, all of it for real in processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report

from ..commands import PACKS

SLOW = """
title: A scenario that takes its time
rules: [S1]
documented: {in: the suite's own tests, section: interruption}
pods:
  web:    {image: nginx, labels: {app: web}}
  client: {image: busybox}
steps:
  - title: Before any policy the client reaches web
    expect:
      web:80: {client: connected}
  - title: A policy closes web
    apply: |
      kind: NetworkPolicy
      apiVersion: networking.k8s.io/v1
      metadata: {name: deny}
      spec: {podSelector: {}}
    expect:
      web:80: {client: blocked}
  - title: Without it web is open again
    delete: [networkpolicy/deny]
    expect:
      web:80: {client: connected}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of six scenarios of two seconds each."""
    folder = tmp_path / "slow"
    folder.mkdir()
    for name in "fdbaec":
        (folder / f"{name}.yaml").write_text(SLOW, encoding="utf-8")
    return folder


RUN = ("netpol_conformance", "run", "--report", "out")
PYTEST = ("pytest", str(PACKS), "-v", "-p", "no:cacheprovider", "--netpol-report", "out")


def run(pack: Path, *words: str, by: Callable[[subprocess.Popen[str]], None] | None = None):
    """A run, or pytest, in a process group of its own, as a shell would make it.

    Do ``by`` at the first scenario that passes; exit code, all the output, the report.
    """
    lines = []
    chosen = ["--netpol-scenario", str(pack)] if words[0] == "pytest" else [str(pack)]
    with subprocess.Popen(
        [sys.executable, "-um", *words, *chosen],
        cwd=pack.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(pack.parent)},
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line)
            if by and "PASS" in line:
                by(running)
                by = None
        code = running.wait()
    output = "".join(lines)
    assert by is None, output
    return code, output, json_report.read(pack.parent / "out" / "report.json")


def interrupt(running: subprocess.Popen[str]) -> None:
    """Ctrl-C: to the whole group."""
    os.killpg(running.pid, signal.SIGINT)


def kill_a_worker(running: subprocess.Popen[str]) -> None:
    """SIGKILL to the first child: pytest-xdist's workers are the only ones of a controller."""
    os.kill(children(running.pid)[0], signal.SIGKILL)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sorted(int(child) for task in tasks for child in (task / "children").read_text().split())


def states(report: Report) -> list[str]:
    return [scenario.state for scenario in report.scenarios]


def in_order(report: Report) -> bool:
    return [Path(scenario.path).stem for scenario in report.scenarios] == sorted("abcdef")


def nothing_left(folder: Path) -> bool:
    """Whether neither half reports nor a socket is left behind."""
    return not list((folder / "out").glob(".*")) and not list(folder.glob("netpol-*"))


def sends(number: signal.Signals) -> Callable[[subprocess.Popen[str]], None]:
    """SIGHUP is what a closed terminal sends, SIGTERM what CI servers and containers send."""
    return lambda running: running.send_signal(number)


def interrupt_again_and_again(running: subprocess.Popen[str]) -> None:
    """Ctrl-C by somebody impatient."""

    def press() -> None:
        with contextlib.suppress(ProcessLookupError):
            for _ in range(5):
                os.killpg(running.pid, signal.SIGINT)
                time.sleep(0.3)

    threading.Thread(target=press, daemon=True).start()


BY_JOBS = (*RUN, "--jobs", "2")
PYTEST_BY_JOBS = (*PYTEST, "--netpol-jobs", "2")


@pytest.mark.parametrize(
    ("words", "by"),
    [
        pytest.param(BY_JOBS, interrupt, id="run"),
        pytest.param(PYTEST_BY_JOBS, interrupt, id="pytest"),
        pytest.param((*PYTEST_BY_JOBS, "-n2"), interrupt, id="xdist"),
        pytest.param(BY_JOBS, sends(signal.SIGINT), id="interrupted"),
        pytest.param(BY_JOBS, sends(signal.SIGTERM), id="terminated"),
        pytest.param(BY_JOBS, sends(signal.SIGHUP), id="hung up"),
        pytest.param(BY_JOBS, interrupt_again_and_again, id="impatient"),
    ],
)
def test_a_run_that_is_stopped_leaves_a_partial_report_of_all_that_was_seen(
    pack: Path, words: tuple[str, ...], by: Callable[[subprocess.Popen[str]], None]
) -> None:
    code, output, report = run(pack, *words, by=by)
    assert code == (3 if words[0] == RUN[0] else pytest.ExitCode.INTERRUPTED), output
    assert "No verdict on reference" in output or words[0] != RUN[0]
    assert report.partial, output
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.reason == "It was interrupted."
    assert in_order(report)
    assert "finished" in states(report)
    assert "not run" in states(report)
    for scenario in report.scenarios:
        passed = scenario.outcome is Outcome.PASS
        assert passed == (scenario.state == "finished")
    assert (pack.parent / "out" / "report.html").exists()
    assert nothing_left(pack.parent)


def test_a_killed_worker_costs_its_test_and_no_scenario(pack: Path) -> None:
    code, output, report = run(pack, *PYTEST, "-n2", by=kill_a_worker)
    assert code == pytest.ExitCode.TESTS_FAILED, output
    assert "crashed while running" in output
    assert in_order(report)
    assert not report.partial
    assert [scenario.outcome for scenario in report.scenarios] == [Outcome.PASS] * 6
    assert nothing_left(pack.parent)


def test_pytest_that_ends_before_its_scenarios_ends_them(pack: Path) -> None:
    words = ("--netpol-implementation", "none", "--netpol-timeout", "enforce=0.1", "-x")
    code, output, report = run(pack, *PYTEST, *words, "--netpol-jobs", "1")
    assert code == 1, output
    assert report.partial
    assert report.reason == "pytest ended before its scenarios did."
    assert states(report)[0] == "finished"
    assert "not run" in states(report)


def test_workers_of_xdist_have_one_report_in_the_order_of_scenarios(pack: Path) -> None:
    code, output, report = run(pack, *PYTEST, "-n3")
    assert code == 0, output
    assert in_order(report)
    assert not report.partial
    assert report.counts.scenarios[Outcome.PASS] == 6
    assert "-n3" in report.command
    assert output.count("PASSED") == 6
    assert nothing_left(pack.parent)


def test_enough_failures_end_the_run(pack: Path) -> None:
    words = ("--implementation", "none", "--timeout", "enforce=0.1", "--maxfail", "1")
    code, output, report = run(pack, *RUN, *words, "--jobs", "1")
    assert code == 1, output
    assert report.partial
    assert "(--maxfail)" in report.reason
    assert "not run" in states(report)
