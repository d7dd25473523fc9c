"""Restarting the bundled enforcer of a kind cluster, and being alone on it meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kind.lifecycle import KindLifecycle
from netpol_conformance.clusters.kubernetes.external import Turn
from netpol_conformance.clusters.kubernetes.streams import Agents


class Enforcer:
    """The DaemonSet as the API has it: its pods go, and come, one at each look."""

    def __init__(self, *, installed: bool = True, pods: int = 2) -> None:
        self._installed, self._wanted, self._pods = installed, pods, pods
        self.selectors: list[dict[str, Any]] = []
        self._stopped = False
        self.looks: list[int] = []

    def call(self, method: Any, *arguments: Any, **query: Any) -> Any:
        return method(*arguments, **query)

    def get(self, *_: object) -> dict[str, Any] | None:
        if not self._installed:
            return None
        self._pods = min(self._wanted, self._pods + (not self._stopped))
        generation = len(self.selectors)
        return {
            "metadata": {"generation": generation},
            "status": {
                "observedGeneration": generation,
                "desiredNumberScheduled": self._wanted,
                "numberReady": self._pods,
            },
        }

    def items(self, *_: object, **__: object) -> list[str]:
        self._pods = max(0, self._pods - self._stopped)
        self.looks.append(self._pods)
        return ["pod"] * self._pods

    def patch(self, _: object, patch: dict[str, Any], *names: str) -> None:
        selector = patch["spec"]["template"]["spec"]["nodeSelector"]
        self.selectors.append(selector)
        self._stopped = any(selector.values())


def lifecycle(enforcer: Enforcer) -> KindLifecycle:
    def never(_source: object) -> Any:
        raise AssertionError("nobody is asked")

    return KindLifecycle(enforcer, enforcer, Agents(never), lambda: None)


def test_a_restart_waits_for_the_last_pod_to_go_and_to_be_ready_again():
    enforcer = Enforcer()
    life = lifecycle(enforcer)
    life.stop_enforcer()
    assert enforcer.looks[-1] == 0
    life.start_enforcer()
    assert enforcer._pods == 2
    stopped, started = enforcer.selectors
    assert list(stopped) == list(started)
    assert set(stopped.values()) == {"true"}
    assert set(started.values()) == {None}


def test_an_enforcer_that_was_left_stopped_is_put_back_once():
    enforcer = Enforcer()
    life = lifecycle(enforcer)
    life.restore()
    assert enforcer.selectors == []
    life.stop_enforcer()
    life.restore()
    life.restore()
    assert len(enforcer.selectors) == 2


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
