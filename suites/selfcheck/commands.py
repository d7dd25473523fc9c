"""The suite's programs in processes of their own, as users start them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report

ROOT = Path(__file__).parents[2]
PACKS = ROOT / "suites" / "conformance"
SAMPLE = ROOT / "suites" / "selfcheck" / "report" / "frozen" / "report-1.json"
"""A report of the first version of its format."""
QUICK = "handbook/web-deny-all.yaml"
"""A scenario that takes little time."""


def mutant(name: str) -> str:
    """A broken enforcer, as ``--implementation`` takes it."""
    return f"{ROOT / 'suites' / 'selfcheck' / 'mutants'}:{name}"


NOTHING_ENFORCED = ("--implementation", mutant("NothingEnforced"), "--timeout", "enforce=0.5")


def python(*words: str, **options) -> subprocess.CompletedProcess[str]:
    """``python -m`` with these words; ``options`` are those of ``subprocess.run``."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(
        [sys.executable, "-m", *words], text=True, check=False, **(piped | options)
    )


def command(*words: str, **options) -> subprocess.CompletedProcess[str]:
    """``netpol-conformance`` with these words."""
    return python("netpol_conformance", *words, **options)


def run(
    folder: Path, *words: str, **options
) -> tuple[subprocess.CompletedProcess[str], Report | None]:
    """A run that reports into ``folder``, and its report if it left one."""
    done = command("run", "--report", str(folder), *words, **options)
    written = folder / "report.json"
    return done, json_report.read(written) if written.exists() else None
