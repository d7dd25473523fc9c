"""A kind cluster as the tests of this folder see it, and runs of the suite on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_conformance.enforcer.loading import load
from netpol_conformance.report.document import Report

ROOT = Path(__file__).parents[2]
MUTANTS = "suites/selfcheck/mutants"
IMAGE = os.environ.get("NETPOL_IMAGE", "")
"""The suite's own image, if not the usual one."""
PACKS = os.environ.get("NETPOL_KIND_PACKS", "handbook upstream").split()
"""The packs to run; the whole catalogue takes a few minutes more, and is run for a release."""


@dataclass(frozen=True)
class Ended:
    """How a run of the command line ended; ``report`` is None if it wrote none."""

    code: int
    output: str
    report: Report | None

    @property
    def outcomes(self) -> dict[str, str]:
        """Each scenario's outcome by its path."""
        assert self.report is not None, self.output
        return {scenario.path: scenario.outcome.value for scenario in self.report.scenarios}


@dataclass(frozen=True)
class Kind:
    """A ready kind cluster, and the suite's command line beside it."""

    name: str
    kubeconfig: Path
    folder: Path

    def command(self, *words: str, report: Path) -> list[str]:
        """A run of scenarios on this cluster as it is typed."""
        program = [sys.executable, "-m", "netpol_conformance", "run"]
        on_this = ["--cluster", "kind", "--reuse-cluster", self.name]
        if IMAGE and "--image" not in words:
            on_this += ["--image", IMAGE]
        return [*program, *on_this, "--quiet", "--report", str(report), *words]

    def run(self, *words: str) -> Ended:
        """Run scenarios on this cluster to the end."""
        report = self.folder / f"report-{len(list(self.folder.iterdir()))}"
        return ended(self.command(*words, report=report), report)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What kubectl says of this cluster."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, *words],
            check=True,
            capture_output=True,
            text=True,
            input=given,
        ).stdout

    def objects(self) -> set[str]:
        """All that a run must leave as it was: every object a scenario could make."""
        kinds = "namespaces,pods,services,networkpolicies,configmaps,serviceaccounts"
        items: list[dict[str, Any]] = json.loads(
            self.kubectl("get", kinds, "--all-namespaces", "-o", "json")
        )["items"]
        return {
            f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
            for item in items
            if item["metadata"].get("namespace") != "netpol-conformance"  # its pods come anew
        }


def owner_of(mutant: str) -> str:
    """The path of the scenario that must fail with a broken enforcer."""
    broken = load(f"{ROOT / MUTANTS}:{mutant}")
    return broken.owner_path  # type: ignore[attr-defined]


def ended(command: list[str], report: Path) -> Ended:
    """Run a command to its end and read the report that it wrote."""
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    return Ended(done.returncode, done.stdout, read(report))


def interrupted(command: list[str], report: Path, disturb: Callable[[int], object]) -> Ended:
    """Run a command and, once its first scenario has passed, ``disturb`` it, given its process."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as run:
        assert run.stdout is not None
        before = []
        for line in run.stdout:
            before.append(line)
            if line.startswith("PASS"):
                break
        disturb(run.pid)
        output = "".join([*before, run.stdout.read()])
    return Ended(run.returncode, output, read(report))


def read(folder: Path) -> Report | None:
    """The report in a folder, if one was written."""
    file = folder / "report.json"
    if not file.is_file():
        return None
    return Report.model_validate_json(file.read_text(encoding="utf-8"))
