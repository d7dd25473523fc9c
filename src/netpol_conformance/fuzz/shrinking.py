"""The smallest case with the same disagreement. Needs hypothesis."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace

from hypothesis import Phase
from hypothesis.database import InMemoryExampleDatabase

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.fuzz.asking import FAULTS, Disagreement, Target, disagreements
from netpol_conformance.fuzz.cases import Case, Shape, scenario_of
from netpol_conformance.fuzz.drawing import case_of, entropy, for_each
from netpol_conformance.fuzz.finding import can_be_stated
from netpol_conformance.fuzz.search import Found
from netpol_conformance.fuzz.trimming import trim

_QUICK = {"poll": 0.1, "probe": 0.3, "confirm": 0.6, "hold": 0.6}
"""Time-outs while shrinking: what only a busy machine or a slow plugin gets wrong is found out when
the smallest case is confirmed.
"""

_SHARE = 0.6
"""Of the time, hypothesis': it finds simpler values, and trimming drops what is left over."""


class _HoldsError(Exception):
    """What hypothesis takes for the failure whose smallest case it looks for."""


class _TimeIsUp(BaseException):
    """Ends hypothesis, whatever it is at."""


def smallest(
    target: Target, found: Found, until: float, on_progress: Callable[[int, int], None]
) -> Found:
    """The smallest case that can be found until ``until`` (monotonic seconds), confirmed anew.

    ``on_progress`` hears how many were tried, and how many of them disagreed. Ctrl-C ends it early.
    """
    usual = target.timeouts
    enforce = min(usual.brief, usual.enforce)
    quick = replace(target, timeouts=replace(usual, enforce=enforce, labels=0.0, **_QUICK))
    smaller: list[Case] = []
    tried = 0

    def holds(case: Case) -> bool:
        nonlocal tried
        tried += 1
        wrong = _wrong(quick, cluster, case)
        kept = bool(wrong) and can_be_stated(case, wrong)
        smaller.extend([case] if kept else [])
        on_progress(tried, len(smaller))
        return kept

    with closing(target.cluster()) as cluster:
        with suppress(KeyboardInterrupt, _TimeIsUp):
            now = time.monotonic()
            least = shrink(found.seed, target.shape, holds, now + _SHARE * (until - now))
            trim(least, within(until, holds))
        for case in reversed(smaller):
            if wrong := _wrong(target, cluster, case):
                return Found(found.seed, case, wrong)
    return found


def within(until: float, holds: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """``holds``, which ends everything once the time is up."""

    def in_time(case: Case) -> bool:
        if time.monotonic() > until:
            raise _TimeIsUp
        return holds(case)

    return in_time


def _wrong(target: Target, cluster: Cluster, case: Case) -> tuple[Disagreement, ...]:
    try:
        return disagreements(cluster, scenario_of(case), target.timeouts)
    except FAULTS:
        return ()


def shrink(
    seed: int, shape: Shape, holds: Callable[[Case], bool], until: float = float("inf")
) -> Case:
    """The smallest case of which ``holds``; of the seed's own it must.

    No other is tried after ``until`` (monotonic seconds); what ``holds`` raises ends it.
    """
    first = case_of(seed, shape)
    known = {first: True}
    in_time = within(until, holds)
    found = [first]

    def look(case: Case) -> None:
        if case not in known:
            known[case] = in_time(case)
        if known[case]:
            found.append(case)
            raise _HoldsError

    test = for_each(
        look, shape, database=InMemoryExampleDatabase(), phases=[Phase.reuse, Phase.shrink]
    )
    with suppress(_HoldsError):
        test.hypothesis.fuzz_one_input(entropy(seed))  # puts it into the database,
    with suppress(_HoldsError, _TimeIsUp):
        test()  # where this takes it from
    return found[-1]
