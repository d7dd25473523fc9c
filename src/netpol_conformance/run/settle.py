"""Converge, then hold: wait for the expected matrix, see that it stays, look twice at the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from netpol_conformance.probe.verdict import Observation
from netpol_conformance.run.looks import FullLook, Looker
from netpol_conformance.scenario.types import CellKey, Expectation

_STUBBORN = 4
"""How many times the patience looks may contradict each other, as on a very busy machine."""
_PAUSE = 0.02
"""Seconds between two quick looks, so that converging does not keep a core busy by itself."""


@dataclass
class Settled:
    """What came of one step: every full look in order, and what the quick ones last saw.

    ``seconds`` is from the change to the first quick look with every cell as expected, None if
    there was none. ``transient`` are the last unexpected quick observations of each cell.
    """

    looks: list[FullLook] = field(default_factory=list)
    seconds: float | None = None
    transient: dict[CellKey, Observation] = field(default_factory=dict)


def settle(
    looker: Looker,
    expected: Mapping[CellKey, Expectation],
    *,
    changed_at: float,
    patience: float,
) -> Settled:
    """Look until the matrix holds, or something wrong is confirmed.

    That takes ``patience`` seconds since ``changed_at`` (monotonic) for a plugin that never gets
    there; what gets there and then goes wrong twice in a row is taken at its word at once. Looks
    that contradict each other go on for a few times as long, and end on whatever was seen last.
    """
    settled = Settled()
    while True:
        converged = converge(looker, expected, settled, changed_at=changed_at, patience=patience)
        held = looker.full(expected)
        settled.looks.append(held)
        wrong = held.wrong(expected)
        if not wrong:
            return settled
        second = looker.full(expected, cells=wrong, confirms=True)
        settled.looks.append(second)
        waited = time.monotonic() - changed_at
        confirmed = bool(second.wrong(expected))
        if (confirmed and (converged or waited > patience)) or waited > _STUBBORN * patience:
            return settled


def converge(
    looker: Looker,
    expected: Mapping[CellKey, Expectation],
    settled: Settled,
    *,
    changed_at: float,
    patience: float,
) -> bool:
    """Quick looks until one is as expected; whether there was one in time. Told to ``settled``."""

    def look() -> dict[CellKey, Observation]:
        asked_at = time.monotonic()
        wrong = looker.quick(expected)
        settled.transient.update(wrong)
        if not wrong and settled.seconds is None:
            settled.seconds = max(0.0, asked_at - changed_at)
        return wrong

    left = max(0.0, changed_at + patience - time.monotonic())
    polling = Retrying(
        retry=retry_if_result(bool), stop=stop_after_delay(left), wait=wait_fixed(_PAUSE)
    )
    try:
        polling(look)
    except RetryError:
        return False
    return True
