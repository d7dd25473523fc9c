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
from netpol_conformance.report import json_report
from netpol_conformance.report.document import Report

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


def start(pack: Path, *words: str) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a shell would make it."""
    command = [sys.executable, "-m", "netpol_conformance", "run", str(pack), "--report", "out"]
    return subprocess.Popen(
        [*command, *words],
        cwd=pack.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(pack.parent)},
    )


def cut(pack: Path, *words: str, at: str, by: Callable[[subprocess.Popen[str]], None]):
    """Run, do ``by`` when a line begins with ``at``; all the output, and the report."""
    lines = []
    with start(pack, *words) as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line)
            if by and line.startswith(at):
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


def names(report: Report) -> list[str]:
    return [Path(scenario.path).stem for scenario in report.scenarios]


def in_order(report: Report) -> bool:
    return names(report) == sorted("abcdef")


def nothing_left(folder: Path) -> bool:
    """Whether neither half reports nor what workers kept is left behind."""
    return not list((folder / "out").glob(".*")) and not list(
        folder.glob("netpol-conformance-*/gw*")
    )


@pytest.mark.parametrize("words", [(), ("--", "-n2")], ids=["alone", "xdist"])
def test_ctrl_c_leaves_a_partial_report_of_all_that_was_seen(
    pack: Path, words: tuple[str, ...]
) -> None:
    jobs = () if words else ("--jobs", "2")
    code, output, report = cut(pack, *jobs, *words, at="PASS", by=interrupt)
    assert code == 3, output
    assert report.partial
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.reason == "It was interrupted."
    assert "No verdict on reference" in output
    assert in_order(report)
    assert "finished" in states(report)
    assert "not run" in states(report)
    for scenario in report.scenarios:
        passed = scenario.outcome is Outcome.PASS
        assert passed == (scenario.state == "finished")
    assert nothing_left(pack.parent)


def terminate(running: subprocess.Popen[str]) -> None:
    """What CI servers and containers send."""
    running.send_signal(signal.SIGTERM)


def interrupt_again_and_again(running: subprocess.Popen[str]) -> None:
    """Ctrl-C by somebody impatient."""

    def press() -> None:
        with contextlib.suppress(ProcessLookupError):
            for _ in range(5):
                os.killpg(running.pid, signal.SIGINT)
                time.sleep(0.3)

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize("by", [terminate, interrupt_again_and_again])
def test_other_ways_to_be_stopped_leave_the_report_too(pack: Path, by) -> None:
    _, output, report = cut(pack, "--jobs", "2", at="PASS", by=by)
    assert report.partial, output
    assert report.reason == "It was interrupted."
    assert in_order(report)
    assert "finished" in states(report)
    assert "not run" in states(report)
    assert (pack.parent / "out" / "report.html").exists()
    assert nothing_left(pack.parent)


def test_a_killed_worker_costs_its_scenario_and_no_other(pack: Path) -> None:
    code, output, report = cut(pack, "--", "-n2", at="PASS", by=kill_a_worker)
    assert code == 3, output
    assert report.partial
    assert in_order(report)
    outcomes = [scenario.outcome for scenario in report.scenarios]
    assert sorted(outcomes) == [Outcome.INCONCLUSIVE, *[Outcome.PASS] * 5]
    (lost,) = [item for item in report.scenarios if item.outcome is not Outcome.PASS]
    assert "died while it ran this scenario" in lost.reason
    assert lost.title == "A scenario that takes its time"
    assert lost.rerun.startswith(f"netpol-conformance run {lost.path}")
    assert "A worker process died" in output
    assert nothing_left(pack.parent)


def test_the_only_worker_killed_at_its_first_scenario_still_leaves_a_report(pack: Path) -> None:
    words = ("--", "-n1", "--max-worker-restart=0")
    code, output, report = cut(pack, *words, at="6 scenarios", by=kill_when_it_has_begun)
    assert code == 3, output
    assert report.partial
    assert in_order(report)
    assert Outcome.PASS not in {scenario.outcome for scenario in report.scenarios}
    assert states(report).count("not run") == 5
    (first,) = [scenario for scenario in report.scenarios if scenario.state != "not run"]
    assert [step.title for step in first.steps] == ["Before any policy the client reaches web"]


def kill_when_it_has_begun(running: subprocess.Popen[str]) -> None:
    """Wait until the worker has kept the first step of a scenario, then kill it."""
    folder = Path(f"/proc/{running.pid}/cwd").readlink()
    while not any("step-finished" in path.read_text() for path in kept(folder)):
        assert running.poll() is None
    kill_a_worker(running)


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("netpol-conformance-*/gw*"))


def test_workers_events_make_one_report_in_the_order_of_scenarios(pack: Path) -> None:
    with start(pack, "--quiet", "--", "-n3") as running:
        output = running.stdout.read()
        assert running.wait() == 0, output
    report = json_report.read(pack.parent / "out" / "report.json")
    assert in_order(report)
    assert not report.partial
    assert report.counts.scenarios[Outcome.PASS] == 6
    assert report.command.endswith("--quiet -- -n3")
    assert output.count("PASS  ") == 6
    assert nothing_left(pack.parent)
