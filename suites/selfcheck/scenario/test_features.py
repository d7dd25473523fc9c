"""Features: which there are, what a scenario needs, and the profile that this makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.catalogue import RULES
from netpol_conformance.scenario.features import FEATURES, Profile, profile_of
from netpol_conformance.scenario.lint import lint
from netpol_conformance.scenario.loader import load

from .scenario_texts import SOUND, spoilt

ROOT = Path(__file__).parents[3]
HEAD = """\
title: A scenario
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
"""
PODS = """\
pods:
  web: {labels: {app: web}, ports: [http=8080], node: node-1, service: {port: 80, targetPort: 8080}}
  client: {labels: {app: client}, node: node-2}
"""
STEP = """\
steps:
  - title: A step
    apply: |
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: policy}
      spec:
        podSelector: {matchLabels: {app: %s}}
        %s
    expect: {%s}
"""
DIRECT = "web:8080: {client: connected}"
THROUGH = "clusterip/web:80: {client: connected}"


def needs(text: str) -> set[str]:
    return set(needed_features(load(text, "x.yaml")))


def scenario(selected: str, rules: str, expect: str, pods: str = PODS, head: str = HEAD) -> str:
    return head + pods + STEP % (selected, rules, expect)


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (set(), scenario("web", "ingress: [{ports: [{port: 8080}]}]", DIRECT)),
        ({"namedPorts"}, scenario("web", "ingress: [{ports: [{port: http}]}]", DIRECT)),
        ({"endPort"}, scenario("web", "ingress: [{ports: [{port: 1, endPort: 9000}]}]", DIRECT)),
        # A rule over SCTP asks nothing of SCTP itself; a probe over SCTP does (S24).
        (set(), scenario("web", "ingress: [{ports: [{protocol: SCTP}, {port: 8080}]}]", DIRECT)),
        (
            {"sctp"},
            scenario(
                "web", "ingress: [{}]", DIRECT, PODS.replace("http=8080", "http=8080, 1/SCTP")
            ),
        ),
        # Before the translation the connection would go to port 80 of the Service's own address.
        (
            {"egressAfterServiceNAT"},
            scenario("client", "egress: [{ports: [{port: 8080}]}]", THROUGH),
        ),
        (set(), scenario("client", "egress: [{ports: [{port: 8080}]}]", DIRECT)),
        (set(), scenario("client", "egress: [{}]", THROUGH)),
        (set(), scenario("web", "ingress: [{ports: [{port: 8080}]}]", THROUGH)),
        (
            {"ipBlockMatchesPods"},
            scenario("web", "ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", DIRECT),
        ),
        (
            set(),
            scenario(
                "web",
                "ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}, {podSelector: {}}]}]",
                DIRECT,
            ),
        ),
        (
            {"egressToOwnNode"},
            scenario("client", "policyTypes: [Egress]", "node/node-2:10250: {client: connected}"),
        ),
        (
            set(),
            scenario("client", "policyTypes: [Egress]", "node/node-1:10250: {client: blocked}"),
        ),
        (
            {"hairpinThroughService"},
            scenario("web", "ingress: []", "clusterip/web:80: {web: connected}"),
        ),
        (
            {"nodePort"},
            scenario(
                "web",
                "ingress: [{}]",
                "nodeport/web:80@node-1: {client: connected}",
                PODS.replace("port: 80,", "port: 80, type: NodePort,"),
            ),
        ),
        (
            {"loadBalancer"},
            scenario(
                "web",
                "ingress: [{}]",
                "loadbalancer/web:80: {client: connected}",
                PODS.replace("port: 80,", "port: 80, type: LoadBalancer,"),
            ),
        ),
        (
            {"hostNetwork"},
            scenario(
                "web",
                "ingress: [{}]",
                DIRECT,
                PODS.replace("node: node-2", "node: node-2, hostNetwork: true"),
            ),
        ),
        (
            {"ipv6"},
            scenario(
                "web",
                "ingress: [{}]",
                DIRECT,
                head=HEAD + "cluster: {families: [IPv4, IPv6]}\n",
            ),
        ),
    ],
)
def test_needs_are_seen(needed, text):
    assert needs(text) == needed


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        ({"noMomentaryGap"}, "meanwhile: {'web:8080': {client: connected}}"),
        ({"outlivesEnforcer"}, "enforcer: restarted"),
        (set(), "held: {'web:8080': [client]}"),
    ],
)
def test_what_is_asked_of_a_change_is_a_need(needed, said):
    first = "steps:\n  - {title: Before, expect: {'web:8080': {client: connected}}}"
    text = scenario("web", "ingress: [{}]", DIRECT).replace("steps:", first)
    assert needs(text.replace("    expect:", f"    {said}\n    expect:")) == needed


def test_the_names_of_cluster_dns_are_behind_a_service_too():
    dns = "egress: [{to: [{namespaceSelector: {}}]}]"
    by_name = "service/web:80: {client: connected}"
    assert needs(scenario("client", dns, by_name)) == {"egressAfterServiceNAT"}


def findings(text: str) -> list[str]:
    return [str(finding) for finding in lint([load(text, "x.yaml")], expectation, needed_features)]


def test_a_needed_feature_is_declared():
    (found,) = findings(spoilt("features: [ipv6]\n", ""))
    assert found.startswith("x.yaml:1: features: ipv6 is needed, for cluster.families has IPv6")
    assert "declare it: features: [ipv6]" in found


def test_a_declared_feature_is_needed():
    (found,) = findings(spoilt("features: [ipv6]", "features: [ipv6, sctp]"))
    line = SOUND[: SOUND.index("features:")].count("\n") + 1
    told = "features: sctp is declared, but nothing here needs it; leave it out"
    assert found == f"x.yaml:{line}: {told}"


@pytest.mark.parametrize(
    ("features", "pinned", "profile"),
    [
        ((), None, Profile.CORE),
        (("namedPorts", "ipBlockMatchesPods"), None, Profile.CORE),
        (("namedPorts", "sctp"), None, Profile.EXTENDED),
        (("legacyIsolation", "sctp"), None, Profile.HISTORY),
        ((), KubernetesVersion(1, 16), Profile.HISTORY),
        ((), KubernetesVersion(1, 34), Profile.CORE),
    ],
)
def test_the_least_common_feature_makes_the_profile(features, pinned, profile):
    one = replace(load(SOUND, "x.yaml"), features=features, version_pinned=pinned is not None)
    assert profile_of(replace(one, version=pinned or one.version)) is profile


def test_a_version_that_the_user_asks_for_makes_no_history():
    older = replace(load(SOUND, "x.yaml"), version_pinned=False, features=())
    assert profile_of(replace(older, version=KubernetesVersion(1, 7))) is Profile.CORE


def test_features_rest_on_rules_that_there_are():
    for name, feature in FEATURES.items():
        assert feature.name == name
        assert set(feature.rules) <= RULES
        assert feature.reason


def test_the_documented_features_are_those_there_are():
    text = (ROOT / "docs" / "profiles.md").read_text()
    table = text[text.index("<!-- features") : text.index("<!-- /features")].splitlines()[1:]
    rows = [
        (f"`{item.name}`", f"{item.title} ({', '.join(item.rules)})", item.profile, item.reason)
        for item in FEATURES.values()
    ]
    assert table == [f"| {' | '.join(row)} |" for row in rows]
