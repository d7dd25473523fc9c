from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterError, NotReadyError
from netpol_conformance.clusters.kubernetes.api import client
from netpol_conformance.clusters.kubernetes.api.answers import ApiError
from netpol_conformance.clusters.kubernetes.api.client import NAMESPACES, PODS, connect
from netpol_conformance.clusters.kubernetes.api.rights import RIGHTS, cluster_role
from netpol_conformance.clusters.kubernetes.fitness import check_rights
from netpol_conformance.clusters.kubernetes.objects.removal import (
    begin_removal,
    check_no_stuck,
    remove_run,
)

from .kubernetes_api import ScriptedApi, serving

ROOT = Path(__file__).parents[3]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SPACES = "/api/v1/namespaces"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serving(ScriptedApi()) as one:
        yield one


def namespace(name: str, **status: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if "since" in status:
        metadata["deletionTimestamp"] = status.pop("since")
    return {"metadata": metadata, "status": status}


def test_objects_are_asked_for_by_name_and_by_label(api: ScriptedApi) -> None:
    api.answers["GET", f"{SPACES}/a/pods/b"] = (200, {"found": True})
    api.answers["GET", f"{SPACES}/a/pods"] = (200, {"items": [{}, {}]})
    client = api.client()
    assert client.get(PODS, "b", "a") == {"found": True}
    assert client.get(PODS, "c", "a") is None
    assert client.items(PODS, "a", labelSelector="x=y") == [{}, {}]
    assert api.requests[-1][2] == {"labelSelector": "x=y"}


def test_the_server_checks_fields_strictly(api: ScriptedApi) -> None:
    api.answers["POST", SPACES] = (201, {})
    api.client().create(NAMESPACES, {})
    assert api.requests[0][2] == {"fieldValidation": "Strict"}


def test_what_is_already_gone_is_no_fault(api: ScriptedApi) -> None:
    assert api.client().delete(PODS, "b", "a") is False


def test_a_server_that_stumbles_is_asked_again(api: ScriptedApi) -> None:
    api.answers["GET", SPACES] = [(503, {"message": "starting"}), (200, {"items": []})]
    assert api.client().items(NAMESPACES) == []
    assert len(api.requests) == 2


def test_nothing_is_created_twice(api: ScriptedApi) -> None:
    api.answers["POST", SPACES] = [(503, {"message": "starting"}), (201, {})]
    with pytest.raises(ApiError, match="starting"):
        api.client().create(NAMESPACES, {})
    assert len(api.requests) == 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    for name in ("_RETRIES", "_RETRIES_OF_CHANGES"):
        monkeypatch.setattr(client, name, getattr(client, name).new(backoff_factor=0))


@pytest.mark.usefixtures("impatient")
def test_what_a_busy_server_did_not_take_is_sent_again_were_it_a_change(api: ScriptedApi) -> None:
    api.answers["POST", SPACES] = [*[(429, {"message": "slow down"})] * 9, (201, {"made": True})]
    asked = api.client()
    assert asked.create(NAMESPACES, {}) == {"made": True}
    load = asked.meter.take()
    assert (len(load.answers), load.refused) == (1, 1)
    assert asked.meter.take().answers == ()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_busy_may_be_ready_later(api: ScriptedApi) -> None:
    api.answers["POST", SPACES] = (429, {"message": "slow down"})
    asked = api.client()
    with pytest.raises(NotReadyError, match=r"429 slow down.*--jobs"), asked.in_words():
        asked.create(NAMESPACES, {})
    assert asked.meter.take().refused == 1


def test_a_server_that_answers_at_once_refuses_nothing(api: ScriptedApi) -> None:
    api.answers["GET", SPACES] = (200, {"items": []})
    asked = api.client()
    asked.items(NAMESPACES)
    assert asked.get(PODS, "a", "b") is None
    load = asked.meter.take()
    assert (len(load.answers), load.refused) == (2, 0)


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(ScriptedApi()) as gone:
        client = gone.client()
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:\d+ cannot be reached .*refused"):
        client.version()


def test_credentials_that_are_refused_are_named(api: ScriptedApi) -> None:
    api.answers["GET", "/version"] = (401, {"message": "Unauthorized"})
    with pytest.raises(ClusterError, match="does not accept the credentials"):
        api.client().version()


@pytest.mark.parametrize("content", ["", "{", "clusters: 7\n"])
def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ClusterError, match=r"cannot use the kubeconfig .*--kubeconfig"):
        connect(str(path))


def test_the_kubeconfig_and_its_context_are_used(tmp_path: Path, api: ScriptedApi) -> None:
    api.answers["GET", "/version"] = (200, {"gitVersion": "v1.34.4"})
    path = tmp_path / "config"
    path.write_text(
        f"""
        apiVersion: v1
        kind: Config
        clusters:
        - {{name: here, cluster: {{server: "{api.address}"}}}}
        - {{name: elsewhere, cluster: {{server: "http://127.0.0.1:1"}}}}
        users: [{{name: me, user: {{token: secret}}}}]
        contexts:
        - {{name: one, context: {{cluster: elsewhere, user: me}}}}
        - {{name: two, context: {{cluster: here, user: me}}}}
        current-context: one
        """
    )
    client = connect(str(path), "two")
    assert client.version() == "v1.34.4"
    assert client.authorization() == {"authorization": "Bearer secret"}


# -- rights ----------------------------------------------------------------------------------------


def test_the_documented_role_is_the_one_that_is_printed() -> None:
    assert (ROOT / "docs" / "clusterrole.yaml").read_text() == cluster_role()


def test_every_missing_right_is_named(api: ScriptedApi) -> None:
    class Poor(ScriptedApi):
        def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
            super().answer(method, url, body)
            asked = body["spec"]["resourceAttributes"]
            lacks = asked["verb"] == "delete" or asked["subresource"] == "exec"
            return 201, {"status": {"allowed": not lacks}}

    api.answer = Poor().answer  # type: ignore[method-assign]
    with pytest.raises(ClusterError) as raised:
        check_rights(api.client())
    assert str(raised.value) == (
        "rights are missing: delete of namespaces; delete of pods; create, get of pods/exec; "
        "delete of services; delete of networkpolicies.networking.k8s.io: have them granted: "
        "netpol-conformance rights | kubectl apply -f -"
    )


def test_a_user_with_all_rights_may_begin(api: ScriptedApi) -> None:
    api.answers["POST", REVIEWS] = (201, {"status": {"allowed": True}})
    check_rights(api.client())
    assert len(api.requests) == sum(len(right.verbs) for right in RIGHTS)


# -- removal ---------------------------------------------------------------------------------------


def test_only_what_carries_the_runs_label_is_removed(api: ScriptedApi) -> None:
    going = namespace("npc-1-2-b", since="2020-01-01T00:00:00Z")
    api.answers["GET", SPACES] = (200, {"items": [namespace("npc-1-2-a"), going]})
    api.answers["DELETE", f"{SPACES}/npc-1-2-a"] = (200, {})
    begin_removal(api.client(), "netpol-conformance/run=1")
    assert api.requests[0][2] == {"labelSelector": "netpol-conformance/run=1"}
    assert [path for path, _ in api.sent("DELETE")] == [f"{SPACES}/npc-1-2-a"]


def test_a_run_waits_until_all_it_made_is_gone(api: ScriptedApi) -> None:
    there, gone = (200, {"items": [namespace("npc-1-2-a")]}), (200, {"items": []})
    api.answers["GET", SPACES] = [there, there, gone]
    api.answers["DELETE", f"{SPACES}/npc-1-2-a"] = (200, {})
    remove_run(api.client(), "1")
    assert len(api.sent("GET")) == 3


def test_what_cannot_be_removed_is_named_with_what_holds_it(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "netpol_conformance.clusters.kubernetes.objects.removal.REMOVAL_TIMEOUT", 0.01
    )
    condition = {
        "type": "NamespaceFinalizersRemaining",
        "status": "True",
        "message": "example.org/hold in 1 resource instances",
    }
    stuck = namespace("npc-1-2-a", since="2020-01-01T00:00:00Z", conditions=[condition])
    api.answers["GET", SPACES] = (200, {"items": [stuck]})
    with pytest.raises(ClusterError, match=r"npc-1-2-a \(example.org/hold in 1 resource"):
        remove_run(api.client(), "1")


def test_an_earlier_runs_stuck_namespace_is_named_and_a_fresh_one_is_not(api: ScriptedApi) -> None:
    api.answers["GET", SPACES] = (
        200,
        {"items": [namespace("old", since="2020-01-01T00:00:00Z"), namespace("in-use")]},
    )
    with pytest.raises(ClusterError, match="stuck in Terminating: namespace old"):
        check_no_stuck(api.client())
    fresh = namespace("fresh", since="2999-01-01T00:00:00Z")
    api.answers["GET", SPACES] = (200, {"items": [fresh]})
    check_no_stuck(api.client())
