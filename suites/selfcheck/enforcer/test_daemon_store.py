"""What the daemon makes of lists and changes: nothing is opened early, nothing forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.enforcer.daemon.reading import (
    NAMESPACES,
    NODES,
    PODS,
    POLICIES,
    Reading,
    read,
)
from netpol_conformance.enforcer.daemon.store import Changed, Connected, Listed, Store
from netpol_conformance.model.objects import Direction, ObjectKey

from . import daemon_objects as raw
from .daemon_objects import changed, listed

ALL = (NODES, NAMESPACES, POLICIES, PODS)
WEB = raw.pod("web", "10.244.1.2")
WEB_KEY = ObjectKey("Pod", "default", "web")


def filled() -> Store:
    store = Store(ALL)
    store.update(
        [
            listed(NODES, raw.node()),
            listed(NAMESPACES, raw.namespace()),
            listed(POLICIES),
            listed(PODS, WEB),
        ]
    )
    return store


@pytest.fixture
def store() -> Store:
    return filled()


def told(events) -> list[tuple[str, str]]:
    return [(event.type, str(event.object.key)) for event in events]


def test_it_is_complete_when_every_resource_was_listed():
    store = Store(ALL)
    for resource in ALL[:-1]:
        store.update([listed(resource)])
        assert not store.complete
    store.update([listed(ALL[-1])])
    assert store.complete


def test_a_new_list_tells_only_what_differs(store):
    assert store.update([listed(PODS, WEB)]) == []
    moved = raw.pod("web", "10.244.1.9")
    assert told(store.update([listed(PODS, moved, raw.pod("db", "10.244.1.3"))])) == [
        ("MODIFIED", "Pod default/web"),
        ("ADDED", "Pod default/db"),
    ]
    assert told(store.update([listed(PODS, moved)])) == [("DELETED", "Pod default/db")]


@pytest.mark.parametrize("judge", [POLICIES, NAMESPACES])
def test_pods_wait_while_what_judges_them_is_out_of_date(store, judge):
    store.update([Connected(judge, "connection refused")])
    late = changed(PODS, raw.pod("late", "10.244.1.7"))
    assert store.update([late]) == []
    assert store.lost == {judge: "connection refused"}
    deny = changed(POLICIES, raw.deny())
    assert told(store.update([Connected(judge), deny])) == [
        ("ADDED", "NetworkPolicy default/deny"),
        ("ADDED", "Pod default/late"),
    ]
    assert store.count(PODS) == 2


def test_that_a_pod_is_gone_never_waits(store):
    store.update([Connected(POLICIES, "lost"), changed(PODS, raw.pod("late", "10.244.1.7"))])
    gone = [changed(PODS, WEB, gone=True), changed(PODS, raw.pod("late", ""), gone=True)]
    assert told(store.update(gone)) == [("DELETED", "Pod default/web")]
    assert store.update([Connected(POLICIES)]) == []
    assert store.count(PODS) == 0


def test_a_newer_word_on_a_waiting_pod_is_the_one_that_holds(store):
    old, new = (changed(PODS, raw.pod("late", f"10.244.1.{number}")) for number in (7, 8))
    store.update([Connected(POLICIES, "lost"), old, Connected(POLICIES), new])
    assert new.reading.object in set(store.objects(PODS))
    assert old.reading.object not in set(store.objects(PODS))


def test_a_policy_that_cannot_be_read_isolates_its_namespace(store):
    (event,) = store.update([changed(POLICIES, raw.unreadable())])
    assert event.object.policy_types == tuple(Direction)
    assert event.object.pod_selector.match_labels == ()
    assert not event.object.ingress
    assert not event.object.egress
    key = ObjectKey("NetworkPolicy", "default", "future")
    assert "QUIC" in store.problems[key]
    store.update([changed(POLICIES, raw.deny("future"))])
    assert store.problems == {}


def test_a_pod_that_cannot_be_read_is_nobody(store):
    broken = raw.pod("web", "not an address")
    assert told(store.update([changed(PODS, broken)])) == [("DELETED", "Pod default/web")]
    assert list(store.problems) == [WEB_KEY]
    store.update([changed(PODS, broken, gone=True)])
    assert store.problems == {}


def test_a_node_that_cannot_be_read_keeps_its_networks(store):
    assert store.update([changed(NODES, raw.node(podCIDRs=["no network"]))]) == []
    assert [node.name for node in store.objects(NODES)] == ["node-1"]
    assert store.problems


POSSIBLE = [raw.pod(name, f"10.244.1.{number}") for name in "abc" for number in (2, 3)]
DELTAS = st.one_of(
    st.builds(
        Changed,
        st.just(PODS),
        st.sampled_from(POSSIBLE).map(lambda p: read(PODS, p)),
        st.booleans(),
    ),
    st.lists(st.sampled_from(POSSIBLE), unique_by=lambda p: p["metadata"]["name"]).map(
        lambda items: listed(PODS, *items)
    ),
    st.sampled_from([Connected(POLICIES, "lost"), Connected(POLICIES)]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(DELTAS, max_size=4), max_size=8))
def test_events_replayed_give_what_the_api_told(batches):
    """Whatever comes in whatever batches, once all is connected the last word holds."""
    store, replayed, truth = filled(), {WEB_KEY: read(PODS, WEB).object}, {}
    truth |= replayed
    for batch in [*batches, [Connected(POLICIES)]]:
        for deltas in batch:
            match deltas:
                case Listed(_, readings):
                    truth = {reading.key: reading.object for reading in readings}
                case Changed(_, Reading(key, _), True):
                    truth.pop(key, None)
                case Changed(_, Reading(key, item), False):
                    truth[key] = item
        for event in store.update(batch):
            if event.type == "DELETED":
                del replayed[event.object.key]
            else:
                assert (event.object.key in replayed) == (event.type == "MODIFIED")
                replayed[event.object.key] = event.object
    assert replayed == truth == {item.key: item for item in store.objects(PODS)}
