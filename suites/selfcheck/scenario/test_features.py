"""Features: which there are, what a scenario needs, and the profile that this makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.catalogue import RULES
from netpol_conformance.scenario.features import FEATURES, Profile, profile_of
from netpol_conformance.scenario.loader import load

from .scenario_texts import SOUND, findings, spoilt

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
OPEN = "{client: connected}"
DIRECT, THROUGH = f"web:8080: {OPEN}", f"clusterip/web:80: {OPEN}"
NODE_PORT, BALANCER = f"nodeport/web:80@node-1: {OPEN}", f"loadbalancer/web:80: {OPEN}"
NODE = "node/%s:10250: {client: %s}"
NEXT = "\n        "
ONE_WAY = f"policyTypes: [Ingress, Egress]{NEXT}egress: [{{}}]"
BLOCK = "ingress: [{from: [{ipBlock: {cidr: %s}}, {podSelector: {}}]}]"


def needs(text: str) -> set[str]:
    return set(needed_features(load(text, "x.yaml")))


def scenario(selected: str, rules: str, expect: str) -> str:
    return HEAD + PODS + STEP % (selected, rules, expect)


@pytest.mark.parametrize(
    ("needed", "selected", "rules", "expect"),
    [
        (set(), "web", "ingress: [{ports: [{port: 8080}]}]", DIRECT),
        ({"namedPorts"}, "web", "ingress: [{ports: [{port: http}]}]", DIRECT),
        ({"namedPorts", "namedPortsByPod"}, "web", "ingress: [{ports: [{port: nobody}]}]", DIRECT),
        (
            {"namedPorts", "namedPortsByPod"},
            "client",
            "egress: [{ports: [{port: http}]}]",
            DIRECT,
        ),
        ({"unlistedRules"}, "web", f"policyTypes: [Egress]{NEXT}ingress: [{{}}]", DIRECT),
        ({"endPort"}, "web", "ingress: [{ports: [{port: 1, endPort: 9000}]}]", DIRECT),
        # A rule over SCTP asks nothing of SCTP itself; a probe over SCTP does (S24).
        (set(), "web", "ingress: [{ports: [{protocol: SCTP}, {port: 8080}]}]", DIRECT),
        # Before the translation the connection would go to port 80 of the Service's own address.
        ({"egressAfterServiceNAT"}, "client", "egress: [{ports: [{port: 8080}]}]", THROUGH),
        (set(), "client", "egress: [{ports: [{port: 8080}]}]", DIRECT),
        (set(), "client", "egress: [{}]", THROUGH),
        (set(), "web", "ingress: [{ports: [{port: 8080}]}]", THROUGH),
        ({"ipBlockMatchesPods"}, "web", BLOCK % "10.0.0.0/8", DIRECT),
        (set(), "web", BLOCK % "192.0.2.0/24", DIRECT),
        ({"egressToOwnNode"}, "client", "policyTypes: [Egress]", NODE % ("node-2", "connected")),
        (set(), "client", "policyTypes: [Egress]", NODE % ("node-1", "blocked")),
        ({"hairpinThroughService"}, "web", "ingress: []", THROUGH.replace("client", "web")),
        # The names of cluster DNS are behind a Service too.
        (
            {"egressAfterServiceNAT"},
            "client",
            "egress: [{to: [{namespaceSelector: {}}]}]",
            "service/web:80: {client: connected}",
        ),
    ],
)
def test_needs_are_seen(needed, selected, rules, expect):
    assert needs(scenario(selected, rules, expect)) == needed


@pytest.mark.parametrize(
    ("needed", "old", "new", "expect"),
    [
        ("sctp", "http=8080", "http=8080, 1/SCTP", DIRECT),
        ("nodePort", "port: 80,", "port: 80, type: NodePort,", NODE_PORT),
        ("loadBalancer", "port: 80,", "port: 80, type: LoadBalancer,", BALANCER),
        ("hostNetwork", "node: node-2", "node: node-2, hostNetwork: true", DIRECT),
        ("ipv6", "pods:", "cluster: {families: [IPv4, IPv6]}\npods:", DIRECT),
    ],
)
def test_what_the_cluster_has_is_a_need(needed, old, new, expect):
    assert needs(scenario("web", "ingress: [{}]", expect).replace(old, new)) == {needed}


@pytest.mark.parametrize(
    ("needed", "rules"),
    [
        ({"directionsOfOnePolicy"}, ONE_WAY),
        (set(), ONE_WAY.replace("egress: [{}]", "egress: []")),
        (set(), ONE_WAY + NEXT + "ingress: [{}]"),
    ],
)
def test_two_pods_of_one_policy_that_allows_one_way_are_a_need(needed, rules):
    text = scenario("web", rules, "web:8080: {client: blocked}")
    everyone = text.replace("podSelector: {matchLabels: {app: web}}", "podSelector: {}")
    assert needs(everyone) == needed


def test_a_label_that_a_controller_gives_is_a_need():
    text = scenario("web", "ingress: [{}]", DIRECT).replace("{app: web}", "{job-name: web}")
    assert needs(text) == {"controllerLabels"}


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
