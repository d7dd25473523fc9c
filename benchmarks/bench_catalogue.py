"""The whole catalogue on the embedded cluster: how long it takes, and one scenario. Prints JSON."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from netpol_conformance.report.formats import json_report

GOAL = 120.0
GOAL_OF_ONE = 3.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "netpol_conformance", "run", "-q", "--report", folder]
        started = time.perf_counter()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(done.stdout)
        scenarios = json_report.read(Path(folder) / "report.json").scenarios
    median = statistics.median(scenario.duration for scenario in scenarios)
    figures = [
        (f"whole catalogue, {len(scenarios)} scenarios, on the embedded cluster", seconds, GOAL),
        ("whole catalogue: median of a scenario", median, GOAL_OF_ONE),
    ]
    print(
        json.dumps(
            [
                {"name": name, "value": round(value, 2), "unit": "s", "goal": goal}
                for name, value, goal in figures
            ]
        )
    )


if __name__ == "__main__":
    main()
