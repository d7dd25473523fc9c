"""Following an API that pages, breaks off, forgets, refuses and goes away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from netpol_conformance.enforcer.daemon import api as api_module
from netpol_conformance.enforcer.daemon.api import Api, ApiError, in_cluster
from netpol_conformance.enforcer.daemon.informer import LONGEST_PAUSE, Informer
from netpol_conformance.enforcer.daemon.reading import NODES, PODS, POLICIES, Resource
from netpol_conformance.enforcer.daemon.settings import Access
from netpol_conformance.enforcer.daemon.store import Changed, Connected, Delta, Listed

from . import daemon_objects as raw
from .fake_api import FakeApi

PATIENCE = 20.0
"""Seconds until a test gives up waiting for what must come."""


class Following:
    """A follower in a thread that ends with the test, and what it told."""

    def __init__(self, api: FakeApi, resource: Resource = PODS) -> None:
        self.pauses: list[float] = []
        self._deltas: SimpleQueue[Delta] = SimpleQueue()
        self._done = threading.Event()
        informer = Informer(Api(Access(api.url)), resource, self._deltas.put, self._pause)
        self._thread = threading.Thread(target=self._work, args=(informer,), daemon=True)
        self._thread.start()

    def next(self) -> Delta:
        return self._deltas.get(timeout=PATIENCE)

    def end(self, api: FakeApi) -> None:
        self._done.set()
        api.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _work(self, informer: Informer) -> None:
        while not self._done.is_set():
            informer.turn()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._done.wait(min(seconds, 0.02))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi().serving() as api:
        yield api


@pytest.fixture
def following(api: FakeApi) -> Iterator[Following]:
    """It has told the one pod that there is, and watches."""
    api.put(raw.pod("web", "10.244.1.2"))
    following = Following(api)
    up_to_date(following, "web")
    yield following
    following.end(api)


def names(deltas: Delta) -> list[str]:
    assert isinstance(deltas, Listed)
    return sorted(reading.key.name for reading in deltas.readings)


def up_to_date(following: Following, *expected: str) -> None:
    assert names(following.next()) == sorted(expected)
    assert following.next() == Connected(PODS)


def change(following: Following) -> tuple[str, bool]:
    deltas = following.next()
    assert isinstance(deltas, Changed), deltas
    return deltas.reading.key.name, deltas.gone


def until_connected(following: Following) -> None:
    while (deltas := following.next()) != Connected(PODS):
        assert isinstance(deltas, Connected)


def test_a_list_and_then_changes(api, following):
    api.put(raw.pod("db", "10.244.1.3"))
    assert change(following) == ("db", False)
    api.remove(raw.pod("web", ""))
    assert change(following) == ("web", True)


def test_lists_come_in_pages(api, monkeypatch):
    monkeypatch.setattr(api_module, "PAGE", 2)
    api.put(*(raw.pod(f"pod-{n}", f"10.244.1.{n}") for n in range(2, 7)))
    following = Following(api)
    up_to_date(following, *(f"pod-{n}" for n in range(2, 7)))
    following.end(api)
    assert [path for path in api.requests if "watch" not in path] == [
        "/api/v1/pods?limit=2",
        "/api/v1/pods?limit=2&continue=2",
        "/api/v1/pods?limit=2&continue=4",
    ]


def test_a_watch_that_ends_goes_on_where_it_was(api, following):
    api.put(raw.pod("db", "10.244.1.3"))
    assert change(following) == ("db", False)
    api.end_watches()
    assert following.next() == Connected(PODS)
    api.put(raw.pod("cache", "10.244.1.4"))
    assert change(following) == ("cache", False)
    assert sum("limit" in path for path in api.requests) == 1


def test_a_bookmark_moves_on_and_changes_nothing(api, following):
    api.bookmark("Pod")
    api.put(raw.pod("db", "10.244.1.3"))
    assert change(following) == ("db", False)


def test_what_the_api_forgot_is_listed_anew(api, following):
    api.forget()
    api.put(raw.pod("db", "10.244.1.3"))
    api.end_watches()
    reasons = []
    while isinstance(deltas := following.next(), Connected):
        reasons.append(deltas.error)
    assert "/api/v1/pods: 410: too old resource version" in reasons
    assert names(deltas) == ["db", "web"]
    assert following.next() == Connected(PODS)


def test_an_api_that_is_away_is_asked_until_it_is_back(api, following):
    api.stop()
    lost = following.next()
    assert isinstance(lost, Connected)
    assert api.url in lost.error
    api.put(raw.pod("meanwhile", "10.244.1.5"))
    api.start()
    until_connected(following)
    assert change(following) == ("meanwhile", False)
    assert max(following.pauses) <= LONGEST_PAUSE


def test_policies_are_listed_anew_after_an_outage(api):
    """Pods wait for them meanwhile, and go on when they are known to be up to date."""
    following = Following(api, POLICIES)
    assert names(following.next()) == []
    assert following.next() == Connected(POLICIES)
    api.stop()
    assert following.next() != Connected(POLICIES)
    api.put(raw.deny())
    api.start()
    while isinstance(deltas := following.next(), Connected):
        assert deltas.error
    assert names(deltas) == ["deny"]
    following.end(api)


def test_a_refusal_is_told_in_the_apis_words(api, following):
    api.refuses = 403
    api.end_watches()
    refused = following.next()
    assert refused == Connected(PODS, "/api/v1/pods: 403: forbidden: nobody may")
    api.refuses = 0
    until_connected(following)


def test_one_object_or_an_error_that_names_it(api):
    api.put(raw.node())
    access = Api(Access(api.url))
    assert access.get(f"{NODES.path}/node-1")["metadata"]["name"] == "node-1"
    with pytest.raises(ApiError, match=r'/api/v1/nodes/node-2: 404: "node-2" not found'):
        access.get(f"{NODES.path}/node-2")


def test_in_a_cluster_the_api_is_where_the_environment_says():
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster(environment).url == "https://[fd00::1]:443"
    with pytest.raises(ApiError, match="no pod of a cluster; name the API with --api"):
        in_cluster({})


def test_a_token_is_read_anew_for_each_request(api, tmp_path):
    token = tmp_path / "token"
    access = Api(Access(api.url, token))
    token.write_text("one\n")
    assert access._headers()["Authorization"] == "Bearer one"
    token.write_text("two\n")
    assert access._headers()["Authorization"] == "Bearer two"
    token.unlink()
    with pytest.raises(ApiError, match="token"):
        access.get("/api/v1/nodes")
