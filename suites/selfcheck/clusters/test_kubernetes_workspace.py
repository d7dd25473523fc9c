"""What a scenario leaves, and who may have it: only who begins with the same namespaces."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netpol_conformance.clusters.kubernetes.workspace import Furnishing, Handover, Known, Stage
from netpol_conformance.model.objects import ObjectKey

Manifest = dict[str, Any]


def space(name: str, **labels: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, namespace: str = "x", **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def furnishing(*manifests: Manifest, families: tuple[int, ...] = (4,)) -> Furnishing:
    found = Furnishing.of(manifests, families)
    assert found is not None
    return found


class Agents:
    closed = False

    def close(self) -> None:
        self.closed = True


def stage(*manifests: Manifest) -> Stage:
    nothing = cast("Any", None)
    made = Stage(nothing, cast("Any", Agents()), (), nothing, nothing, lendable=True)
    made.known = Known(furnishing=furnishing(*manifests))
    return made


def handover(workers: int) -> Handover:
    made = Handover()
    for _ in range(workers):
        made.join()
    return made


def test_pods_that_are_the_same_to_the_letter_are_shared() -> None:
    one = furnishing(space("x"), pod("a"), pod("b", nodeName="n"), pod("c"))
    other = furnishing(space("x"), pod("a"), pod("b"), pod("d"), pod("c", "y"))
    assert one.shared(other) == {ObjectKey("Pod", "x", "a")}


def test_a_pod_without_a_namespace_is_in_default() -> None:
    bare = pod("a")
    del bare["metadata"]["namespace"]
    assert list(furnishing(bare).pods) == [ObjectKey("Pod", "default", "a")]


@pytest.mark.parametrize(
    "other",
    [
        furnishing(space("x", team="z"), pod("a")),
        furnishing(space("x"), space("y"), pod("a")),
        furnishing(pod("a")),
        furnishing(space("x"), pod("a"), families=(4, 6)),
    ],
)
def test_other_namespaces_or_families_do_not_fit(other: Furnishing) -> None:
    one = furnishing(space("x"), pod("a"))
    assert not one.fits(other)
    assert not other.fits(one)


@pytest.mark.parametrize(
    "other",
    [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "x"}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}},
        pod("done", restartPolicy="Never"),
    ],
)
def test_a_scenario_that_begins_with_more_takes_nothing_over(other: Manifest) -> None:
    assert Furnishing.of([space("x"), pod("a"), other], (4,)) is None


def test_the_stage_with_most_of_what_is_wanted_is_taken_and_only_once() -> None:
    left = handover(3)
    stages = [stage(pod("a")), stage(pod("a"), pod("b")), stage(pod("b"))]
    for each in stages:
        assert left.leave(each) is None
    assert left.take(furnishing(pod("a"), pod("b"))) is stages[1]
    assert left.take(furnishing(pod("b"))) is stages[2]
    assert left.take(furnishing(pod("b"))) is stages[0]
    assert left.take(furnishing(pod("b"))) is None


def test_a_stage_in_other_namespaces_is_not_taken() -> None:
    left = handover(1)
    left.leave(stage(space("x"), pod("a")))
    assert left.take(furnishing(space("y"), pod("a"))) is None


def test_there_is_room_for_one_stage_a_worker_and_the_oldest_makes_way() -> None:
    left = handover(2)
    stages = [stage(pod(name)) for name in "abc"]
    assert [left.leave(each) for each in stages] == [None, None, stages[0]]


def test_when_it_closes_agents_end_and_nothing_more_is_kept() -> None:
    left, before, after = handover(1), stage(pod("a")), stage(pod("a"))
    left.leave(before)
    left.close()
    left.close()
    assert cast("Agents", before.agents).closed
    assert left.take(furnishing(pod("a"))) is None
    assert left.leave(after) is after
