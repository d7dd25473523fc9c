"""What lasts through a change, on a real (embedded) cluster: openings found, our faults told."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import StepResult
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import Scenario

from .playing import play, steps

QUICK = Timeouts(enforce=1.0)
DISTURBING = Path(__file__).with_name("continuous_enforcers.py")
PODS = """
title: Nobody reaches db
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
pods:
  db: {labels: {app: db}, ports: [80, 53/UDP]}
  client: {}
steps:
- title: A policy closes db
  apply: |
    kind: NetworkPolicy
    apiVersion: networking.k8s.io/v1
    metadata: {name: db}
    spec: {podSelector: {matchLabels: {app: db}}}
  held: {"db:80": [client], "db:53/UDP": [client]}
  expect: {"db:80": {client: blocked}}
"""


def scenario(step: str) -> Scenario:
    return load(PODS + dedent(step), "lifecycle/test.yaml")


RESTARTED = scenario(
    """
    - title: A restart
      enforcer: restarted
      meanwhile: {"db:80": {client: blocked}, "db:53/UDP": {client: blocked}}
      expect: {"db:80": {client: blocked}}
    """
)
CUT_OFF = scenario(
    """
    - title: The API is out of reach
      enforcer: cut off
      delete: [networkpolicy/db]
      meanwhile: {"db:80": {client: blocked}}
      expect: {"db:80": {client: blocked}}
    - title: It is there again
      expect: {"db:80": {client: connected}}
    """
)
COMING = scenario(
    """
    - title: A pod comes
      apply: |
        kind: Pod
        apiVersion: v1
        metadata: {name: late}
        spec: {containers: [{name: main, image: busybox}]}
      meanwhile: {"db:80": {late: blocked, client: blocked}}
      expect: {"db:80": {late: blocked}}
    """
)


def run(played: Scenario, implementation: str = "reference") -> tuple[Outcome, list[StepResult]]:
    outcome, events = play(played, EmbeddedCluster(implementation), QUICK)
    return outcome, steps(events)


@pytest.mark.parametrize("played", [RESTARTED, CUT_OFF, COMING])
def test_the_reference_never_fails_whatever_else_the_machine_does(played):
    outcome, done = run(played)
    assert outcome is not Outcome.FAIL
    for cell in done[1].meanwhile:
        assert cell.unexpected == 0
        assert cell.gap is None
        assert cell.probes > 0


def test_what_becomes_of_held_connections_is_recorded():
    _, done = run(RESTARTED)
    kept = {(held.destination, held.fate): held.outcome for held in done[0].held}
    assert kept == {
        ("db:80", "survives"): Outcome.UNSPECIFIED,
        ("db:53/UDP", "survives"): Outcome.UNSPECIFIED,
    }


@pytest.mark.parametrize(
    ("name", "played"), [("FlushesBriefly", RESTARTED), ("OpensBriefly", COMING)]
)
def test_an_opening_of_30_ms_is_found_and_measured(name, played):
    for _ in range(10):  # a busy machine may not ask at that very moment
        outcome, done = run(played, f"{DISTURBING}:{name}")
        if outcome is Outcome.FAIL:
            break
    assert outcome is Outcome.FAIL
    opened = [cell for cell in done[1].meanwhile if cell.outcome is Outcome.FAIL]
    assert Outcome.FAIL not in {cell.outcome for cell in done[1].cells}, "the matrix holds"
    assert opened
    for cell in opened:
        assert 0 < cell.gap < 1
        assert cell.first_unexpected > 0
        shown = [item for item in cell.evidence if item.phase == "meanwhile"]
        assert "default/db" in {item.identity for item in shown}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SilentServers", "inside its own pod"),
        ("StarvedProbes", "At the critical moment no probe was sent"),
        ("DeadProbes", "ValueError: this probe is broken"),
    ],
)
def test_a_fault_of_ours_is_inconclusive_and_says_what_is_missing(name, told):
    for _ in range(20):  # on a busy machine there may be too few probes, which is told first
        outcome, done = run(RESTARTED, f"{DISTURBING}:{name}")
        assert outcome is Outcome.INCONCLUSIVE
        assert {cell.outcome for cell in done[1].meanwhile} == {Outcome.INCONCLUSIVE}
        reasons = [cell.reason for cell in done[1].meanwhile]
        if any(told in reason for reason in reasons):
            break
    assert any(told in reason for reason in reasons)


def test_without_any_enforcer_it_was_open_all_the_time():
    outcome, done = run(RESTARTED, "none")
    assert outcome is Outcome.FAIL
    assert {cell.outcome for cell in done[1].meanwhile} == {Outcome.FAIL}
