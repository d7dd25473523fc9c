"""A kind cluster as the tests of this folder see it, and runs of the suite on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_conformance.app.corpus import load_agreed
from netpol_conformance.clusters.kind import installing, plugins
from netpol_conformance.clusters.kind.driver import KindDriver
from netpol_conformance.clusters.kind.maker import KindMaker
from netpol_conformance.clusters.kind.tools import find_tools
from netpol_conformance.clusters.options import Options
from netpol_conformance.enforcer.loading import load
from netpol_conformance.image.names import own_image
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.run.session import Session, Setting
from netpol_conformance.run.timeouts import Timeouts

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "suites/selfcheck/mutants"
IMAGE = os.environ.get("NETPOL_IMAGE", "")
"""The suite's own image, if not the usual one."""
PACKS = os.environ.get("NETPOL_KIND_PACKS", "handbook upstream").split()
"""The packs to run; the whole catalogue takes a few minutes more, and is run for a release."""
LIFECYCLE = "lifecycle"
RESTART = "lifecycle/enforcer-restarted.yaml"


@dataclass(frozen=True)
class Ended:
    """How a run ended; ``report`` is None if it wrote none."""

    code: int
    output: str
    report: Report | None

    @property
    def scenarios(self) -> tuple[ScenarioReport, ...]:
        """What its report says of each scenario."""
        assert self.report is not None, self.output
        return self.report.scenarios

    @property
    def outcomes(self) -> dict[str, str]:
        """Each scenario's outcome by its path."""
        return {scenario.path: scenario.outcome.value for scenario in self.scenarios}


class Run(subprocess.Popen[str]):
    """A run of the command line from its beginning; ``report`` is the folder for its report."""

    def __init__(self, report: Path, *words: str) -> None:
        self._report = report
        program = [sys.executable, "-m", "netpol_conformance", "run", "--quiet"]
        command = [*program, "--report", str(report), *words]
        pipe, same = subprocess.PIPE, subprocess.STDOUT
        super().__init__(command, stdout=pipe, stderr=same, text=True, cwd=ROOT)

    def ended(self, disturb: Callable[[int], object] | None = None) -> Ended:
        """Wait for its end; once its first scenario has passed, ``disturb`` it by its process."""
        assert self.stdout is not None
        output = ""
        with self:
            for line in self.stdout:
                output += line
                if disturb is not None and line.startswith("PASS"):
                    disturb(self.pid)
                    disturb = None
        file = self._report / "report.json"
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        return Ended(self.returncode, output, Report.model_validate_json(text) if text else None)


@dataclass(frozen=True)
class Kind:
    """A ready kind cluster, which ``driver`` has open, and the suite's command line beside it."""

    driver: KindDriver
    folder: Path

    def begin(self, *words: str) -> Run:
        """Begin to run scenarios on this cluster, as it is typed."""
        on_this = ["--cluster", "kind", "--reuse-cluster", self.driver.cluster_name]
        report = Path(tempfile.mkdtemp(prefix="report-", dir=self.folder))
        return Run(report, *on_this, *self.image, *words)

    def run(self, *words: str) -> Ended:
        """Run scenarios on this cluster to the end."""
        return self.begin(*words).ended()

    @property
    def image(self) -> list[str]:
        """The option that names the suite's own image, if it must be named."""
        return ["--image", IMAGE] if IMAGE else []

    def run_here(self, *paths: str, jobs: int = 4, enforce: float, **enforcer: str) -> Ended:
        """Install another enforcer, which the options name, and run scenarios in this process: a
        run's own beginning and end take longer than a scenario.
        """
        tools, folder = find_tools(), self.driver.kubeconfig.parent
        maker = KindMaker(self.driver.cluster_name, tools, folder)
        image = installing.digest(tools, own_image(IMAGE))
        plugin = plugins.chosen(Options(image=IMAGE, **enforcer), image)
        installing.apply_manifests(maker, plugin.manifests)
        installing.wait_installed(maker, tools)
        seen, scenarios = Collector(), load_agreed(paths)
        session = Session(Setting(self.driver, jobs, Timeouts(enforce=enforce)), seen)
        session.begin(scenarios)
        session.wait()
        end = session.finish()
        seen(end)
        return Ended(end.exit_code, end.reason, seen.report())

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What kubectl says of this cluster."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", self.driver.kubeconfig, *words],
            check=True,
            capture_output=True,
            text=True,
            input=given,
        ).stdout

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What is done meanwhile must leave the cluster's objects as they are."""
        before = self.objects()
        yield
        assert self.objects() == before

    def objects(self) -> set[str]:
        """All that a run must leave as it is: every object a scenario could make."""
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
    broken = load(f"{MUTANTS}:{mutant}")
    return broken.owner_path  # type: ignore[attr-defined]
