"""The reconciler from deltas to rules: batches, failures, readiness, logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from netpol_conformance.enforcer import ruleset
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
from netpol_conformance.enforcer.daemon.store import Connected, Delta
from netpol_conformance.enforcer.daemon.wiring import WiringError

from . import daemon_objects as raw
from .daemon_objects import changed, listed
from .fake_kernel import FakeKernel

FIRST = (
    listed(NODES, raw.node()),
    listed(NAMESPACES, raw.namespace()),
    listed(POLICIES, raw.deny(app="web")),
    listed(PODS, raw.pod("web", "10.244.1.2")),
)


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
    """A reconciler with a fake kernel and, if it makes one, a fake network."""

    def __init__(self, kernel: FakeKernel, *, networked: bool = False) -> None:
        self.kernel = kernel
        self.network = FakeNetwork()
        controller = Controller("node-1", self.kernel)
        self.reconciler = Reconciler("node-1", controller, self.network if networked else None)

    def tell(self, *deltas: Delta) -> None:
        self.reconciler.reconcile(deltas)

    @property
    def status(self) -> Status:
        return self.reconciler.status


@pytest.fixture
def bench(kernel: FakeKernel) -> Bench:
    """It has heard nothing yet."""
    return Bench(kernel)


@pytest.fixture
def started(bench: Bench) -> Bench:
    """It has the first lists in force."""
    bench.tell(*FIRST)
    return bench


@pytest.fixture
def networked(kernel: FakeKernel) -> Bench:
    """It makes the node's network too, and has heard nothing yet."""
    return Bench(kernel, networked=True)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict]]:
    """What the log says by now."""
    caplog.set_level(logging.INFO)
    form = JsonFormatter()
    return lambda: [json.loads(form.format(record)) for record in caplog.records]


def events(logged) -> list[str]:
    return [line["event"] for line in logged()]


def test_nothing_is_in_force_before_every_resource_was_listed(bench, logged):
    for deltas in FIRST[:-1]:
        bench.tell(deltas)
        assert not bench.status.ready
        assert not bench.kernel.texts
    bench.tell(FIRST[-1])
    assert bench.status.ready
    assert len(bench.kernel.texts) == 1
    assert events(logged) == ["in force", "ready"]


def test_what_has_arrived_is_one_transaction(started):
    pods = [raw.pod(f"pod-{n}", f"10.244.1.{n}") for n in range(3, 9)]
    started.tell(*(changed(PODS, pod) for pod in pods))
    assert len(started.kernel.texts) == 2
    assert started.status.syncs == 2
    assert started.status.pods == 7


def test_news_without_a_change_are_no_work(started):
    before = started.status
    started.tell(*FIRST, Connected(PODS))
    assert started.status == before
    assert len(started.kernel.texts) == 1


def test_a_refused_batch_is_told_once_and_tried_until_it_is_in_force(bench, logged):
    bench.kernel.refuses = ""
    bench.tell(*FIRST)
    bench.tell()
    assert not bench.status.ready
    assert bench.status.failures == 2
    assert bench.status.failure == "refused"
    assert events(logged) == ["not in force"]
    bench.kernel.refuses = None
    bench.tell()
    assert bench.status.ready
    assert "10.244.1.2" in bench.kernel.texts[-1]


def test_a_later_failure_keeps_the_enforcer_ready_and_the_change_is_not_lost(started):
    started.kernel.refuses = ""
    started.tell(changed(PODS, raw.pod("db", "10.244.1.3")))
    assert started.status.ready
    assert started.status.failure
    started.kernel.refuses = None
    started.tell()
    assert "10.244.1.3" in started.kernel.texts[-1]


def test_pods_cannot_start_before_the_first_sync(networked):
    networked.kernel.refuses = ""
    networked.tell(*FIRST)
    assert not networked.network.updates
    networked.kernel.refuses = None
    networked.tell()
    assert networked.network.made
    assert networked.status.ready


def test_only_nodes_concern_the_network(networked):
    networked.tell(*FIRST)
    networked.tell(changed(PODS, raw.pod("db", "10.244.1.3")))
    assert networked.network.updates == 1
    networked.tell(changed(NODES, raw.node("node-2", 2)))
    assert networked.network.updates == 2


def test_a_node_whose_networks_are_not_known_yet_is_not_ready(networked):
    networked.tell(listed(NODES, raw.node(podCIDRs=[])), *FIRST[1:])
    assert not networked.status.ready
    assert "podCIDRs" in networked.status.waiting_for


def test_a_network_that_fails_is_tried_again(networked):
    networked.network.fails = True
    networked.tell(*FIRST)
    assert networked.status.failure == "no way"
    networked.network.fails = False
    networked.tell()
    assert networked.status.ready


def test_a_network_alone_follows_nodes_only():
    network = FakeNetwork()
    reconciler = Reconciler("node-1", None, network)
    reconciler.reconcile([FIRST[0]])
    assert reconciler.status.ready
    assert network.made


def test_a_node_whose_object_is_gone_stays_closed(started):
    started.tell(changed(NODES, raw.node(), gone=True))
    assert len(started.kernel.texts) == 1
    started.tell(changed(NODES, raw.node(podCIDRs=["10.244.7.0/24"])))
    assert "networks4 {\n\t10.244.7.0/24\n}" in started.kernel.texts[-1]


def test_an_outage_is_told_and_changes_nothing(started, logged):
    for _ in range(3):
        started.tell(Connected(PODS, "connection refused"))
    assert started.status.ready
    assert started.status.lost == {"pods": "connection refused"}
    started.tell(Connected(PODS))
    assert events(logged) == ["lost the API", "following the API again"]
    assert len(started.kernel.texts) == 1


def test_a_policy_that_cannot_be_read_closes_and_is_told(started, logged):
    started.tell(changed(POLICIES, raw.unreadable()))
    assert "egress_isolated4 {\n\t10.244.1.2\n}" in started.kernel.texts[-1]
    (line,) = [line for line in logged() if line["event"] == "not understood"]
    assert (line["level"], line["object"]) == ("error", "NetworkPolicy default/future")
    assert "QUIC" in line["reason"]
    assert "QUIC" in started.status.problems["NetworkPolicy default/future"]


def test_a_node_that_starts_anew_is_closed_until_the_first_sync(kernel):
    kernel.refuses = "list chain"
    own = read(NODES, raw.node()).object
    assert close_until_synced(Controller("node-1", kernel), lambda: own)
    assert "networks4 {\n\t10.244.1.0/24\n}" in kernel.texts[-1]


def test_rules_that_are_in_force_are_left_alone_until_the_first_sync(kernel):
    assert not close_until_synced(Controller("node-1", kernel), lambda: pytest.fail("asked"))
    assert all(text.startswith("list") for text in kernel.texts)


def test_what_an_enforcer_left_is_removed_where_policy_is_left_to_others(kernel):
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
