"""The order in which a step's changes are made, and what becomes of an enforcer that is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.clusters.base import ClusterSpec, UnsupportedError
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import ObjectKey, Pod
from netpol_conformance.run.change import Changes
from netpol_conformance.run.execution import manifest_list
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.scenario.types import Step

from .fakes import FakeCluster
from .test_scenario_run import QUICK, SCENARIO

JOB, LATE = ObjectKey("Pod", "default", "busybox"), ObjectKey("Pod", "default", "late")
POD = manifest_list([Pod("default", "late", image="busybox")])


class Recording(FakeCluster):
    """Writes down what is done to it; of a lifecycle nothing else happens."""

    def __init__(self) -> None:
        super().__init__(SCENARIO)
        self.done: list[str] = []
        self.start(ClusterSpec())
        for item in SCENARIO.objects:
            self._api.store(item)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: self.done.append(name)

    def lifecycle(self) -> Recording:
        return self

    def apply(self, manifests: str) -> tuple[()]:
        self.done.append("apply")
        return super().apply(manifests)

    def delete(self, keys: Any) -> None:
        self.done.append("delete")
        super().delete(keys)


def test_the_order_is_as_it_is_promised():
    cluster = Recording()
    step = Step("", POD, delete=(JOB,), enforcer="restarted", finish=(JOB,), reuse=((LATE, JOB),))
    change = Changes(cluster, SCENARIO).make(step)
    assert cluster.done == ["stop_enforcer", "finish", "reuse", "delete", "apply", "start_enforcer"]
    assert change.reused == {"Pod default/late": "Pod default/busybox"}
    assert change.began <= change.ended


def test_it_is_cut_off_once_and_connected_before_the_next_changes():
    cluster = Recording()
    changes = Changes(cluster, SCENARIO)
    for enforcer in ("cut off", "cut off", None, None):
        changes.make(Step("", POD, enforcer=enforcer))
        changes.reconnect() if enforcer is None else None
    assert [done for done in cluster.done if done not in ("apply", "delete")] == [
        "cut_off_enforcer",
        "reconnect_enforcer",
    ]
    assert cluster.done.index("reconnect_enforcer") < len(cluster.done) - 2


def test_a_plain_step_asks_nothing_of_a_lifecycle():
    class Without(Recording):
        def lifecycle(self) -> Recording:
            raise UnsupportedError("nothing of the kind")

    cluster = Without()
    Changes(cluster, SCENARIO).make(Step("", POD, delete=(JOB,)))
    with pytest.raises(UnsupportedError):
        Changes(cluster, SCENARIO).make(Step("", POD, enforcer="restarted"))


def test_the_cluster_learns_who_disturbs_the_enforcer_and_who_asks_all_the_time():
    asked: list[ClusterSpec] = []

    class Asked(FakeCluster):
        def start(self, spec: Any) -> Any:
            asked.append(spec)
            return super().start(spec)

    (restarting,) = load_corpus(["lifecycle/enforcer-restarted.yaml"])
    ended = [
        ScenarioRun(scenario, Asked(scenario), QUICK, lambda _: None).run()
        for scenario in (SCENARIO, restarting)
    ]
    assert ended == [Outcome.PASS, Outcome.UNSUPPORTED]
    assert [spec.alone for spec in asked] == [False, True]
    client = ObjectKey("Pod", "default", "client")
    assert [spec.asking for spec in asked] == [frozenset(), {client}]
