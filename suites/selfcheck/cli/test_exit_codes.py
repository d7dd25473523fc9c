"""What commands exit with when something is wrong that nobody thought of: 2 or 3, and never 1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_conformance.cli import main as entry

from ..commands import ROOT, command

QUICK = "handbook/no-policy.yaml"
COMMAND = f"{sys.executable} -m netpol_conformance"
DEEP = "[" * 100_000 + "]" * 100_000
MANY_PODS = """
title: More pods than a node has addresses for
rules: [S1]
documented: {in: the suite's own tests, section: exit codes}
nodes: 1
pods:
  web: {image: nginx, replicas: 300}
  client: {image: busybox}
steps:
- title: All are open
  expect:
    web-1:80: {client: connected}
"""


def shell(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-c", script]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | env
    )


def nested(folder: Path) -> None:
    (folder / "deep.json").write_text(DEEP, encoding="utf-8")
    deep = folder / "reports" / "mine" / "1"
    deep.mkdir(parents=True)
    (deep / "report.json").write_text(DEEP, encoding="utf-8")
    (deep / "report.yaml").write_text("{}", encoding="utf-8")
    (deep / "README.md").write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        (f"{COMMAND} compare deep.json deep.json", 2, "deep.json: nested too deeply"),
        (f"{COMMAND} reports check", 1, "cannot be read"),
        (f"{COMMAND} show wrong.yaml", 2, "wrong.yaml:"),
        (f"{COMMAND} show many.yaml", 2, "many.yaml"),
        (f"mkdir gone && cd gone && rmdir ../gone && {COMMAND} list {QUICK}", 0, ""),
        (f"{COMMAND} frobnicate 2>&-", 2, ""),
        (f"{COMMAND} list nonsense 2>&-", 2, ""),
        (f"{COMMAND} list >&- 2>&-", 3, ""),
        (f"{COMMAND} list >/dev/full", 3, ""),
        (f"{COMMAND} list >/dev/full 2>/dev/full", 3, ""),
        (f"{COMMAND} list nonsense >/dev/full 2>/dev/full", 2, ""),
        (f"{COMMAND} run {QUICK} --report out >/dev/full 2>/dev/full && ls out", 0, "report.html"),
        (f"TMPDIR=/nowhere {COMMAND} run {QUICK} --report out", 0, ""),
    ],
)
def test_what_is_wrong_around_a_command(script, code, told, tmp_path):
    nested(tmp_path)
    text = (ROOT / "scenarios" / "handbook" / "web-deny-all.yaml").read_text(encoding="utf-8")
    wrong = text.replace("blocked", "connected")
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    (tmp_path / "many.yaml").write_text(MANY_PODS, encoding="utf-8")
    done = shell(script, tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_who_stops_reading_has_no_answer(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = command("list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (3, "")


def test_no_room_anywhere_is_the_machines_fault(tmp_path):
    """A file system of one page for the reports, for temporary files, and to stand in."""
    script = f"""
        mount -t tmpfs -o size=4k none {tmp_path} && cd {tmp_path} && echo full > full
        head -c 40000 /dev/zero > filler
        {COMMAND} run {QUICK} --report .
    """
    inside = f"unshare --user --map-root-user --mount bash -c '{script}'"
    done = shell(inside, tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "A report is missing: [Errno 28]" in done.stdout


@pytest.mark.parametrize("error", [MemoryError(), IndexError("list index"), RuntimeError("two\nl")])
def test_what_nobody_caught_is_one_line_and_no_answer(error, monkeypatch, capsys):
    def broken() -> None:
        raise error

    monkeypatch.setattr(entry, "_code", lambda _arguments: broken())
    assert entry._ending(["list"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {type(error).__name__}" in line
    assert Path(__file__).name in line
    assert entry._ending(["--debug", "list"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "in broken" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_interrupted_gives_no_answer(number, tmp_path):
    # Under nohup the tests inherit a SIGHUP that is ignored, and so would the command.
    waiting = f"env --default-signal {COMMAND} explain a b:80 -f -"
    with subprocess.Popen(
        waiting.split(), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as running:
        status = Path(f"/proc/{running.pid}/wchan")
        while "pipe" not in status.read_text() and running.poll() is None:
            pass
        running.send_signal(number)
        told = running.stderr.read()
        assert running.wait() == 3, told
    assert told == "Interrupted.\n"
