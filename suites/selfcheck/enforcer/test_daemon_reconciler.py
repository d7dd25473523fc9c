"""The reconciler from deltas to rules: batches, failures, readiness, logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.daemon.health import answer
from netpol_conformance.enforcer.daemon.logs import JsonFormatter
from netpol_conformance.enforcer.daemon.reading import NAMESPACES, NODES, PODS, POLICIES, read
from netpol_conformance.enforcer.daemon.reconciler import (
    DeltaQueue,
    Reconciler,
    close_until_synced,
    open_up,
)
from netpol_conformance.enforcer.daemon.status import STUCK_SECONDS, Status, metrics
from netpol_conformance.enforcer.daemon.store import Connected
from netpol_conformance.enforcer.daemon.wiring import WiringError

from . import daemon_objects as raw
from .daemon_objects import changed, listed

FIRST = (
    listed(NODES, raw.node()),
    listed(NAMESPACES, raw.namespace()),
    listed(POLICIES, raw.deny(app="web")),
    listed(PODS, raw.pod("web", "10.244.1.2")),
)


class Kernel:
    """Takes texts, or refuses them all."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuses = ""

    def __call__(self, text: str) -> None:
        if self.refuses:
            raise NftError(self.refuses)
        self.texts.append(text)


class FakeNetwork:
    made = False
    fails = False
    updates = 0

    def update(self, nodes) -> bool:
        self.updates += 1
        if self.fails:
            raise WiringError("no way")
        self.made = any(node.pod_cidrs for node in nodes)
        return self.made


class Bench:
    """A loop with a fake kernel."""

    def __init__(self, network: FakeNetwork | None = None) -> None:
        self.kernel = Kernel()
        self.controller = Controller("node-1", self.kernel)
        self.reconciler = Reconciler("node-1", self.controller, network)

    @property
    def status(self) -> Status:
        return self.reconciler.status


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict]]:
    """What the log says by now."""
    caplog.set_level(logging.INFO)
    form = JsonFormatter()
    return lambda: [json.loads(form.format(record)) for record in caplog.records]


def events(logged) -> list[str]:
    return [line["event"] for line in logged()]


def test_nothing_is_in_force_before_every_resource_was_listed(logged):
    bench = Bench()
    for deltas in FIRST[:-1]:
        bench.reconciler.reconcile([deltas])
        assert not bench.status.ready
        assert not bench.kernel.texts
    bench.reconciler.reconcile([FIRST[-1]])
    assert bench.status.ready
    assert len(bench.kernel.texts) == 1
    assert events(logged) == ["in force", "ready"]


def test_what_has_arrived_is_one_transaction():
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    pods = [raw.pod(f"pod-{n}", f"10.244.1.{n}") for n in range(3, 9)]
    bench.reconciler.reconcile([changed(PODS, pod) for pod in pods])
    assert len(bench.kernel.texts) == 2
    assert bench.status.syncs == 2
    assert bench.status.pods == 7


def test_news_without_a_change_are_no_work():
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    before = bench.status
    bench.reconciler.reconcile([*FIRST, Connected(PODS)])
    assert bench.status == before
    assert len(bench.kernel.texts) == 1


def test_a_refused_batch_is_told_once_and_tried_until_it_is_in_force(logged):
    bench = Bench()
    bench.kernel.refuses = "no room"
    bench.reconciler.reconcile(FIRST)
    bench.reconciler.reconcile([])
    assert not bench.status.ready
    assert bench.status.failures == 2
    assert bench.status.failure == "no room"
    assert events(logged) == ["not in force"]
    bench.kernel.refuses = ""
    bench.reconciler.reconcile([])
    assert bench.status.ready
    assert "10.244.1.2" in bench.kernel.texts[-1]


def test_a_later_failure_keeps_the_enforcer_ready_and_the_change_is_not_lost():
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    bench.kernel.refuses = "no room"
    bench.reconciler.reconcile([changed(PODS, raw.pod("db", "10.244.1.3"))])
    assert bench.status.ready
    assert bench.status.failure
    bench.kernel.refuses = ""
    bench.reconciler.reconcile([])
    assert "10.244.1.3" in bench.kernel.texts[-1]


def test_pods_cannot_start_before_the_first_sync():
    network = FakeNetwork()
    bench = Bench(network)
    bench.kernel.refuses = "no room"
    bench.reconciler.reconcile(FIRST)
    assert not network.updates
    bench.kernel.refuses = ""
    bench.reconciler.reconcile([])
    assert network.made
    assert bench.status.ready


def test_only_nodes_concern_the_network():
    network = FakeNetwork()
    bench = Bench(network)
    bench.reconciler.reconcile(FIRST)
    bench.reconciler.reconcile([changed(PODS, raw.pod("db", "10.244.1.3"))])
    assert network.updates == 1
    bench.reconciler.reconcile([changed(NODES, raw.node("node-2", 2))])
    assert network.updates == 2


def test_a_node_whose_networks_are_not_known_yet_is_not_ready():
    network = FakeNetwork()
    bench = Bench(network)
    bench.reconciler.reconcile([listed(NODES, raw.node(podCIDRs=[])), *FIRST[1:]])
    assert not bench.status.ready
    assert "podCIDRs" in bench.status.waiting_for


def test_a_network_that_fails_is_tried_again():
    network = FakeNetwork()
    bench = Bench(network)
    network.fails = True
    bench.reconciler.reconcile(FIRST)
    assert bench.status.failure == "no way"
    network.fails = False
    bench.reconciler.reconcile([])
    assert bench.status.ready


def test_a_network_alone_follows_nodes_only():
    network = FakeNetwork()
    reconciler = Reconciler("node-1", None, network)
    reconciler.reconcile([FIRST[0]])
    assert reconciler.status.ready
    assert network.made


def test_a_node_whose_object_is_gone_stays_closed():
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    bench.reconciler.reconcile([changed(NODES, raw.node(), gone=True)])
    assert len(bench.kernel.texts) == 1
    bench.reconciler.reconcile([changed(NODES, raw.node(podCIDRs=["10.244.7.0/24"]))])
    assert "networks4 {\n\t10.244.7.0/24\n}" in bench.kernel.texts[-1]


def test_an_outage_is_told_and_changes_nothing(logged):
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    for _ in range(3):
        bench.reconciler.reconcile([Connected(PODS, "connection refused")])
    assert bench.status.ready
    assert bench.status.lost == {"pods": "connection refused"}
    bench.reconciler.reconcile([Connected(PODS)])
    assert events(logged)[2:] == ["lost the API", "following the API again"]
    assert len(bench.kernel.texts) == 1


def test_a_policy_that_cannot_be_read_closes_and_is_told(logged):
    bench = Bench()
    bench.reconciler.reconcile(FIRST)
    bench.reconciler.reconcile([changed(POLICIES, raw.unreadable())])
    assert "egress_isolated4 {\n\t10.244.1.2\n}" in bench.kernel.texts[-1]
    (line,) = [line for line in logged() if line["event"] == "not understood"]
    assert (line["level"], line["object"]) == ("error", "NetworkPolicy default/future")
    assert "QUIC" in line["reason"]
    assert "QUIC" in bench.status.problems["NetworkPolicy default/future"]


def test_a_node_that_starts_anew_is_closed_until_the_first_sync():
    kernel = Kernel()

    def refusing_questions(text: str) -> None:
        if text.startswith("list"):
            raise NftError("no such chain")
        kernel(text)

    own = read(NODES, raw.node()).object
    assert close_until_synced(
        Controller("node-1", refusing_questions), refusing_questions, lambda: own
    )
    assert "networks4 {\n\t10.244.1.0/24\n}" in kernel.texts[-1]


def test_rules_that_are_in_force_are_left_alone_until_the_first_sync():
    kernel = Kernel()
    assert not close_until_synced(
        Controller("node-1", kernel), kernel, lambda: pytest.fail("asked")
    )
    assert all(text.startswith("list") for text in kernel.texts)


def test_what_an_enforcer_left_is_removed_where_policy_is_left_to_others():
    kernel = Kernel()
    open_up(kernel)
    (text,) = kernel.texts
    assert [line for line in text.splitlines() if line.startswith("delete")] == [
        f"delete table {table}" for table in ruleset.TABLES
    ]


def test_an_inbox_gives_all_that_has_arrived_in_order():
    queue = DeltaQueue()
    for deltas in FIRST:
        queue.put(deltas)
    assert queue.get() == list(FIRST)
    assert queue.get(0.001) == []
    queue.fail(ValueError("unexpected"))
    with pytest.raises(ValueError, match="unexpected"):
        queue.get()


STATUS = Status(
    "node-1",
    ready=True,
    policies=2,
    pods=3,
    nodes=1,
    namespaces=4,
    elements=17,
    syncs=5,
    seconds=0.25,
    failures=1,
    failure='nft: "x"\nline 2',
    failed_at=1767225600.5,
    lost={"pods": "refused"},
    problems={"NetworkPolicy default/future": "QUIC"},
)


def test_metrics_are_prometheus_text(golden):
    golden("metrics.txt", metrics(STATUS))


def test_metrics_of_a_daemon_that_has_just_started_are_complete():
    first, later = metrics(Status("node-1")), metrics(STATUS)
    assert set(_names(later)) - set(_names(first)) == {"netpol_enforcer_last_error_info"}


def _names(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]


@pytest.mark.parametrize(
    ("path", "changes", "code", "text"),
    [
        ("/readyz", {}, 200, "ok"),
        ("/readyz?verbose", {}, 200, "ok"),
        ("/readyz", {"ready": False, "waiting_for": "pods"}, 503, "waiting for pods"),
        ("/healthz", {"ready": False}, 200, "ok"),
        ("/healthz", {"busy_since": 100.0 - STUCK_SECONDS / 2}, 200, "ok"),
        ("/healthz", {"busy_since": 99.0 - STUCK_SECONDS}, 503, "stuck"),
        ("/metrics", {}, 200, "netpol_enforcer_pods 3"),
    ],
)
def test_health(path, changes, code, text):
    found = answer(path, replace(STATUS, **changes), 100.0)
    assert found is not None
    assert found[0] == code
    assert text in found[1]


def test_nothing_else_is_answered():
    assert answer("/", STATUS, 0.0) is None
