"""A scenario's run: what counts, what does not, and what each fault of ours comes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from textwrap import dedent

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Tool, Verdict
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.loader import load

from .fakes import FakeCluster
from .playing import play, steps

QUICK = Timeouts(enforce=0.05)
SCENARIO = load(
    dedent(
        """
        title: Only pods labelled access=true reach nginx
        rules: [S2]
        documented: {in: Kubernetes handbook, section: Simple example}
        covers: [HB6]
        pods:
          nginx: {labels: {run: nginx}, image: nginx}
          busybox: {}
          labelled: {labels: {access: "true"}}
        steps:
          - title: Before any policy every pod reaches nginx
            expect:
              nginx:80: {busybox: connected, labelled: connected}
          - title: The policy opens nginx to labelled pods only
            apply: |
              kind: NetworkPolicy
              apiVersion: networking.k8s.io/v1
              metadata: {name: access-nginx}
              spec:
                podSelector: {matchLabels: {run: nginx}}
                ingress: [{from: [{podSelector: {matchLabels: {access: "true"}}}]}]
            expect:
              nginx:80: {busybox: blocked, labelled: connected}
        """
    ),
    "handbook/test.yaml",
)


NAMED = load(
    dedent(
        """
        title: A policy closes Services too
        rules: [S2]
        documented: {in: Kubernetes handbook, section: Simple example}
        pods:
          nginx: {labels: {run: nginx}, image: nginx, service: {port: 80}}
          dns: {labels: {run: dns}, ports: [53/UDP], service: {port: 53/UDP}}
          busybox: {}
        steps:
          - title: Before any policy both are open
            expect:
              service/nginx:80: {busybox: connected}
              service/dns:53/UDP: {busybox: connected}
          - title: The policy closes dns
            apply: |
              kind: NetworkPolicy
              apiVersion: networking.k8s.io/v1
              metadata: {name: deny}
              spec: {podSelector: {matchLabels: {run: dns}}}
            expect:
              service/nginx:80: {busybox: connected}
              service/dns:53/UDP: {busybox: blocked}
        """
    ),
    "handbook/named.yaml",
)


def run(cluster: FakeCluster, scenario=SCENARIO, timeouts=QUICK):
    return play(scenario, cluster, timeouts)


def cells(events):
    return {(step.index, cell.source): cell for step in steps(events) for cell in step.cells}


def test_a_conformant_plugin_passes_and_every_denied_cell_has_control_and_witness():
    outcome, events = run(FakeCluster(SCENARIO))
    assert outcome is Outcome.PASS
    denied = cells(events)[2, "busybox"]
    phases = Counter(item.phase for item in denied.evidence)
    assert phases["control"] == phases["hold"] == 2
    assert phases["witness"] == 1
    assert denied.blocked == "dropped"
    assert {item.tool for item in denied.evidence if item.phase == "hold"} == set(Tool)


def test_a_step_tells_the_labels_that_policies_select_by():
    _, events = run(FakeCluster(SCENARIO))
    told = [step.labels for step in steps(events)]
    dns = {"kube-system/coredns": {"k8s-app": "kube-dns"}}
    assert told == [{**dns, "nginx": {"run": "nginx"}, "labelled": {"access": "true"}}] * 2


def test_a_plugin_that_enforces_nothing_fails_exactly_the_denied_cells():
    outcome, events = run(FakeCluster(SCENARIO, enforces=False))
    assert outcome is Outcome.FAIL
    wrong = {key for key, cell in cells(events).items() if cell.outcome is not Outcome.PASS}
    assert wrong == {(2, "busybox")}
    assert "busybox -> nginx:80" in events[-1].reason


def all_blocked(probe, verdict):
    return verdict if str(probe.source) in probe.identities else Verdict.TIMED_OUT


def wget_always_succeeds(probe, verdict):
    return Verdict.CONNECTED if probe.tool is Tool.WGET else verdict


@pytest.mark.parametrize("fault", [all_blocked, wget_always_succeeds])
def test_what_is_open_or_closed_throughout_fails(fault):
    outcome, _ = run(FakeCluster(SCENARIO, fault=fault))
    assert outcome is Outcome.FAIL


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.CONNECTED])
def test_a_probe_that_always_says_the_same_is_never_green(verdict):
    outcome, events = run(FakeCluster(SCENARIO, fault=lambda *_: verdict))
    assert outcome is Outcome.INCONCLUSIVE
    assert Outcome.FAIL not in {cell.outcome for cell in cells(events).values()}
    assert Outcome.PASS not in {cell.outcome for cell in cells(events).values()}


def test_a_server_that_dies_when_the_policy_comes_is_inconclusive():
    def dying(probe, verdict):
        return Verdict.REFUSED if cluster.state().policies else verdict

    cluster = FakeCluster(SCENARIO, fault=dying)
    outcome, events = run(cluster)
    assert outcome is Outcome.INCONCLUSIVE
    assert "inside its own pod" in cells(events)[2, "busybox"].reason


def test_one_lost_connection_on_a_busy_machine_does_not_fail_the_plugin():
    lost = Counter()

    def busy(probe, verdict):
        if probe.tool is Tool.WGET and verdict is Verdict.CONNECTED:
            lost[probe.source] += 1
            if lost[probe.source] == 2:
                return Verdict.TIMED_OUT
        return verdict

    outcome, events = run(FakeCluster(SCENARIO, fault=busy))
    assert outcome is Outcome.PASS
    assert "confirm" in {item.phase for item in cells(events)[1, "busybox"].evidence}


def test_a_machine_too_busy_for_short_probes_is_inconclusive_never_a_failure():
    def slow_clients(probe, verdict):
        patient = probe.timeout >= QUICK.confirm
        return verdict if patient or str(probe.source) in probe.identities else Verdict.TIMED_OUT

    outcome, events = run(FakeCluster(SCENARIO, fault=slow_clients))
    assert outcome is Outcome.INCONCLUSIVE
    assert "It did not hold" in events[-1].reason


def test_a_name_is_looked_up_before_a_matrix_counts_as_enforced():
    early = []

    def slow_dns(probe, verdict):
        if probe.host == "nginx" and cluster.state().policies and len(early) < 3:
            early.append(probe)
            return Verdict.NAME_NOT_RESOLVED
        return verdict

    cluster = FakeCluster(NAMED, fault=slow_dns)
    outcome, events = run(cluster, NAMED, Timeouts())
    assert outcome is Outcome.PASS
    assert {probe.tool for probe in early} == {Tool.SOCKET}
    assert {cell.outcome for cell in cells(events).values()} == {Outcome.PASS}


def test_a_name_over_udp_is_never_asked_by_wget():
    cluster = FakeCluster(NAMED)
    run(cluster, NAMED)
    of_udp = [probe for probe in cluster.probes if probe.protocol is Protocol.UDP]
    assert {probe.tool for probe in of_udp} == {Tool.SOCKET}
    assert "dns" in {probe.host for probe in of_udp}


def test_a_cluster_that_does_not_start_is_inconclusive_and_says_why():
    outcome, events = run(FakeCluster(SCENARIO, starts=False))
    assert outcome is Outcome.INCONCLUSIVE
    assert "user namespaces are forbidden" in events[-1].reason


def test_an_author_and_an_oracle_that_disagree_make_no_verdict():
    first = SCENARIO.steps[0]
    flipped = replace(
        first, expected=tuple((c, SCENARIO.steps[1].expected[0][1]) for c, _ in first.expected)
    )
    outcome, events = run(FakeCluster(SCENARIO), replace(SCENARIO, steps=(flipped,)))
    assert outcome is Outcome.INCONCLUSIVE
    assert "the specification says connected" in events[-1].reason


def test_a_denial_from_the_first_step_on_gets_its_control_when_the_policy_is_taken_away():
    only = replace(SCENARIO, steps=SCENARIO.steps[1:])

    outcome, events = run(FakeCluster(only), only)
    assert outcome is Outcome.PASS
    denied = cells(events)[1, "busybox"]
    assert [item.phase for item in denied.evidence].count("control") == 2


PASSING = load(
    dedent(
        """
        title: A policy closes nginx to who comes and goes
        rules: [S2]
        documented: {in: Kubernetes handbook, section: Simple example}
        pods:
          nginx: {labels: {run: nginx}, image: nginx}
        steps:
          - title: A policy closes nginx to a newcomer
            apply: |
              kind: NetworkPolicy
              apiVersion: networking.k8s.io/v1
              metadata: {name: deny}
              spec: {podSelector: {}}
              ---
              kind: Pod
              apiVersion: v1
              metadata: {name: new}
              spec: {containers: [{name: c, image: x}]}
            expect:
              nginx:80: {new: blocked}
          - title: The policy goes
            delete: [networkpolicy/deny]
            expect:
              nginx:80: {new: connected}
          - title: The newcomer goes, and another comes
            delete: [pod/new]
            apply: |
              kind: Pod
              apiVersion: v1
              metadata: {name: other}
              spec: {containers: [{name: c, image: x}]}
            expect:
              nginx:80: {other: connected}
        """
    ),
    "handbook/passing.yaml",
)


def test_a_step_that_allows_is_the_control_of_pods_that_are_there_neither_first_nor_last():
    outcome, events = run(FakeCluster(PASSING), PASSING)
    assert outcome is Outcome.PASS, events[-1].reason
    denied = cells(events)[1, "new"]
    assert [item.verdict for item in denied.evidence if item.phase == "control"] == [
        Verdict.CONNECTED
    ]


def test_a_control_that_fails_once_on_a_busy_machine_is_asked_again():
    lost = []

    def busy(probe, verdict):
        if probe.tool is Tool.WGET and not lost:
            lost.append(probe)
            return Verdict.NAME_NOT_RESOLVED
        return verdict

    outcome, _ = run(FakeCluster(SCENARIO, fault=busy))
    assert outcome is Outcome.PASS


def test_a_control_that_fails_before_the_policy_is_asked_again_after_it():
    applied = []

    def busy(probe, verdict):
        applied.extend(cluster.state().policies)
        is_control = probe.tool is Tool.SOCKET and probe.timeout == QUICK.hold
        return Verdict.TIMED_OUT if is_control and not applied else verdict

    cluster = FakeCluster(SCENARIO, fault=busy)
    outcome, events = run(cluster)
    assert outcome is Outcome.PASS, events[-1].reason
    controls = [item for item in cells(events)[2, "busybox"].evidence if item.phase == "control"]
    assert {item.verdict for item in controls} == {Verdict.CONNECTED}


def test_a_control_that_never_connects_is_isolation_without_a_policy():
    def deaf(probe, verdict):
        return Verdict.TIMED_OUT if probe.source.name == "busybox" else verdict

    outcome, events = run(FakeCluster(SCENARIO, fault=deaf))
    assert outcome is Outcome.FAIL
    assert cells(events)[2, "busybox"].outcome is Outcome.FAIL
    assert "open by default (S1)" in cells(events)[2, "busybox"].reason


def test_a_control_that_fails_while_the_server_is_down_makes_its_denial_inconclusive():
    def down(probe, verdict):
        return Verdict.TIMED_OUT if "busybox" not in probe.source.name else verdict

    outcome, events = run(FakeCluster(SCENARIO, fault=down))
    assert outcome is Outcome.INCONCLUSIVE
    assert cells(events)[2, "labelled"].outcome is Outcome.INCONCLUSIVE


class BrokenError(Exception):
    """What a consumer of events may raise."""


def test_the_cluster_is_given_back_whatever_becomes_of_the_scenario():
    def broken(event):
        raise BrokenError

    for cluster in (FakeCluster(SCENARIO), FakeCluster(SCENARIO, starts=False)):
        run(cluster)
        assert cluster.left
        cluster.left = False
        with pytest.raises(BrokenError):
            ScenarioRun(SCENARIO, cluster, QUICK, broken).run()
        assert cluster.left


@pytest.mark.parametrize(
    ("cluster", "clean"),
    [
        (FakeCluster(SCENARIO), True),
        (FakeCluster(SCENARIO, enforces=False), False),
        (FakeCluster(SCENARIO, starts=False), False),
    ],
)
def test_only_a_scenario_that_passed_leaves_what_another_may_have(cluster, clean):
    run(cluster)
    assert (cluster.left, cluster.left_clean) == (True, clean)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_fresh_run_takes_nothing_over(fresh):
    scenario_run = ScenarioRun(SCENARIO, FakeCluster(SCENARIO, reused=True), QUICK, lambda _: None)
    assert scenario_run.run(fresh=fresh) is Outcome.PASS
    assert scenario_run.reused is not fresh
