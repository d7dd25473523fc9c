"""Waiting for a step's matrix: quick rounds until it is as expected, then full ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tenacity import RetryCallState, RetryError, Retrying, retry_if_result, wait_fixed

from netpol_conformance.probe.verdict import Observation
from netpol_conformance.run.rounds import MatrixProber, ProbeRound
from netpol_conformance.scenario.types import CellKey, Expectation

_log = logging.getLogger(__name__)

Until = Callable[[Collection[CellKey]], float]
"""When to wait no longer (monotonic seconds) while these cells are not as expected."""

_STUBBORN, _MOST_STUBBORN = 3, 15.0
"""How many times as long as was waited, and how many seconds at most, looks may go on to contradict
each other, as on a very busy machine.
"""
PAUSE = 0.02
"""Seconds between two quick rounds, so that waiting does not keep a core busy."""


@dataclass
class Settled:
    """What came of one step: every full look in order, and what the quick ones last saw.

    ``seconds`` is from the change to the quick look, with every cell as expected, that the last
    full look followed; None if it never was, to the last. ``transient`` are the last unexpected
    quick observations of each cell. ``not_yet`` has each look that saw anything unexpected, in
    seconds from the change to when it was sent.
    """

    rounds: list[ProbeRound] = field(default_factory=list)
    seconds: float | None = None
    transient: dict[CellKey, Observation] = field(default_factory=dict)
    not_yet: list[float] = field(default_factory=list)

    def wrong(self, expected: Mapping[CellKey, Expectation]) -> tuple[CellKey, ...]:
        """The cells that were not as ``expected`` to the last."""
        return self.rounds[-1].wrong(expected) if self.rounds else ()

    @property
    def summary(self) -> str:
        """In words, for a log."""
        if self.seconds is None:
            return f"never as expected, in {len(self.rounds)} full looks"
        return f"as expected {self.seconds:.2f} s after its change; full looks: {len(self.rounds)}"


def settle(
    prober: MatrixProber,
    expected: Mapping[CellKey, Expectation],
    *,
    changed_at: float,
    until: Until,
) -> Settled:
    """Probe with ``prober`` until all cells are as ``expected``, or something wrong is confirmed.

    The change was made at ``changed_at`` (monotonic seconds). Nothing is confirmed before
    ``until`` says so of what is wrong: where a busy machine made quick looks see silence, the
    plugin may not be there yet. Looks that contradict each other go on for a while longer, and end
    on whatever was seen last.
    """
    settled = Settled()
    while True:
        poll_until_expected(prober, expected, settled, changed_at=changed_at, until=until)
        asked_at = time.monotonic()
        held = prober.full(expected)
        settled.rounds.append(held)
        wrong = held.wrong(expected)
        _log.debug("full look: %d of %d cells are not as expected", len(wrong), len(expected))
        if not wrong:
            return settled
        settled.not_yet.append(asked_at - changed_at)
        second = prober.full(expected, cells=wrong, confirms=True)
        settled.rounds.append(second)
        confirmed = second.wrong(expected)
        limit = until(confirmed or wrong)
        if not confirmed:
            limit += min(_STUBBORN * max(0.0, limit - changed_at), _MOST_STUBBORN)
        if time.monotonic() > limit:
            if confirmed:  # a quick look that saw none of it was mistaken
                settled.seconds = None
            return settled


def poll_until_expected(
    prober: MatrixProber,
    expected: Mapping[CellKey, Expectation],
    settled: Settled,
    *,
    changed_at: float,
    until: Until,
) -> None:
    """Quick rounds of ``prober``, one at least, until one is as ``expected`` or ``until`` says
    that what is wrong is not worth more time. What they saw of the change that was made at
    ``changed_at`` (monotonic seconds) is recorded in ``settled``.
    """

    def look() -> dict[CellKey, Observation]:
        asked_at = time.monotonic()
        wrong = prober.quick(expected)
        _log.debug("quick look: %d of %d cells are not as expected", len(wrong), len(expected))
        settled.transient.update(wrong)
        if wrong:
            settled.not_yet.append(asked_at - changed_at)
        else:
            settled.seconds = max(0.0, asked_at - changed_at)
        return wrong

    def is_over(look: RetryCallState) -> bool:
        assert look.outcome is not None
        return time.monotonic() >= until(look.outcome.result())

    # sleep is looked up now: tests have a time of their own.
    polling = Retrying(
        retry=retry_if_result(bool), stop=is_over, wait=wait_fixed(PAUSE), sleep=time.sleep
    )
    with suppress(RetryError):
        polling(look)
