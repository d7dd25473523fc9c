"""The oracle and enforcement, written apart, mean the same: over random labels and policies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from suites.selfcheck import random_clusters as rc

from netpol_conformance.model.objects import Namespace, NetworkPolicy
from netpol_conformance.model.version import ISOLATION_ANNOTATION, KubernetesVersion

from .differential import PODS, Scene, World

ISOLATING = {ISOLATION_ANNOTATION: '{"ingress": {"isolation": "DefaultDeny"}}'}
differential = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def scenes(
    draw: st.DrawFn,
    policies: st.SearchStrategy[NetworkPolicy] = rc.policies,
    annotations: st.SearchStrategy[dict[str, str]] = st.just({}),  # noqa: B008 -- immutable
) -> Scene:
    namespaces = [Namespace(name, draw(rc.labels), draw(annotations)) for name in rc.NAMESPACES]
    stated = st.lists(policies, min_size=1, max_size=4, unique_by=lambda policy: policy.key)
    return Scene([draw(rc.labels) for _ in PODS], namespaces, draw(stated))


def check(world: World, scene: Scene) -> None:
    found = world.disagreements(scene)
    assert not found, f"of {len(found)} connections treated otherwise, the first:\n\n{found[0]}"


@pytest.fixture(scope="module")
def latest() -> Iterator[World]:
    with closing(World(4)) as world:
        yield world


@pytest.fixture(scope="module")
def dual() -> Iterator[World]:
    with closing(World(4, 6)) as world:
        yield world


@pytest.fixture(scope="module")
def old() -> Iterator[World]:
    with closing(World(4, version=KubernetesVersion(1, 6))) as world:
        yield world


@settings(differential, max_examples=50)
@given(scenes())
def test_enforcement_agrees_with_the_oracle(latest: World, scene: Scene) -> None:
    check(latest, scene)


@settings(differential, max_examples=10)
@given(scenes())
def test_they_agree_in_both_families(dual: World, scene: Scene) -> None:
    check(dual, scene)


@settings(differential, max_examples=10)
@given(scenes(rc.old_policies, st.sampled_from(({}, ISOLATING))))
def test_they_agree_on_what_policies_meant_in_1_6(old: World, scene: Scene) -> None:
    check(old, scene)


def test_a_disagreement_is_told_in_full() -> None:
    namespaces = [Namespace(name) for name in rc.NAMESPACES]
    scene = Scene([{}] * len(PODS), namespaces, [NetworkPolicy("blue", "deny")])
    with closing(World(4, implementation="none")) as world:
        found = world.disagreements(scene)
    assert {item.connection.destination.namespace for item in found} == {"blue"}
    told = str(found[0])
    for text in ("kind: NetworkPolicy", "name: pod-0", ": denied", "applies  blue/deny", "Seen: "):
        assert text in told
