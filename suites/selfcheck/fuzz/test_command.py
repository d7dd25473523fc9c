"""``netpol-conformance fuzz`` as its users meet it: words, exit codes, files, and the way out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..commands import command, mutant

SEED = "1"


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    return command("fuzz", *words)


def test_agreement_exits_0_and_says_how_to_ask_the_same_again() -> None:
    done = fuzz("--seed", SEED, "--cases", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    told = r"^10 cases in \d+ s, \d+ a minute, no disagreements; seeds 1 to"
    assert re.search(told, done.stdout, re.MULTILINE)
    assert "again: netpol-conformance fuzz --seed 1 --cases 10\n" in done.stdout


def test_a_disagreement_exits_1_and_leaves_a_scenario_ready_to_commit(tmp_path: Path) -> None:
    broken = ["--implementation", mutant("ExceptIgnored")]
    words = ["--seed", SEED, "--cases", "400", "--shrink", "3", "--output", str(tmp_path), *broken]
    done = fuzz(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    (written,) = tmp_path.iterdir()
    assert f"written: {written}" in done.stdout
    assert "expected " in done.stdout
    assert "S30" in done.stdout
    checked = command("lint", str(written))
    assert checked.returncode == 0, checked.stdout
    run = re.search(r"^  netpol-conformance (run .*)$", done.stdout, re.MULTILINE)
    assert run is not None
    assert run[1].split() == ["run", str(written), *broken]
    alone = re.search(r"netpol-conformance (fuzz .*)  # this case alone\n", done.stdout)
    assert alone is not None
    again = fuzz(*alone[1].split()[1:], "--shrink", "0", "--output", str(tmp_path))
    assert again.returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cluster", "nowhere"], "known are"),
        (["--implementation", "calico"], 'or "none"'),
        (["--ip-family", "ipv5"], "choose from ipv4, ipv6, dual"),
        (["--kubernetes-version", "1.12"], "of 1.34 and of 1.6, not of 1.12"),
        (["--kubernetes-version", "soon"], "not a Kubernetes version"),
        (["--cases", "0"], "--cases"),
        (["--seconds", "0"], "--seconds"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(words: list[str], told: str) -> None:
    done = fuzz(*words)
    assert done.returncode == 2
    assert told in done.stderr


def test_without_hypothesis_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['hypothesis'] = None\n"
        "from importlib import util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'hypothesis' else find(name, *rest)\n"
        "from netpol_conformance.cli.main import main\nsys.argv[1:] = ['fuzz']\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'netpol-conformance[fuzz]'" in done.stderr


def test_an_enforcer_that_breaks_makes_it_inconclusive(tmp_path: Path) -> None:
    crashing = tmp_path / "crashing.py"
    crashing.write_text(
        "from netpol_conformance.enforcer.controller import Controller\n"
        "class Crashing(Controller):\n"
        "    def handle(self, events):\n"
        "        raise RuntimeError('out of order')\n"
    )
    done = fuzz("--seed", SEED, "--cases", "5", "--implementation", f"{crashing}:Crashing")
    assert done.returncode == 3
    assert "Inconclusive at seed 1: the enforcer of node-1 failed: RuntimeError" in done.stdout


def test_it_ends_when_its_seconds_are_over() -> None:
    done = fuzz("--seed", SEED, "--seconds", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    took = re.search(r"^\d+ cases in (\d+) s", done.stdout, re.MULTILINE)
    assert took is not None
    assert int(took[1]) >= 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    words = [sys.executable, "-m", "netpol_conformance", "fuzz", "--cases", "100000"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()  # of its progress
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
    assert "cases in" in first
    assert process.returncode == 3
    assert "Interrupted." in told
    assert "again: netpol-conformance fuzz --seed" in told
