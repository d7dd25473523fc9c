"""Faults in the middle of a run on a real (embedded) cluster: never a PASS that is not earned."""

from __future__ import annotations

from pathlib import Path

import pytest

from netpol_conformance.app.corpus import packs_root
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.loader import load_file

from .playing import play, steps

ROOT = packs_root()
(SCENARIO,) = load_file(ROOT, ROOT / "handbook" / "simple-example.yaml")
QUICK = Timeouts(enforce=1.0)


class Faulty(EmbeddedCluster):
    """An embedded cluster in which ``fault`` happens before the second change of policies."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self._fault = fault
        self._changes = 0

    def apply(self, manifests: str):
        if "NetworkPolicy" in manifests:
            self._changes += 1
            if self._changes == 2:
                getattr(self, self._fault)()
        return super().apply(manifests)

    def die(self) -> None:
        """The cluster's process is gone, as by SIGKILL."""
        self._process.close()


@pytest.mark.parametrize(
    ("fault", "outcome", "told"),
    [
        ("stop_enforcer", Outcome.FAIL, "labelled -> service/nginx:80"),
        ("die", Outcome.INCONCLUSIVE, ""),
    ],
)
def test_what_dies_in_the_middle_is_no_pass(fault, outcome, told):
    ended, events = play(SCENARIO, Faulty(fault), QUICK)
    assert ended is outcome
    assert told in events[-1].reason
    assert [step.outcome for step in steps(events)][:2] == [Outcome.PASS, Outcome.PASS]


def test_a_relative_path_names_an_enforcer_from_where_the_user_stands(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)
    outcome, _ = play(SCENARIO, EmbeddedCluster("./mutants:NothingEnforced"), QUICK)
    assert outcome is Outcome.FAIL
