"""What a scenario leaves, and who may have it: only who begins with the same namespaces."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netpol_conformance.clusters.kubernetes.workspace import (
    CachedState,
    InitialObjects,
    Workspace,
    WorkspacePool,
)
from netpol_conformance.model.objects import ObjectKey

Manifest = dict[str, Any]


def space(name: str, **labels: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, namespace: str = "x", **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def initial(*manifests: Manifest, families: tuple[int, ...] = (4,)) -> InitialObjects:
    found = InitialObjects.of(manifests, families)
    assert found is not None
    return found


class Agents:
    closed = False

    def close(self) -> None:
        self.closed = True


def workspace(*manifests: Manifest) -> Workspace:
    nothing = cast("Any", None)
    made = Workspace(nothing, cast("Any", Agents()), (), nothing, nothing, reusable=True)
    made.cache = CachedState(initial=initial(*manifests))
    return made


def pool(workers: int) -> WorkspacePool:
    made = WorkspacePool()
    for _ in range(workers):
        made.join()
    return made


def test_pods_that_are_the_same_to_the_letter_are_shared() -> None:
    one = initial(space("x"), pod("a"), pod("b", nodeName="n"), pod("c"))
    other = initial(space("x"), pod("a"), pod("b"), pod("d"), pod("c", "y"))
    assert one.shared(other) == {ObjectKey("Pod", "x", "a")}


def test_a_pod_without_a_namespace_is_in_default() -> None:
    bare = pod("a")
    del bare["metadata"]["namespace"]
    assert list(initial(bare).pods) == [ObjectKey("Pod", "default", "a")]


@pytest.mark.parametrize(
    "other",
    [
        initial(space("x", team="z"), pod("a")),
        initial(space("x"), space("y"), pod("a")),
        initial(pod("a")),
        initial(space("x"), pod("a"), families=(4, 6)),
    ],
)
def test_other_namespaces_or_families_do_not_fit(other: InitialObjects) -> None:
    one = initial(space("x"), pod("a"))
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
    assert InitialObjects.of([space("x"), pod("a"), other], (4,)) is None


def test_the_stage_with_most_of_what_is_wanted_is_taken_and_only_once() -> None:
    left = pool(3)
    workspaces = [workspace(pod("a")), workspace(pod("a"), pod("b")), workspace(pod("b"))]
    for each in workspaces:
        assert left.put(each) is None
    assert left.take(initial(pod("a"), pod("b"))) is workspaces[1]
    assert left.take(initial(pod("b"))) is workspaces[2]
    assert left.take(initial(pod("b"))) is workspaces[0]
    assert left.take(initial(pod("b"))) is None


def test_a_stage_in_other_namespaces_is_not_taken() -> None:
    left = pool(1)
    left.put(workspace(space("x"), pod("a")))
    assert left.take(initial(space("y"), pod("a"))) is None


def test_there_is_room_for_one_stage_a_worker_and_the_oldest_makes_way() -> None:
    left = pool(2)
    workspaces = [workspace(pod(name)) for name in "abc"]
    assert [left.put(each) for each in workspaces] == [None, None, workspaces[0]]


def test_when_it_closes_agents_end_and_nothing_more_is_kept() -> None:
    left, before, after = pool(1), workspace(pod("a")), workspace(pod("a"))
    left.put(before)
    left.close()
    left.close()
    assert cast("Agents", before.agents).closed
    assert left.take(initial(pod("a"))) is None
    assert left.put(after) is after
