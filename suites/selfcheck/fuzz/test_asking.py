"""Nothing but what was seen twice, and shows something, is a disagreement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.fuzz.asking import (
    IN_FORCE_AT_ONCE,
    Disagreement,
    UnclearError,
    disagreements,
)
from netpol_conformance.fuzz.cases import Shape, scenario_of
from netpol_conformance.fuzz.drawing import case_of
from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.verdict import Observation, Probe, Verdict

SCENARIO = scenario_of(case_of(0, Shape()))
BRIEF = 0.25
TIMEOUTS = replace(IN_FORCE_AT_ONCE, poll=BRIEF, confirm=1.0)


class Misheard(EmbeddedCluster):
    """A cluster whose answers become ``verdict`` where ``spoilt`` says so."""

    def __init__(self, verdict: Verdict, spoilt: Callable[[Probe], bool]) -> None:
        super().__init__()
        self._verdict = verdict
        self._spoilt = spoilt

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        return tuple(
            replace(seen, verdict=self._verdict) if self._spoilt(seen.probe) else seen
            for seen in super().probe(probes)
        )


def asked(verdict: Verdict, spoilt: Callable[[Probe], bool]) -> tuple[Disagreement, ...]:
    with closing(Misheard(verdict, spoilt)) as cluster:
        return disagreements(cluster, SCENARIO, TIMEOUTS)


def is_own(probe: Probe) -> bool:
    return probe.identities == {str(probe.source)}


@pytest.mark.parametrize("verdict", [Verdict.TIMED_OUT, Verdict.CONNECTED, Verdict.ERROR])
def test_what_is_wrong_once_is_none(verdict: Verdict) -> None:
    assert asked(verdict, lambda probe: probe.timeout == BRIEF) == ()


def test_what_is_wrong_twice_is_one() -> None:
    wrong = asked(
        Verdict.REFUSED, lambda probe: probe.source.kind == SourceKind.NODE and not is_own(probe)
    )
    assert {one.cell.source.kind for one in wrong} == {"node"}
    assert {one.index for one in wrong} == {0}


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.WRONG_SERVER])
def test_what_shows_nothing_is_none(verdict: Verdict) -> None:
    with pytest.raises(UnclearError, match=f"expected connected, seen {verdict.value}"):
        asked(verdict, lambda probe: not is_own(probe))


def test_a_server_that_is_down_is_none() -> None:
    with pytest.raises(UnclearError, match=r"inside its own pod \(timed out\)"):
        asked(Verdict.TIMED_OUT, lambda probe: True)
