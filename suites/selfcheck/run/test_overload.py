"""A cluster with room for few pods, and many scenarios at once: all of them come to something."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tenacity import Retrying

from netpol_conformance.clusters.base import ClusterInfo, ClusterSpec
from netpol_conformance.clusters.kubernetes.api import client
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.objects import waits
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import ObjectKey
from netpol_conformance.probe.verdict import Observation, Probe, Verdict
from netpol_conformance.run.events import ScenarioFinished, ScenarioStarted
from netpol_conformance.run.session import Session, Setting
from netpol_conformance.run.timeouts import Timeouts

from ..clusters.kubernetes_api import StoringApi, node, serving
from .fakes import FakeCluster, _observed
from .test_scenario_run import SCENARIO

ROOM = 7
"""Pods that run at once: of two scenarios, and a little."""
SCENARIOS, JOBS = 50, 16


class SmallApi(StoringApi):
    """Runs ROOM pods; has more it refuses every third request, and those pods wait."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._asked = 0
        self.answers["GET", "/version"] = (200, {"gitVersion": "v1.34.4"})
        nodes = [node("worker-1"), node("worker-2")]
        self.answers["GET", "/api/v1/nodes"] = (200, {"items": nodes})

    def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
        with self._lock:
            self._asked += 1
            if len(self._pods()) > ROOM and self._asked % 3 == 0:
                return 429, {"reason": "TooManyRequests", "message": "slow down"}
            home = url.partition("?")[0].rpartition("/")[0]
            if method == "POST" and home.count("/") == 4 and home not in self.stored:
                name = home.rpartition("/")[2]
                return 404, {"reason": "NotFound", "message": f'namespaces "{name}" not found'}
            code, answer = super().answer(method, url, body)
            for number, pod in enumerate(self._pods()):
                ready = [{"type": "Ready", "status": "True"}] if number < ROOM else []
                pod["status"] = {**pod["status"], "conditions": ready}
            return code, answer

    def _pods(self) -> list[Any]:
        return [item for item in self.stored.values() if item.get("kind") == "Pod"]


class Serving(KubernetesCluster):
    """One whose pods need no agents: everyone connects."""

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        return tuple(_observed(probe, Verdict.CONNECTED, None) for probe in probes)


class OnTheApi(FakeCluster):
    """Has the objects of the API, and is asked as a fake cluster is."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(SCENARIO)
        self._real = Serving(setup)

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        self._real.start(spec)
        return super().start(spec)

    def apply_initial(self, manifests: str) -> bool:
        taken = self._real.apply_initial(manifests)
        super().apply(manifests)
        return taken

    def apply(self, manifests: str) -> tuple[()]:
        self._real.apply(manifests)
        return super().apply(manifests)

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        self._real.delete(keys)
        super().delete(keys)

    def wait_ready(self, timeout: float) -> None:
        self._real.wait_ready(timeout)

    def release(self, *, clean: bool = False) -> None:
        self._real.release(clean=clean)

    def close(self) -> None:
        self._real.close()


class Driver:
    name = "kubeconfig"
    implementation = "oracle"
    controlled = False

    def __init__(self, api: SmallApi) -> None:
        self._client = api.client()
        self._setup = Setup(self._client, "1", Images("own:1"), self.name, "oracle")
        self.load = self._client.meter.take

    def cluster(self) -> OnTheApi:
        return OnTheApi(self._setup)


def test_many_scenarios_pass_where_there_is_room_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_RETRIES", "_RETRIES_OF_CHANGES"):
        monkeypatch.setattr(client, name, getattr(client, name).new(backoff_factor=0))
    brief = partial(Retrying, sleep=lambda _seconds: time.sleep(0.01))
    monkeypatch.setattr(waits, "Retrying", brief)
    events: list[Any] = []
    said: list[str] = []
    with serving(SmallApi()) as api:
        timeouts = Timeouts(ready=0.3, enforce=0.05)
        setting = Setting(Driver(api), jobs=JOBS, timeouts=timeouts)  # type: ignore[arg-type]
        run = Session(setting, events.append, on_progress=said.append)
        paths = [f"handbook/{number}.yaml" for number in range(SCENARIOS)]
        run.begin([replace(SCENARIO, path=path) for path in paths])
        run.wait()
        end = run.finish()
    ends = [event for event in events if isinstance(event, ScenarioFinished)]
    assert {item.path: item.outcome for item in ends} == dict.fromkeys(paths, Outcome.PASS), ends
    assert len(ends) == sum(isinstance(event, ScenarioStarted) for event in events) == SCENARIOS
    assert (end.outcome, end.partial) == (Outcome.PASS, False)
    assert any("8 scenarios at once instead of 16" in line for line in said), said
