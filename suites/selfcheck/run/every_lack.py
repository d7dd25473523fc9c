"""``python -m suites.selfcheck.run.every_lack [WORD…]``: the whole catalogue on networks that lack
something, of which only those whose name has one of the words; too long for the tests.

Says of each how cells end that are always carried, at times or never, and which of them FAIL; exits
with 1 if any does. Of the catalogue it takes the scenarios with a cell that is not always carried.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

from netpol_conformance.clusters.embedded.lacks import Lack
from netpol_conformance.judge.outcome import Outcome

from ..corpus import CORPUS
from .lacking import LACKS, Carried, run, uncarried

_JOBS = 16


def main(words: Sequence[str]) -> int:
    wrong = 0
    for lack in LACKS:
        if not words or any(word in str(lack) for word in words):
            wrong += _told(lack)
    return 1 if wrong else 0


def _told(lack: Lack) -> int:
    """How many cells fail without a part of the network."""
    began = time.monotonic()
    scenarios = [scenario for scenario in CORPUS if uncarried(scenario, lack)]
    finished = run(scenarios, lack, jobs=_JOBS)
    print(f"\n## {lack}: {len(scenarios)} scenarios, {time.monotonic() - began:.0f} s")
    for path, why in finished.cut_short.items():
        print(f"{path} was cut short: {why}")
    for how in Carried:
        outcomes = Counter(
            seen.cell.outcome.value for seen in finished.cells if seen.carried is how
        )
        print(f"carried {how.value}: {dict(outcomes)}")
    failed = [seen for seen in finished.cells if seen.cell.outcome is Outcome.FAIL]
    for seen in failed:
        print(f"  {seen}")
    sys.stdout.flush()
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
