"""How long a generated case takes, drawing, asking and judging it. Prints JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time

CASES = 200
GOAL = 60.0


def main() -> None:
    command = [sys.executable, "-m", "netpol_conformance", "fuzz", "--seed", "1"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--cases", str(CASES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stdout)
    print(
        json.dumps(
            {
                "name": f"fuzz: {CASES} generated cases",
                "value": round(seconds, 1),
                "unit": "s",
                "goal": GOAL,
            }
        )
    )


if __name__ == "__main__":
    main()
