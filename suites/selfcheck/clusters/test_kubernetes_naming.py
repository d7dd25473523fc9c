from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.encode import manifest as encode
from netpol_conformance.model.objects import (
    LabelSelector,
    NetworkPolicy,
    Operator,
    PolicyPeer,
    PolicyRule,
    Requirement,
    SourceKind,
)
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

NAMES = Names("abc123", "0f0f0f")
words = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
spaces = st.sampled_from(["default", "kube-system", "secondary"]) | words
keys = st.sampled_from(["app", NAME_LABEL])
labels = st.dictionaries(keys, spaces, max_size=2).map(lambda found: tuple(found.items()))
names = st.lists(spaces, min_size=1, max_size=3).map(tuple)
requirements = st.builds(Requirement, keys, st.just(Operator.IN), names)
selectors = st.builds(LabelSelector, labels, st.lists(requirements, max_size=2).map(tuple))
peers = st.builds(PolicyPeer, st.none() | selectors, st.none() | selectors)
rules = st.lists(peers, max_size=2).map(lambda found: (PolicyRule(tuple(found)),))
policies = st.builds(
    NetworkPolicy,
    spaces,
    words,
    st.just(LabelSelector(((NAME_LABEL, "a-pod's-label-stays"),))),
    ingress=rules,
    egress=rules,
    labels=st.just({"own": "label"}),
).map(encode)


@given(spaces)
def test_a_namespace_comes_back_as_it_went(name: str) -> None:
    assert NAMES.own(NAMES.real(name)) == name


@given(spaces, spaces)
def test_scenarios_do_not_meet(one: str, other: str) -> None:
    elsewhere = Names("abc123", "1f1f1f")
    shared = {NAMES.real(one)} & {elsewhere.real(other)}
    assert shared <= {"kube-system"}


@settings(max_examples=80)
@given(policies)
def test_a_policy_comes_back_as_it_went(policy: dict[str, object]) -> None:
    real = NAMES.real_manifest(policy, namespaced=True)
    assert NAMES.own_manifest(real) == policy


@given(policies)
@settings(max_examples=40)
def test_only_namespaces_are_renamed(policy: dict[str, Any]) -> None:
    real = NAMES.real_manifest(policy, namespaced=True)
    assert NAMES.text(str(real)) == str(policy)
    assert real["spec"]["podSelector"] == policy["spec"]["podSelector"]


def test_selectors_by_name_select_the_scenarios_own_namespaces() -> None:
    selector = {
        "matchLabels": {NAME_LABEL: "prod", "team": "default"},
        "matchExpressions": [
            {"key": NAME_LABEL, "operator": "NotIn", "values": ["default", "kube-system"]},
            {"key": "team", "operator": "In", "values": ["default"]},
        ],
    }
    policy = {
        "kind": "NetworkPolicy",
        "metadata": {"name": "p"},
        "spec": {"ingress": [{"from": [{"namespaceSelector": selector, "podSelector": {}}]}]},
    }
    real = NAMES.real_manifest(policy, namespaced=True)
    assert real["metadata"]["namespace"] == "npc-abc123-0f0f0f-default"
    assert real["spec"]["ingress"][0]["from"][0]["namespaceSelector"] == {
        "matchLabels": {NAME_LABEL: "npc-abc123-0f0f0f-prod", "team": "default"},
        "matchExpressions": [
            {
                "key": NAME_LABEL,
                "operator": "NotIn",
                "values": ["npc-abc123-0f0f0f-default", "kube-system"],
            },
            {"key": "team", "operator": "In", "values": ["default"]},
        ],
    }


@given(spaces, st.dictionaries(words, words, max_size=2))
@settings(max_examples=40)
def test_a_namespace_hides_what_makes_it_the_runs_own(name: str, own: dict[str, str]) -> None:
    manifest = {"kind": "Namespace", "metadata": {"name": name, "labels": own}}
    real = NAMES.real_manifest(manifest, namespaced=False)
    assert real["metadata"]["labels"] == {**own, **NAMES.labels}
    assert NAMES.own_manifest(real) == manifest


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"metadata": 7},
        {"metadata": None},
        {"kind": "Namespace", "metadata": {}},
        {"kind": "Namespace", "metadata": {"name": 3, "labels": []}},
        {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": "none"},
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "p"},
            "spec": {"ingress": [{"from": [{"namespaceSelector": 3}]}, None, 7]},
        },
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "p"},
            "spec": {"ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [1]}}]}]},
        },
    ],
)
def test_what_is_malformed_is_left_to_the_server(manifest: dict[str, object]) -> None:
    real = NAMES.real_manifest(manifest, namespaced=manifest.get("kind") == "NetworkPolicy")
    assert real.get("spec") == manifest.get("spec")


def test_a_name_with_no_room_for_it_is_not_supported() -> None:
    assert len(NAMES.real("n" * 45)) == 63
    with pytest.raises(UnsupportedError, match="at most 45 characters are left"):
        NAMES.real("n" * 46)
    assert NAMES.real("n" * 64)  # for the server to refuse


@pytest.mark.parametrize(
    ("host", "real"),
    [
        ("nginx", "nginx"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("web.prod", "web.npc-abc123-0f0f0f-prod"),
        ("kube-dns.kube-system", "kube-dns.kube-system"),
        ("web.prod.svc.cluster.local", "web.npc-abc123-0f0f0f-prod.svc.cluster.local"),
        ("web-0.web.prod.svc", "web-0.web.npc-abc123-0f0f0f-prod.svc"),
    ],
)
def test_names_that_are_looked_up_are_the_clusters(host: str, real: str) -> None:
    identities = frozenset({"default/web", "outside/office"})
    probe = Probe(Source(SourceKind.POD, "a", "default"), host, 80, identities)
    asked = NAMES.real_probe(probe)
    assert asked.host == real
    assert asked.identities == {"npc-abc123-0f0f0f-default/web", "outside/office"}
    seen = Observation(asked, Verdict.CONNECTED, f"wget {real}", f"by {real}", 0, 0, 0, "x/y")
    told = NAMES.own_observation(seen, probe)
    assert told.probe == probe
    assert (told.command, told.output) == (f"wget {host}", f"by {host}")
