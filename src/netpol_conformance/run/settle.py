"""Waiting for a step's matrix: quick rounds until it is as expected, then full ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from netpol_conformance.probe.verdict import Observation
from netpol_conformance.run.rounds import MatrixProber, ProbeRound
from netpol_conformance.scenario.types import CellKey, Expectation

_log = logging.getLogger(__name__)

_STUBBORN = 4
"""How many times the patience looks may contradict each other, as on a very busy machine."""
_PAUSE = 0.02
"""Seconds between two quick rounds, so that waiting does not keep a core busy."""


@dataclass
class Settled:
    """What came of one step: every full look in order, and what the quick ones last saw.

    ``seconds`` is from the change to the quick look, with every cell as expected, that the last
    full look followed; None if there was none. ``transient`` are the last unexpected quick
    observations of each cell.
    """

    rounds: list[ProbeRound] = field(default_factory=list)
    seconds: float | None = None
    transient: dict[CellKey, Observation] = field(default_factory=dict)

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
    patience: float,
) -> Settled:
    """Probe with ``prober`` until all cells are as ``expected``, or something wrong is confirmed.

    Nothing is confirmed before ``patience`` seconds since ``changed_at`` (monotonic) are over:
    where a busy machine made quick looks see silence, the plugin may not be there yet. Looks that
    contradict each other go on for a few times as long, and end on whatever was seen last.
    """
    settled = Settled()
    while True:
        poll_until_expected(prober, expected, settled, changed_at=changed_at, patience=patience)
        held = prober.full(expected)
        settled.rounds.append(held)
        wrong = held.wrong(expected)
        _log.debug("full look: %d of %d cells are not as expected", len(wrong), len(expected))
        if not wrong:
            return settled
        second = prober.full(expected, cells=wrong, confirms=True)
        settled.rounds.append(second)
        waited = time.monotonic() - changed_at
        limit = patience if second.wrong(expected) else _STUBBORN * patience
        if waited > limit:
            return settled


def poll_until_expected(
    prober: MatrixProber,
    expected: Mapping[CellKey, Expectation],
    settled: Settled,
    *,
    changed_at: float,
    patience: float,
) -> None:
    """Quick rounds of ``prober`` until one is as ``expected``, or ``patience`` seconds since
    ``changed_at`` (monotonic) are over; what they saw is recorded in ``settled``.
    """

    def look() -> dict[CellKey, Observation]:
        asked_at = time.monotonic()
        wrong = prober.quick(expected)
        _log.debug("quick look: %d of %d cells are not as expected", len(wrong), len(expected))
        settled.transient.update(wrong)
        if not wrong:
            settled.seconds = max(0.0, asked_at - changed_at)
        return wrong

    left = max(0.0, changed_at + patience - time.monotonic())
    polling = Retrying(
        retry=retry_if_result(bool), stop=stop_after_delay(left), wait=wait_fixed(_PAUSE)
    )
    with suppress(RetryError):
        polling(look)
