"""Print pytest's closing line for several JUnit files together; exit 1 if one is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(paths: list[str]) -> int:
    """Add up the files' counts: ``=== 1 failed, 840 passed, 3 skipped in 61.20s ===``."""
    counts = {"failed": 0, "passed": 0, "skipped": 0, "errors": 0}
    seconds = 0.0
    complete = True
    for path in map(Path, paths):
        if not path.is_file():
            complete = False
            continue
        for suite in ElementTree.parse(path).iter("testsuite"):
            number = {
                key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
            }
            counts["failed"] += number["failures"]
            counts["errors"] += number["errors"]
            counts["skipped"] += number["skipped"]
            counts["passed"] += number["tests"] - sum(
                number[key] for key in ("failures", "errors", "skipped")
            )
            seconds += float(suite.get("time", 0))
    if not complete:
        counts["errors"] += 1
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    sys.stdout.write(f" {words or 'no tests ran'} in {seconds:.2f}s ".center(80, "=") + "\n")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
