"""Scenarios that rest on blocks, on clusters whose pods are not where they are planned to be."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from textwrap import dedent

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import ClusterState, Pod
from netpol_conformance.run.events import ScenarioFinished
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import Scenario

from .fakes import FakeCluster
from .playing import play
from .test_scenario_run import QUICK

HEAD = """
title: A block decides
rules: [S30]
documented: {in: Kubernetes handbook, section: Simple example}
features: [ipBlockMatchesPods]
pods:
  web: {labels: {app: web}, ports: [80], node: node-1}
  near: {labels: {role: client}, node: node-1}
  far: {labels: {role: other}, node: node-2}
steps:
  - title: Before any policy both reach web
    expect:
      web:80: {near: connected, far: connected}
  - title: The policy rests on a block
    apply: |
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: web}
      spec:
        podSelector: {matchLabels: {app: web}}
        ingress:
        - from:
"""
CLIENTS = "          - podSelector: {matchLabels: {role: client}}\n"
BUT_PODS = '          - ipBlock: {cidr: 0.0.0.0/0, except: ["%s"]}\n'
NEAR_ALONE = """\
    expect:
      web:80: {near: connected, far: blocked}
"""
BOTH = NEAR_ALONE.replace("far: blocked", "far: connected")
BUT_FAR = """\
          - ipBlock: {cidr: "${cluster/pods}", except: ["${pod/far}/32"]}
"""


class OwnIpam(FakeCluster):
    """Pods have addresses of a pool that no node's podCIDR is of."""

    def state(self) -> ClusterState:
        state = super().state()
        return state.with_objects(*map(self._moved, state.pods))

    def _moved(self, pod: Pod) -> Pod:
        ips = (ip_address(str(ip).replace("10.244.", "192.168.")) for ip in pod.ips)
        return replace(pod, ips=tuple(ips))


class InTheNodesNetwork(OwnIpam):
    """Pods have addresses of the nodes' own network."""

    def _moved(self, pod: Pod) -> Pod:
        ips = (ip_address(str(ip).replace("10.244.", "172.18.")) for ip in pod.ips)
        return replace(pod, ips=tuple(ips))


def scenario(*parts: str) -> Scenario:
    return load(dedent(HEAD + "".join(parts)), "semantics/test.yaml")


def came_to(cluster: FakeCluster, of: Scenario) -> tuple[Outcome, str]:
    outcome, events = play(of, cluster, QUICK)
    (end,) = (event for event in events if isinstance(event, ScenarioFinished))
    return outcome, end.reason


@pytest.mark.parametrize("cluster", [FakeCluster, OwnIpam])
@pytest.mark.parametrize(
    "of",
    [scenario(CLIENTS, BUT_PODS % "${cluster/pods}", NEAR_ALONE), scenario(BUT_FAR, NEAR_ALONE)],
)
def test_the_pods_block_is_where_the_pods_are(cluster: type[FakeCluster], of: Scenario) -> None:
    assert came_to(cluster(of), of) == (Outcome.PASS, "")


def test_a_block_that_misses_every_pod_passes_nothing() -> None:
    """The stated cell comes out all the same: whoever is let in as a client is let in by the block
    too.
    """
    of = scenario(CLIENTS, BUT_PODS % "10.244.0.0/16", BOTH.replace(", far: connected", ""))
    assert came_to(FakeCluster(of), of) == (Outcome.PASS, "")
    outcome, reason = came_to(OwnIpam(of), of)
    assert outcome is Outcome.INCONCLUSIVE
    assert "the block 0.0.0.0/0 except 10.244.0.0/16 of NetworkPolicy default/web holds" in reason
    assert "pod default/near (192.168.1.4), which the scenario means it to leave out" in reason


def test_a_block_that_holds_no_pod_any_more_is_told_too() -> None:
    of = scenario(CLIENTS, "          - ipBlock: {cidr: 10.244.0.0/16}\n", BOTH)
    outcome, reason = came_to(OwnIpam(of), of)
    assert outcome is Outcome.INCONCLUSIVE
    assert "does not hold pod default/near (192.168.1.4), pod default/far (192.168.2.2)" in reason


def test_what_only_this_clusters_addresses_make_malformed_is_no_feature_it_lacks() -> None:
    of = scenario(BUT_FAR.replace("${cluster/pods}", "10.244.0.0/16"), NEAR_ALONE)
    assert came_to(FakeCluster(of), of) == (Outcome.PASS, "")
    outcome, reason = came_to(OwnIpam(of), of)
    assert outcome is Outcome.INCONCLUSIVE
    assert "must be a strict subset" in reason


def test_where_pods_have_no_block_of_their_own_it_is_said() -> None:
    of = scenario(BUT_FAR, NEAR_ALONE)
    outcome, reason = came_to(InTheNodesNetwork(of), of)
    assert outcome is Outcome.INCONCLUSIVE
    assert '"${cluster/pods}" stands for no block on this cluster' in reason
    assert "holds node-1 (172.18.0.2)" in reason


@pytest.mark.parametrize(
    "path",
    [
        "upstream/egress-to-a-block-with-exception.yaml",
        "upstream/exception-allowed-elsewhere.yaml",
        "upstream/egress-to-a-block.yaml",
        "handbook/test-network-policy-both.yaml",
    ],
)
def test_the_packs_scenarios_pass_there(path: str) -> None:
    (of,) = load_corpus([path])
    assert came_to(OwnIpam(of), of) == (Outcome.PASS, "")
