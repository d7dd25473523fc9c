"""Restarting the bundled enforcer of a kind cluster, and being alone on it meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterError, UnsupportedError
from netpol_conformance.clusters.kind.cluster import KindCluster
from netpol_conformance.clusters.kind.lifecycle import KindLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import Agents
from netpol_conformance.clusters.kubernetes.external import Turn
from netpol_conformance.clusters.kubernetes.workspace import WorkspacePool

WORKERS = {"node-1": "worker", "node-2": "worker2"}
NODES = WORKERS | {"node-3": "control-plane"}


class Enforcer:
    """The DaemonSet as the API has it: a node's pod goes, and comes, some looks after the label."""

    def __init__(self, *, installed: bool = True) -> None:
        self._installed = installed
        self.nodes = SimpleNamespace(real=NODES, taking_pods=WORKERS)
        self.stopped: set[str] = set()
        self.labelled: list[tuple[str, str | None]] = []
        self._pods = dict.fromkeys(NODES.values(), 0)
        """By node for how many looks its pod has been as its label wants it."""

    def call(self, method: Any, *arguments: Any, **query: Any) -> Any:
        return method(*arguments, **query)

    def get(self, *_: object) -> dict[str, Any] | None:
        return {} if self._installed else None

    def items(self, *_: object, **__: object) -> list[dict[str, Any]]:
        self._pods = {node: looks + 1 for node, looks in self._pods.items()}
        return [
            {"spec": {"nodeName": node}, "status": {"conditions": [self._ready(looks)]}}
            for node, looks in self._pods.items()
            if node not in self.stopped or looks < 3
        ]

    def _ready(self, looks: int) -> dict[str, str]:
        return {"type": "Ready", "status": str(looks >= 3)}

    def patch(self, _: object, patch: dict[str, Any], node: str) -> None:
        (value,) = patch["metadata"]["labels"].values()
        assert all(self._pods[other] >= 3 for other in self.stopped), "the one before is not gone"
        self.labelled.append((node, value))
        self._pods[node] = 0
        (self.stopped.add if value else self.stopped.discard)(node)


def lifecycle(enforcer: Enforcer) -> KindLifecycle:
    def never(_source: object) -> Any:
        raise AssertionError("nobody is asked")

    return KindLifecycle(enforcer, enforcer, Agents(never), lambda: None)


def test_a_restart_waits_on_each_node_for_the_pod_to_go_and_to_be_ready_again():
    enforcer = Enforcer()
    life = lifecycle(enforcer)
    life.stop_enforcer()
    assert enforcer.stopped == set(WORKERS.values())
    life.start_enforcer()
    assert enforcer.stopped == set()
    assert min(enforcer._pods.values()) >= 3
    assert enforcer.labelled[:2] == [(node, "true") for node in WORKERS.values()]


def test_an_enforcer_that_was_left_stopped_is_put_back_once():
    enforcer = Enforcer()
    life = lifecycle(enforcer)
    life.start_enforcer()
    assert enforcer.labelled == []
    life.stop_enforcer()
    life.start_enforcer()
    life.start_enforcer()
    assert enforcer.stopped == set()
    assert len(enforcer.labelled) == 4


def test_a_node_whose_enforcer_does_not_come_back_shows_it(monkeypatch):
    module = "netpol_conformance.clusters.kind.lifecycle"
    monkeypatch.setattr(f"{module}._PAUSE", 0.0)
    enforcer = Enforcer()
    life = lifecycle(enforcer)
    life.stop_enforcer()
    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.RESTART_TIMEOUT", 0.0)
        with pytest.raises(ClusterError, match="to be ready on worker2"):
            life.start_enforcer()
    assert enforcer.stopped == set(WORKERS.values())
    assert life.has_stopped_it
    for _ in range(3):  # until its pod is gone
        enforcer.items()
    life.start_enforcer()
    assert enforcer.stopped == set()
    assert not life.has_stopped_it


class Unstartable:
    """A lifecycle whose enforcer does not come back at first."""

    has_stopped_it = True

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def start_enforcer(self) -> None:
        self._attempts -= 1
        if self._attempts:
            raise ClusterError("waited in vain")
        self.has_stopped_it = False


def test_others_have_their_turn_though_the_enforcer_does_not_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    client = SimpleNamespace(server="https://one")
    setup = SimpleNamespace(client=client, outside=None, pool=WorkspacePool())
    cluster, other = KindCluster(setup, None), Turn("https://one")
    cluster._turn.take()
    cluster._own_lifecycle = Unstartable(attempts=2)
    with pytest.raises(ClusterError, match="in vain"):
        cluster.release()
    other.take(shared=True)
    other.give_back()
    cluster.release()  # it tries again, alone
    assert cluster._own_lifecycle is None
    other.take()
    other.give_back()


def test_another_enforcer_is_left_alone():
    with pytest.raises(UnsupportedError, match="not the bundled one"):
        lifecycle(Enforcer(installed=False)).stop_enforcer()


def test_many_share_a_turn_and_one_may_have_it_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    first, second, alone = Turn("cluster"), Turn("cluster"), Turn("cluster")
    first.take(shared=True)
    second.take(shared=True)
    has_it = threading.Event()

    def wait() -> None:
        alone.take()
        has_it.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not has_it.wait(0.05)
    first.give_back()
    assert not has_it.wait(0.05)
    second.give_back()
    waiting.join()
    alone.give_back()
    first.take(shared=True)
    first.give_back()
