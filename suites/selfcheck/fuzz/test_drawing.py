"""A seed is one case, on any machine; and cases have all that there is to draw."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from netpol_conformance.fuzz.cases import Case, Shape, scenario_of
from netpol_conformance.fuzz.drawing import case_of
from netpol_conformance.model.objects import NetworkPolicy, Pod, Service
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.planning import planned_state

OLD = Shape(version=KubernetesVersion(1, 6))
SHAPES = {
    "embedded": Shape(),
    "dual": Shape((4, 6)),
    "old": OLD,
    "a cluster one has": Shape(outside=False, controlled=False),
}
ELSEWHERE = """
import hashlib
from netpol_conformance.fuzz.cases import Shape
from netpol_conformance.fuzz.drawing import case_of
print(hashlib.sha256(repr([case_of(seed, Shape()) for seed in (5, 3)]).encode()).hexdigest())
"""


@cache
def drawn(seed: int, shape: Shape) -> Case:
    return case_of(seed, shape)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [drawn(seed, Shape()) for seed in range(200)]


def applied(case: Case, kind: type) -> list[object]:
    return [item for change in case.changes for item in change.apply if isinstance(item, kind)]


def test_a_seed_draws_the_same_in_another_process_and_another_order(cases: list[Case]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True
    )
    here = repr([cases[5], cases[3]])
    assert done.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_seeds_differ(cases: list[Case]) -> None:
    assert len(set(cases)) > 195


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_whatever_is_drawn_can_be_carried_out(shape: Shape) -> None:
    for seed in range(60):
        scenario = scenario_of(drawn(seed, shape))
        for index in range(len(scenario.steps)):
            planned_state(scenario, index)  # raises where something is not there


def test_every_kind_of_change_is_drawn(cases: list[Case]) -> None:
    endings = ("is created", "is edited", "is relabelled", "is deleted", "made anew", "finishes")
    seen = Counter(
        ending
        for case in cases
        for step in scenario_of(case).steps
        for ending in endings
        if step.title.endswith(ending)
    )
    assert set(seen) == set(endings)
    assert any(change.restarted for case in cases for change in case.changes)
    assert any(applied(case, Pod) for case in cases)


def test_every_kind_of_workload_is_drawn(cases: list[Case]) -> None:
    pods = [pod for case in cases for pod in case.pods]
    assert {port.protocol for pod in pods for port in pod.ports} == {"TCP", "UDP", "SCTP"}
    assert any(port.name for pod in pods for port in pod.ports)
    services = [item for case in cases for item in case.objects if isinstance(item, Service)]
    ports = [port for service in services for port in service.ports]
    assert any(port.port != port.target_port for port in ports)
    assert any(isinstance(port.target_port, str) for port in ports)
    assert {host.name for case in cases for host in case.hosts} == {"near", "far"}


def test_a_cluster_one_has_gets_nothing_that_only_the_embedded_one_knows() -> None:
    cases = [drawn(seed, SHAPES["a cluster one has"]) for seed in range(100)]
    changes = [change for case in cases for change in case.changes]
    assert not any(change.finish or change.restarted for change in changes)
    policies = [item for case in cases for item in applied(case, NetworkPolicy)]
    texts = {
        str(peer.ip_block.cidr)
        for policy in policies
        for rule in (*policy.ingress, *policy.egress)
        for peer in rule.peers
        if peer.ip_block
    }
    assert texts == {"0.0.0.0/0", "172.17.0.0/16", "::/0"}


def test_old_clusters_get_what_they_know() -> None:
    cases = [drawn(seed, OLD) for seed in range(60)]
    policies = [item for case in cases for item in applied(case, NetworkPolicy)]
    assert {policy.api_version for policy in policies} == {"extensions/v1beta1"}
    assert not any(policy.egress for policy in policies)
