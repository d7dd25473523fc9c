"""How long is waited, in a time of the tests' own: slow is no failure, and never is waited for
only so often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import dedent

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.clusters.base import Load
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol
from netpol_conformance.plugins.types import Declared, KnownFailure
from netpol_conformance.probe.verdict import Probe, Verdict
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.enforcing import slow
from netpol_conformance.run.events import Event, ScenarioFinished, StepFinished, WaitsShortened
from netpol_conformance.run.network import OWN_NETWORK
from netpol_conformance.run.patience import ENOUGH
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.session import Session, Setting
from netpol_conformance.run.timeouts import UNPROMISED, Timeouts
from netpol_conformance.run.waiting import ScenarioWaits, relabels
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import Scenario

from .slow import Clock, SlowCluster
from .test_scenario_run import SCENARIO

(RELABELLED,) = load_corpus(["semantics/pod-relabelled.yaml"])


def play(
    cluster: SlowCluster,
    *,
    timeouts: Timeouts = UNPROMISED,
    declared: Declared | None = None,
    within: float | None = None,
) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    waits = ScenarioWaits(timeouts, declared=declared, within=within)
    scenario, emit = cluster.whole, events.append
    run = ScenarioRun(scenario, cluster, timeouts, emit, network=lambda: OWN_NETWORK, waits=waits)
    return run.run(), events


def slow_cluster(clock: Clock, scenario: Scenario = RELABELLED, **how: object) -> SlowCluster:
    cluster = SlowCluster(scenario, clock=clock, **how)
    cluster.whole = scenario
    return cluster


def taken(events: list[Event]) -> list[float]:
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    return [step.seconds_to_enforce or 0.0 for step in steps]


@pytest.mark.parametrize("late", [7, 35, 55])
def test_labels_that_are_heard_of_late_are_waited_for(clock, late):
    outcome, events = play(slow_cluster(clock, labels=late))
    assert outcome is Outcome.PASS
    first, second, third = taken(events)
    assert first < 1
    assert late <= second < late + 2
    assert late <= third < late + 2


def test_what_takes_longer_than_anything_may_fails(clock):
    assert play(slow_cluster(clock, labels=90))[0] is Outcome.FAIL
    assert play(slow_cluster(clock, policies=45, scenario=SCENARIO))[0] is Outcome.PASS
    assert play(slow_cluster(clock, policies=90, scenario=SCENARIO))[0] is Outcome.FAIL


def test_a_time_that_is_said_counts(clock):
    brief = UNPROMISED.with_settings(["enforce=3"])
    assert play(slow_cluster(clock, labels=7), timeouts=brief)[0] is Outcome.FAIL
    longer = UNPROMISED.with_settings(["labels=100"])
    assert play(slow_cluster(clock, labels=90), timeouts=longer)[0] is Outcome.PASS


@pytest.mark.parametrize(
    ("late", "outcome"), [(3, Outcome.PASS), (7, Outcome.FAIL)], ids=["in time", "late"]
)
def test_who_demands_a_time_is_told_what_took_longer(clock, late, outcome):
    ended, events = play(slow_cluster(clock, labels=late), within=5)
    assert ended is outcome
    if outcome is Outcome.FAIL:
        assert "Step 2: In force after 7." in events[-1].reason
        assert "--enforce-within 5" in events[-1].reason


def test_a_step_is_no_later_than_its_looks_show(clock):
    """A machine that stands still after a lost connection is no proof of a slow plugin."""
    lost: list[Probe] = []

    def losing(probe: Probe, verdict: Verdict) -> Verdict:
        if lost or probe.source.name != "labelled" or not cluster.state().policies:
            return verdict
        lost.append(probe)
        clock.sleep(20)
        return Verdict.TIMED_OUT

    cluster = slow_cluster(clock, SCENARIO, fault=losing)
    outcome, events = play(cluster, within=5)
    assert outcome is Outcome.INCONCLUSIVE
    assert "When it came is not known" in events[-1].reason


def test_new_pods_are_waited_for_in_later_steps_too(clock):
    """Where the first step has passed at once, the plugin may still not know the pods' labels."""
    outcome, events = play(slow_cluster(clock, SCENARIO, policies=40))
    assert outcome is Outcome.PASS
    assert max(taken(events)) > UNPROMISED.enforce


def blind_at_first(clock: Clock) -> SlowCluster:
    """Its enforcer ignores all policies until a pod is labelled, and is right but slow then."""

    def fault(_probe: Probe, verdict: Verdict) -> Verdict:
        labelled = any("access" in pod.labels for pod in cluster.state().pods)
        return verdict if labelled else Verdict.CONNECTED

    cluster = slow_cluster(clock, labels=20, fault=fault)
    return cluster


def test_a_step_that_failed_is_no_reason_to_fail_what_is_slow(clock):
    outcome, events = play(blind_at_first(clock))
    assert outcome is Outcome.FAIL
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    assert [step.outcome for step in steps[:2]] == [Outcome.FAIL, Outcome.INCONCLUSIVE]
    assert steps[2].outcome is not Outcome.FAIL
    told = [cell.reason for cell in steps[1].cells if cell.outcome is Outcome.INCONCLUSIVE]
    assert all("5 s only since step 1 failed, so it may just be slow" in reason for reason in told)


def test_a_declared_failure_shortens_no_wait(clock):
    failure = KnownFailure(RELABELLED.path, "a bug", "docs/plugins.md", steps=(1,))
    _, events = play(
        blind_at_first(clock), declared=Declared("plugins/x.yaml", failures=(failure,))
    )
    steps = [event.step for event in events if isinstance(event, StepFinished)]
    assert [step.outcome for step in steps] == [Outcome.FAIL, Outcome.PASS, Outcome.PASS]


# -- many scenarios ------------------------------------------------------------------------------


@dataclass
class SlowDriver:
    """Gives its one worker clusters with an enforcer as ``how`` says."""

    clock: Clock
    scenario: Scenario
    how: dict
    name = "fake"
    implementation = "slow"
    controlled = True

    def load(self) -> Load:
        return Load()

    def cluster(self) -> SlowCluster:
        return slow_cluster(self.clock, self.scenario, **self.how)


def run(driver: SlowDriver, scenarios: list[Scenario]) -> tuple[list[Event], Collector]:
    events: list[Event] = []
    collector = Collector()

    def emit(event: Event) -> None:
        events.append(event)
        collector(event)

    session = Session(Setting(driver, timeouts=UNPROMISED), emit)
    session.begin(scenarios)
    session.wait()
    emit(session.finish())
    return events, collector


def copies(scenario: Scenario, number: int, name: str = "copy") -> list[Scenario]:
    return [replace(scenario, path=f"handbook/{name}-{index}.yaml") for index in range(number)]


def outcomes(events: list[Event]) -> list[Outcome]:
    return [event.outcome for event in events if isinstance(event, ScenarioFinished)]


@pytest.mark.parametrize("scenario", [SCENARIO, RELABELLED], ids=["simple", "relabelled"])
def test_a_plugin_that_enforces_nothing_fails_everything_and_soon(clock, scenario):
    began = clock.now
    events, collector = run(
        SlowDriver(clock, scenario, {"enforces": False}), copies(scenario, number=50)
    )
    assert outcomes(events) == [Outcome.FAIL] * 50
    whole, brief = UNPROMISED.longest + 10, len(scenario.steps) * 12
    assert clock.now - began < ENOUGH * whole + 50 * brief
    (told,) = [event for event in events if isinstance(event, WaitsShortened)]
    assert told.what == "denials of ingress over TCP"
    assert told.seconds == UNPROMISED.brief
    assert len(told.scenarios) == ENOUGH
    assert collector.report().shortened_waits == (told,)
    ends = [event for event in events if isinstance(event, ScenarioFinished)]
    assert "only" not in ends[ENOUGH - 1].reason
    assert all("waited for 5 s only: 10 scenarios" in end.reason for end in ends[ENOUGH:])


UDP = load(
    dedent(
        """
        title: A policy closes UDP too
        rules: [S2]
        documented: {in: Kubernetes handbook, section: Simple example}
        pods:
          dns: {labels: {app: dns}, ports: [53/UDP]}
          client: {image: busybox}
        steps:
          - title: The policy closes dns
            apply: |
              kind: NetworkPolicy
              apiVersion: networking.k8s.io/v1
              metadata: {name: deny}
              spec: {podSelector: {matchLabels: {app: dns}}}
            expect:
              dns:53/UDP: {client: blocked}
        """
    ),
    "handbook/udp.yaml",
)


THREE = load(
    dedent(
        """
        title: A policy closes nginx to all
        rules: [S2]
        documented: {in: Kubernetes handbook, section: Simple example}
        pods:
          nginx: {labels: {app: nginx}, image: nginx}
          a: {}
          b: {}
          c: {}
        steps:
          - title: The policy closes nginx
            apply: |
              kind: NetworkPolicy
              apiVersion: networking.k8s.io/v1
              metadata: {name: deny}
              spec: {podSelector: {matchLabels: {app: nginx}}}
            expect:
              nginx:80: {"*": blocked}
        """
    ),
    "handbook/three.yaml",
)


def test_a_lost_connection_is_no_policy_that_came(clock):
    """Where nothing is enforced and the machine is busy, one pod's probes are lost once."""

    def losing(probe: Probe, verdict: Verdict) -> Verdict:
        lost = probe.source.name == "a" and probe.timeout >= 1 and cluster.state().policies
        return Verdict.TIMED_OUT if lost else verdict

    cluster = slow_cluster(clock, THREE, enforces=False, fault=losing)
    driver = SlowDriver(clock, THREE, {})
    driver.cluster = lambda: cluster
    events, collector = run(driver, copies(THREE, ENOUGH + 2))
    assert outcomes(events) == [Outcome.FAIL] * (ENOUGH + 2)
    (told,) = collector.report().shortened_waits
    assert not told.ended_by


def test_what_only_a_quick_look_missed_was_never_in_force(clock):
    """Where the machine is busy, short probes may all be lost."""

    def losing(probe: Probe, verdict: Verdict) -> Verdict:
        lost = probe.timeout < 1 and cluster.state().policies
        return Verdict.TIMED_OUT if lost else verdict

    cluster = slow_cluster(clock, THREE, enforces=False, fault=losing)
    outcome, events = play(cluster)
    assert outcome is Outcome.FAIL
    assert taken(events) == [0.0]


def udp_is_open(probe: Probe, verdict: Verdict) -> Verdict:
    return Verdict.CONNECTED if probe.protocol is Protocol.UDP else verdict


def test_a_plugin_that_is_slow_never_fails_for_what_another_kind_has_cost(clock):
    scenarios = [*copies(UDP, 15, "udp"), *copies(RELABELLED, 5, "relabelled")]
    events: list[Event] = []
    waits = run_mixed(clock, scenarios, {"labels": 25, "fault": udp_is_open}, events)
    assert waits
    assert outcomes(events)[:15] == [Outcome.FAIL] * 15
    assert outcomes(events)[15:] == [Outcome.PASS] * 5


def run_mixed(
    clock: Clock,
    scenarios: list[Scenario],
    how: dict,
    events: list[Event],
) -> list[WaitsShortened]:
    """Scenarios of different files on one driver, whose clusters are made for each."""

    class Mixed(SlowCluster):
        def start(self, spec: object):
            self.scenario = replace(next(left), objects=())
            return super().start(spec)

    # Two more for what comes first: the probes are tested, and the network is measured.
    left = iter([*scenarios[:1] * 2, *scenarios])
    driver = SlowDriver(clock, scenarios[0], how)
    driver.cluster = lambda: Mixed(scenarios[0], clock=clock, **how)
    told, _ = run(driver, scenarios)
    events += told
    return [event for event in told if isinstance(event, WaitsShortened)]


def test_a_plugin_that_is_right_but_slow_is_shown_as_slow_and_passes(clock):
    events, collector = run(SlowDriver(clock, RELABELLED, {"labels": 7}), copies(RELABELLED, 20))
    assert set(outcomes(events)) == {Outcome.PASS}
    report = collector.report()
    assert {item.step.index for item in slow(report)} == {2, 3}
    took = report.time_to_enforce
    assert (took.changes, took.slow) == (60, 40)
    assert 7 <= took.median <= took.p90 <= took.max < 9


# -- which changes take longer -------------------------------------------------------------------


def states(scenario: Scenario, index: int):
    step = scenario.steps[index]
    return step, state_in_force(scenario, index - 1), state_in_force(scenario, index)


def test_policies_alone_change_no_labels():
    assert not relabels(*states(SCENARIO, 1))
    assert not relabels(*states(RELABELLED, 0))
    assert relabels(*states(RELABELLED, 1))


@pytest.mark.parametrize(
    "path",
    [
        "lifecycle/address-used-again.yaml",
        "lifecycle/created-again.yaml",
        "lifecycle/enforcer-restarted.yaml",
        "lifecycle/namespace-relabelled.yaml",
        "lifecycle/new-pod.yaml",
    ],
)
def test_pods_and_namespaces_that_come_go_and_end_do(path):
    for scenario in load_corpus([path]):
        assert any(relabels(*states(scenario, index)) for index in range(len(scenario.steps)))
