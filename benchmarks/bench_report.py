"""How large the HTML report is and how fast it opens: prints {name, value, unit, goal} a figure.

The run is made up: 300 scenarios of one step each with 81 cells, every cell with six probes whose
names, outputs and times differ as they do in real runs. Opening is measured in Chromium, from the
navigation until the page has loaded and its evidence is unpacked; without Chromium that figure is
left out.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from netpol_conformance.judge.outcome import Outcome, combine, exit_code
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.report import html
from netpol_conformance.report.document.collector import count
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.run.events import CellResult, Evidence, Phase, PolicyField, StepResult
from netpol_conformance.scenario.types import Expectation

SCENARIOS, SPACES, PODS = 300, "xyz", "abc"
START = 1_700_000_000.0
ROUNDS = 5
MANIFEST = """\
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: policy-{number}
  namespace: x
spec:
  podSelector: {{matchLabels: {{pod: a}}}}
  ingress:
  - from:
    - namespaceSelector: {{matchLabels: {{ns: y}}}}
"""


def evidence(rng: random.Random, phase: Phase, source: str, host: str, address: str) -> Evidence:
    answered = phase in ("control", "witness") or rng.random() < 0.5
    tool = rng.choice((Tool.WGET, Tool.SOCKET))
    wget = f"Connecting to {host} ({address}:80)\n"
    wget += "remote file exists\n" if answered else "wget: download timed out\n"
    return Evidence(
        phase=phase,
        source=source,
        tool=tool,
        command=f"busybox timeout 1 busybox wget -S --spider {address}"
        if tool is Tool.WGET
        else f"curl --head --max-time 1 http://{address}:80/",
        output=wget if tool is Tool.WGET else f"answered by {host}" if answered else "no answer",
        exit_code=(0 if answered else 1) if tool is Tool.WGET else None,
        verdict=Verdict.CONNECTED if answered else Verdict.TIMED_OUT,
        identity=host if answered else None,
        started=START + rng.random() * 3,
        duration=rng.random(),
    )


def cell(rng: random.Random, number: int, source: str, target: str) -> CellResult:
    blocked = rng.random() < 0.5
    outcome = Outcome.FAIL if rng.random() < 0.01 else Outcome.PASS
    address = f"10.244.{rng.randrange(3)}.{rng.randrange(2, 20)}"
    phases: tuple[Phase, ...] = ("control", "converge", "hold", "hold", "confirm", "witness")
    policy = f"x/policy-{number}"
    return CellResult(
        source=source,
        destination=f"{target}:80",
        protocol=Protocol.TCP,
        expected=Expectation.BLOCKED if blocked else Expectation.CONNECTED,
        stated=rng.random() < 0.2,
        explanation=f"{target} is isolated for ingress by {policy}, and no rule of it allows TCP "
        f"80 from {source}: nearest is spec.ingress[0].from[0], but {source} lacks ns=y (S2).",
        rules=("S1", "S2"),
        decided_by=(PolicyField(policy=policy, field="spec.ingress[0].from[0]", reason="no"),),
        outcome=outcome,
        reason="Timed out in the last look, its control and witness connected.",
        verdict=Verdict.TIMED_OUT if blocked else Verdict.CONNECTED,
        blocked="dropped" if blocked else None,
        evidence=tuple(evidence(rng, phase, source, target, address) for phase in phases),
    )


def scenario(rng: random.Random, number: int) -> ScenarioReport:
    names = [f"{space}/{pod}" for space in SPACES for pod in PODS]
    cells = tuple(cell(rng, number, source, target) for source in names for target in names)
    outcome = combine(item.outcome for item in cells)
    step = StepResult(
        index=1,
        title=f"policy-{number} leaves only pods of y",
        applied=MANIFEST.format(number=number),
        cells=cells,
        sources=tuple(names),
        destinations=tuple(f"{name}:80" for name in names),
        outcome=outcome,
        seconds_to_enforce=rng.lognormvariate(-4, 1),
        started=START,
        duration=3.0,
    )
    path = f"pack-{number % 10}/scenario-{number}.yaml"
    return ScenarioReport(
        path=path,
        title=f"Only pods of namespace y reach a, case {number}",
        pack=path.partition("/")[0],
        rules=("S1", "S2"),
        features=("ingress",),
        state="finished",
        outcome=outcome,
        reason="" if outcome is Outcome.PASS else "Step 1: x/a -> x/b:80: connected in two looks.",
        rerun=f"netpol-conformance run {path}",
        started=START,
        duration=3.2,
        steps=(step,),
    )


def report() -> Report:
    rng = random.Random(1)
    scenarios = tuple(scenario(rng, number) for number in range(SCENARIOS))
    outcome = combine(item.outcome for item in scenarios)
    return Report(
        run_id="bench",
        suite_version="0",
        started=START,
        finished=START + 60,
        duration=60,
        command="netpol-conformance run",
        machine={},
        cluster="embedded",
        implementation="made up",
        kubernetes_version="1.34",
        outcome=outcome,
        exit_code=int(exit_code(outcome)),
        partial=False,
        self_test=None,
        counts=count(scenarios),
        scenarios=scenarios,
    )


def opening(page: Path, chromium: str) -> dict[str, float]:
    """Milliseconds until the page has loaded, and until its evidence is there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def once() -> tuple[float, float]:
            tab = browser.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]", state="attached")
            loaded, ready = tab.evaluate(
                "[performance.getEntriesByType('navigation')[0].loadEventEnd,"
                " performance.getEntriesByName('unpacked')[0].startTime]"
            )
            tab.close()
            return loaded, ready

        results = [once() for _ in range(ROUNDS)]
        browser.close()
    return {
        "loaded": min(loaded for loaded, _ in results),
        "evidence unpacked": min(ready for _, ready in results),
    }


def figures() -> list[dict[str, str | float | None]]:
    whole = report()
    started = time.process_time()
    text = html.render(whole)
    took = time.process_time() - started
    cells = len(SPACES) ** 2 * len(PODS) ** 2
    what = f"report: {SCENARIOS} scenarios x {cells} cells"
    rows: list[tuple[str, float, str, float | None]] = [
        (f"{what}, HTML", len(text.encode()) / 1e6, "MB", 5),
        (f"{what}, rendered", took, "s", None),
    ]
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("report: no chromium here, so opening is not measured\n")
    else:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "report.html"
            page.write_text(text, encoding="utf-8")
            for name, value in opening(page, chromium).items():
                rows.append((f"{what}, open in Chromium, {name}", value, "ms", 1000))
    return [
        {"name": name, "value": round(value, 3), "unit": unit, "goal": goal}
        for name, value, unit, goal in rows
    ]


if __name__ == "__main__":
    for figure in figures():
        print(json.dumps(figure))
