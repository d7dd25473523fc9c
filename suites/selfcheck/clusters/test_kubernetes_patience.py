"""How long pods are waited for: as long as they come, and no longer than they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterSpec, NotReadyError
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.objects import waits
from netpol_conformance.clusters.kubernetes.objects.brief import MOST_CHARACTERS
from netpol_conformance.clusters.kubernetes.objects.patience import MOST, Patience
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.clusters.kubernetes.workspace import WorkspacePool

from .clocks import Clock
from .kubernetes_api import ScriptedApi, StoringApi, node, serving

Manifest = dict[str, Any]
Look = Callable[[float], list[Manifest]]
SPACE = "npc-1-2-default"
EVENTS = f"/api/v1/namespaces/{SPACE}/events"
READY = 30.0


def pod(number: int, *conditions: str, started: bool = False) -> Manifest:
    """A pod of which these conditions are true."""
    state = {"running": {}} if started else {"waiting": {"reason": "ContainerCreating"}}
    return {
        "metadata": {"name": f"web-{number}", "namespace": SPACE, "uid": str(number)},
        "status": {
            "phase": "Running" if "Ready" in conditions else "Pending",
            "podIPs": [{"ip": "10.1.0.2"}],
            "conditions": [{"type": name, "status": "True"} for name in conditions],
            "containerStatuses": [{"name": "main", "image": "nginx", "state": state}],
        },
    }


def event(reason: str, message: str = "", number: int = 0, **more: Any) -> Manifest:
    kind = "Warning" if reason.startswith("Failed") else "Normal"
    about = {"name": f"web-{number}", "uid": str(number)}
    return {"reason": reason, "message": message, "type": kind, "involvedObject": about, **more}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    made.take_over(monkeypatch)
    return made


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serving(ScriptedApi()) as one:
        one.answers["GET", EVENTS] = (200, {"items": []})
        yield one


def wait(api: ScriptedApi, clock: Clock, look: Look) -> None:
    waits.until_running(
        lambda: look(clock.now), api.client(), Names("1", "2"), waits.Patience(READY, "ready")
    )


def one_by_one(number: int, seconds: float) -> Look:
    """So many pods, of which one more is ready every so often."""

    def look(now: float) -> list[Manifest]:
        return [pod(at, *["Ready"] * (now >= (at + 1) * seconds)) for at in range(number)]

    return look


# -- how long --------------------------------------------------------------------------------------


def test_pods_that_come_one_by_one_are_waited_for(api: ScriptedApi, clock: Clock) -> None:
    wait(api, clock, one_by_one(10, 20))
    assert 200 <= clock.now < 201


def test_pods_that_never_come_are_given_up(api: ScriptedApi, clock: Clock) -> None:
    with pytest.raises(NotReadyError, match="not ready, no progress for 30 s"):
        wait(api, clock, one_by_one(3, float("inf")))
    assert READY <= clock.now < READY + 1


def test_those_that_come_no_more_are_given_up(api: ScriptedApi, clock: Clock) -> None:
    with pytest.raises(NotReadyError, match=r"\(2 of 3 pods\)"):
        wait(api, clock, lambda now: [pod(0, "Ready"), pod(1), pod(2)] if now > 20 else [pod(0)])
    assert 20 + READY <= clock.now < 20 + READY + 1


def test_no_progress_is_waited_for_for_ever(api: ScriptedApi, clock: Clock) -> None:
    with pytest.raises(NotReadyError, match=r"still not after 300 s \(5 of 20 pods\)"):
        wait(api, clock, one_by_one(20, 20))
    assert clock.now == MOST * READY


def test_what_a_pod_comes_to_is_progress(api: ScriptedApi, clock: Clock) -> None:
    def look(now: float) -> list[Manifest]:
        steps = ["PodScheduled", "PodReadyToStartContainers", "Initialized", "Ready"]
        return [pod(0, *steps[: int(now // 25)], started=now >= 80)]

    wait(api, clock, look)
    assert clock.now == 100


def test_what_comes_and_goes_is_no_progress(api: ScriptedApi, clock: Clock) -> None:
    """A readiness probe that fails now and then, a container that starts and ends."""

    def look(now: float) -> list[Manifest]:
        odd = bool(now % 20 >= 10)
        return [pod(0, *["Ready"] * odd), pod(1, started=odd)]

    with pytest.raises(NotReadyError, match="no progress"):
        wait(api, clock, look)
    assert clock.now < 10 + READY + 1


def test_events_that_a_pod_is_worked_on_are_progress(api: ScriptedApi, clock: Clock) -> None:
    pulled = [(f"Pull{what}", container) for what in ("ing", "ed") for container in "abc"]

    class Pulling(ScriptedApi):
        def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
            done = pulled[: int(clock.now // 20)]
            paths = [(reason, {"fieldPath": container}) for reason, container in done]
            return 200, {
                "items": [
                    event(reason) | {"involvedObject": {"name": "web-0", "uid": "0", **path}}
                    for reason, path in paths
                ]
            }

    api.answer = Pulling().answer  # type: ignore[method-assign]
    wait(api, clock, one_by_one(1, 130))
    assert clock.now == 130


def test_events_that_come_again_and_again_are_no_progress(api: ScriptedApi, clock: Clock) -> None:
    class Restarting(ScriptedApi):
        def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
            number = int(clock.now)
            said = [event(reason, f"{number}", count=number) for reason in REPEATED]
            return 200, {"items": [*said, event("Pulled", count=number)]}

    api.answer = Restarting().answer  # type: ignore[method-assign]
    with pytest.raises(NotReadyError, match="no progress"):
        wait(api, clock, one_by_one(1, float("inf")))
    assert clock.now < READY + 1


REPEATED = ("SandboxChanged", "BackOff", "FailedCreatePodSandBox")


def test_events_are_asked_for_seldom(api: ScriptedApi, clock: Clock) -> None:
    with pytest.raises(NotReadyError):
        wait(api, clock, one_by_one(1, float("inf")))
    assert len(api.requests) <= 5
    api.requests.clear()
    clock.now = 0.0
    wait(api, clock, one_by_one(1, 5))
    assert api.requests == []


def test_how_long_pods_took_is_measured_only_if_they_were_waited_for(
    api: ScriptedApi, clock: Clock
) -> None:
    client = api.client()
    for look in (one_by_one(1, 0), one_by_one(1, 20), one_by_one(1, float("inf"))):
        clock.now = 0.0
        with suppress(NotReadyError):
            waits.until_running(
                lambda look=look: look(clock.now),  # type: ignore[misc]
                client,
                Names("1", "2"),
                waits.Patience(READY),
            )
    assert client.meter.take().ready == (20, 30)


def test_servers_that_answer_one_after_the_other_are_waited_for(clock: Clock) -> None:
    patience = Patience(READY, clock=clock)
    for _ in range(5):
        clock.sleep(20)
        patience.renew()
    assert not patience.over
    clock.sleep(READY)
    assert patience.over
    assert patience.words == "no progress for 30 s"


# -- what is told ----------------------------------------------------------------------------------

SANDBOX = "0123456789abcdef" * 4
CILIUM = (
    f'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for "{SANDBOX}": '  # noqa: E501
    "plugin type=cilium-cni failed (add): unable to create endpoint: "
    "[PUT /endpoint/{id}][429] putEndpointIdTooManyRequests"
)


def told(api: ScriptedApi, clock: Clock, pods: list[Manifest]) -> str:
    with pytest.raises(NotReadyError) as raised:
        wait(api, clock, lambda _now: pods)
    return str(raised.value)


def test_the_message_is_short_and_names_causes_and_what_to_do(
    api: ScriptedApi, clock: Clock
) -> None:
    events = [
        event("FailedCreatePodSandBox", CILIUM.replace("0123", f"{number:04x}"), number)
        for number in range(17)
        for _ in range(9)
    ]
    api.answers["GET", EVENTS] = (200, {"items": events})
    message = told(api, clock, [pod(number, "PodScheduled") for number in range(17)])
    assert len(message) <= MOST_CHARACTERS
    assert message.startswith("not ready, no progress for 30 s (17 of 17 pods): pods default/web-0")
    assert message.count("web-") == 5
    assert " and 12 more" in message
    assert message.count("FailedCreatePodSandBox") == 1
    assert "TooManyRequests (9 times)" in message
    assert "--timeout ready=60" in message
    assert "--jobs" in message
    assert SANDBOX not in message


def test_pods_that_wait_for_different_things_are_told_apart(api: ScriptedApi, clock: Clock) -> None:
    scheduling = {
        "metadata": {"name": "b", "namespace": SPACE, "uid": "b"},
        "status": {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/2 nodes are available: 2 Too many pods.",
                }
            ],
        },
    }
    api.answers["GET", EVENTS] = (
        200,
        {
            "items": [
                event("FailedScheduling", "0/2 nodes are available: 2 Too many pods.")
                | {"involvedObject": {"name": "b"}},
                event("FailedMount", "no secret", 1),
            ]
        },
    )
    waiting = pod(1)
    waiting["status"]["conditions"] = [
        {"type": "PodReadyToStartContainers", "status": "False"},
        {"type": "Ready", "status": "False", "message": "containers with unready status: [main]"},
    ]
    assert told(api, clock, [scheduling, waiting]).startswith(
        "not ready, no progress for 30 s (2 of 2 pods): "
        "pod default/b (not scheduled: 0/2 nodes are available: 2 Too many pods.); "
        "pod default/web-1 (container main: ContainerCreating; "
        "PodReadyToStartContainers: False; FailedMount: no secret): wait longer"
    )


def test_a_wait_of_the_suites_own_names_no_option(api: ScriptedApi, clock: Clock) -> None:
    with pytest.raises(NotReadyError) as raised:
        waits.until_running(lambda: [pod(0)], api.client(), Names("1", "2"), waits.Patience(READY))
    assert "--timeout" not in str(raised.value)


# -- room ------------------------------------------------------------------------------------------

POD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: shop}
spec: {containers: [{name: main, image: own}]}
"""


class SmallApi(StoringApi):
    """Runs one pod at a time."""

    def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
        code, answer = super().answer(method, url, body)
        pods = [item for item in self.stored.values() if item.get("kind") == "Pod"]
        for item in pods[1:]:
            item["status"]["conditions"] = []
        for item in pods[:1]:
            item["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        return code, answer


def test_namespaces_that_nobody_uses_make_room_for_pods_that_wait(clock: Clock) -> None:
    with serving(SmallApi()) as api:
        api.answers["GET", "/version"] = (200, {"gitVersion": "v1.34.4"})
        api.answers["GET", "/api/v1/nodes"] = (200, {"items": [node("worker")]})
        pool = WorkspacePool()
        setup = Setup(api.client(), "1", Images("own:1"), "kubeconfig", "tested", pool=pool)
        cluster = KubernetesCluster(setup)
        cluster.start(ClusterSpec(nodes=1))
        cluster.apply_initial(POD.replace("NAME", "a"))
        cluster.wait_ready(READY)
        cluster.release(clean=True)
        cluster.start(ClusterSpec(nodes=1))
        cluster.apply(POD.replace("NAME", "b"))
        cluster.wait_ready(READY)
        assert api.names("pods") == ["b"]
        assert READY / 2 < clock.now < READY
        cluster.close()
