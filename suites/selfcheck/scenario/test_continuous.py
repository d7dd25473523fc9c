"""Steps about the life of pods and enforcers: what they mean, and what cannot be asked of them."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from netpol_conformance.expectation.explaining import show_scenario
from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.model.objects import ObjectKey
from netpol_conformance.scenario.lint import contradictions
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.planning import passing_states, planned_state, state_in_force
from netpol_conformance.scenario.types import Expectation, Scenario

from .scenario_texts import faults

BASE = """\
title: Nobody reaches db
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
pods:
  db:   {labels: {app: db}, ports: [80, 90/SCTP], service: {port: 80}}
  web:  {labels: {app: web}}
  job:  {}
steps:
- title: A policy closes db
  apply: |
    kind: NetworkPolicy
    apiVersion: networking.k8s.io/v1
    metadata: {name: db}
    spec: {podSelector: {matchLabels: {app: db}}}
  expect: {"db:80": {web: blocked}}
"""
NEW = """
kind: Pod
apiVersion: v1
metadata: {name: NAME}
spec: {containers: [{name: main, image: busybox}]SPEC}
"""


def pod(name: str, spec: str = "") -> str:
    """A manifest, as the value of ``apply``."""
    return "|\n" + indent(NEW.replace("NAME", name).replace("SPEC", spec).strip(), " " * 6)


def step(text: str) -> str:
    return "- title: A step\n" + indent(dedent(text).strip(), "  ") + "\n"


def loaded(*steps: str) -> Scenario:
    return load(BASE + "".join(map(step, steps)), "x.yaml")


def complaint(*steps: str) -> str:
    return "\n".join(map(str, faults(BASE + "".join(map(step, steps)))))


def pods(scenario: Scenario, index: int) -> dict[str, object]:
    return {item.name: item for item in planned_state(scenario, index).pods}


def test_a_finished_pod_leaves_its_address_to_one_that_is_to_have_it():
    scenario = loaded(
        "finish: [job]\nreuse: {late: job}\n"
        f'apply: {pod("late")}\nexpect: {{"db:80": {{late: blocked}}}}'
    )
    after = pods(scenario, 1)
    assert after["job"].phase == "Succeeded"
    assert after["late"].ips == after["job"].ips
    assert after["late"].node == after["job"].node


def test_a_pod_that_no_node_is_fit_for_is_pending_and_no_cell():
    spec = ", nodeSelector: {no: where}"
    scenario = loaded(f'apply: {pod("late", spec)}\nexpect: {{"db:80": {{web: blocked}}}}')
    late = pods(scenario, 1)["late"]
    assert (late.phase, late.ips, late.node) == ("Pending", (), "")
    known = complaint(f'apply: {pod("late", spec)}\nexpect: {{"db:80": {{late: blocked}}}}')
    assert "an end of late -> db:80 has no IPv4 address" in known


def test_copies_are_many_of_a_kind():
    scenario = loaded(
        f'copies: 3\napply: {pod("pod-${copy}")}\nexpect: {{"db:80": {{pod-3: blocked}}}}',
        'copies: 3\ndelete: ["pod/pod-${copy}"]\nexpect: {"db:80": {web: blocked}}',
    )
    assert {"pod-1", "pod-2", "pod-3"} <= set(pods(scenario, 1))
    assert not {"pod-1", "pod-2", "pod-3"} & set(pods(scenario, 2))


def test_while_it_is_cut_off_the_last_connected_state_is_in_force():
    cut_off = 'enforcer: cut off\ndelete: [networkpolicy/db]\nexpect: {"db:80": {web: blocked}}'
    again = 'enforcer: cut off\nexpect: {"db:80": {web: blocked}}'
    back = 'expect: {"db:80": {web: connected}}'
    scenario = loaded(cut_off, again, back)
    policies = [len(state_in_force(scenario, index).policies) for index in range(4)]
    assert policies == [1, 1, 1, 0]
    assert not planned_state(scenario, 1).policies
    assert not contradictions([scenario], expectation)
    wrong = loaded(cut_off.replace("web: blocked", "web: connected"))
    assert "is stated as connected" in str(*contradictions([wrong], expectation))


def test_what_must_always_be_so_is_held_to_every_state_in_between():
    opened = loaded(
        """
        delete: [networkpolicy/db]
        apply: |
          kind: NetworkPolicy
          apiVersion: networking.k8s.io/v1
          metadata: {name: other}
          spec: {podSelector: {}}
        meanwhile: {"db:80": {web: blocked}}
        expect: {"db:80": {web: blocked}}
        """
    )
    assert [len(state.policies) for state in passing_states(opened, 1)] == [1, 0, 1]
    (finding,) = contradictions([opened], expectation)
    assert finding.field == "steps[1].meanwhile"
    assert "may be connected at a moment" in finding.reason


def test_after_a_cut_off_the_missed_state_is_among_those_that_may_pass():
    scenario = loaded(
        'enforcer: cut off\ndelete: [networkpolicy/db]\nexpect: {"db:80": {web: blocked}}',
        'meanwhile: {"db:80": {web: blocked}}\nexpect: {"db:80": {web: connected}}',
    )
    assert [len(state.policies) for state in passing_states(scenario, 2)] == [1, 0]
    assert contradictions([scenario], expectation)


def test_cells_that_last_are_cells_of_the_matrix_too():
    scenario = loaded('meanwhile: {"db:80": {web: blocked}}\nheld: {"db:80": [job]}')
    last = scenario.steps[1]
    assert [(str(cell), word) for cell, word in last.meanwhile] == [
        ("web -> db:80", Expectation.BLOCKED)
    ]
    assert [str(cell) for cell in last.held] == ["job -> db:80"]


LASTING = 'expect: {"db:80": {web: blocked}}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("finish: [nobody]\n" + LASTING, "there is no Pod default/nobody"),
        ("reuse: {late: job}\n" + LASTING, "still has its address"),
        ("finish: [job]\nreuse: {web: job}\n" + LASTING, "is not created in this step"),
        ("enforcer: cut off\nfinish: [job]\n" + LASTING, "cannot know of pods"),
        ("enforcer: cut off\ndelete: [pod/job]\n" + LASTING, "cannot know of pods"),
        ("enforcer: paused\n" + LASTING, '"paused" is not one of the words'),
        ('meanwhile: {"service/db:80": {web: blocked}}', "a name is not looked up again and again"),
        ('meanwhile: {"db:90/SCTP": {web: blocked}}', "SCTP is asked by single packets"),
        ('meanwhile: {"db:80": {web: unspecified}}', '"unspecified" is not one of the words'),
        ('meanwhile: {"db:80": {nobody: blocked}}', "there is no pod default/nobody"),
        ('held: {"db:80": [nobody]}\n' + LASTING, "there is no pod default/nobody"),
        ('held: {"db:80": [job]}\ndelete: [pod/job]\n' + LASTING, "client is not there all"),
        ("title: x", "states nothing"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(text, told):
    assert told in complaint(text.replace("title: x", "unchanged: x"))


def test_a_server_must_be_there_all_the_while():
    again = f'delete: [pod/db]\napply: {pod("db")}\nmeanwhile: {{"db:80": {{web: blocked}}}}'
    text = again.replace("image: busybox", "image: nginx, ports: [{containerPort: 80}]")
    assert "its server is not there all the time" in complaint(text)


def test_a_new_pod_cannot_be_watched_while_the_enforcer_is_away():
    text = f'enforcer: restarted\napply: {pod("late")}\nmeanwhile: {{"db:80": {{late: blocked}}}}'
    assert "what a new pod may do while the enforcer is away" in complaint(text)


def test_keys_are_names_of_pods():
    (finished,) = loaded("finish: [job]\n" + LASTING).steps[1].finish
    assert finished == ObjectKey("Pod", "default", "job")


def test_all_that_happens_is_shown():
    scenario = loaded(
        f"finish: [job]\nreuse: {{late: job}}\napply: {pod('late')}\n"
        'meanwhile: {"db:80": {late: blocked}}\nheld: {"db:80": [web]}',
        "enforcer: restarted\n" + LASTING,
    )
    shown = show_scenario(scenario)
    for line in (
        "finish Pod default/job",
        "Pod default/late gets the address of Pod default/job",
        "late -> db:80: blocked at every moment",
        "web -> db:80: a connection is held open",
        "The enforcer is restarted.",
    ):
        assert line in shown
