"""What happens to pods of a real cluster over time, with real agents and a cluster of thin air."""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterError, UnsupportedError
from netpol_conformance.clusters.kubernetes.agents.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import (
    Agents,
    CommandChannel,
    StreamError,
)
from netpol_conformance.clusters.kubernetes.api.naming import Names
from netpol_conformance.clusters.kubernetes.objects.pods import Images, Placing, real_pod
from netpol_conformance.model.objects import ObjectKey, Pod, Protocol, SourceKind
from netpol_conformance.probe.continuous_wire import TaskRequest, read_task, task_line
from netpol_conformance.probe.verdict import Probe, Series, Source, Verdict

AGENT = [sys.executable, "-m", "netpol_conformance.probe.agent"]
LOOPBACK = "127.0.0.1"
A, B = Source(SourceKind.POD, "a", "default"), Source(SourceKind.POD, "b", "default")
NAMES = Names("run", "slot")
ME = NAMES.real_identity("default/server")


class Cluster:
    """Pods a and b; phases are what the API would say of one that is to end."""

    def __init__(self, *phases: str) -> None:
        self.names = NAMES
        self.patched: list[tuple[Any, ...]] = []
        self.watching: dict[ObjectKey, str] = {}
        self.names_there = ["a", "b"]
        self._phases = iter(phases)
        self.changes = 0

    def change(self) -> None:
        self.changes += 1

    def pods(self) -> list[dict[str, Any]]:
        metadata = [{"name": name, "namespace": NAMES.real("default")} for name in self.names_there]
        return [{"metadata": item} for item in metadata]

    def call(self, method: Any, *arguments: Any) -> Any:
        return method(*arguments)

    def patch(self, *arguments: Any) -> None:
        self.patched.append(arguments)

    def get(self, *_: object) -> dict[str, Any]:
        return {"status": {"phase": next(self._phases)}}


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server says that it is ours, in a process of its own."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        number = listener.getsockname()[1]
    words = ["serve", "--identity", ME, "--port", f"{number}/TCP", "--port", f"{number}/UDP"]
    channel = CommandChannel([*AGENT, *words, "--until-input-ends"])
    try:
        yield number
    finally:
        channel.close()


@contextlib.contextmanager
def lifecycle(cluster: Cluster, command: list[str] = AGENT) -> Iterator[KubernetesLifecycle]:
    agents = Agents(lambda _source: CommandChannel(command))
    with contextlib.closing(agents):
        yield KubernetesLifecycle(cluster, cluster, agents, cluster.change)


def probe(source: Source, port: int, protocol: Protocol = Protocol.TCP) -> Probe:
    return Probe(source, LOOPBACK, port, frozenset({"default/server"}), protocol, timeout=0.5)


def served(life: KubernetesLifecycle, asked: Probe) -> None:
    """Wait until the server serves."""
    for _ in range(200):
        life.begin_series([asked], [])
        (series,) = life.end_series()
        if series.samples[-1].verdict is Verdict.CONNECTED:
            return
    raise AssertionError("the server does not serve")


def test_agents_ask_all_the_time_and_tell_of_it_in_the_scenarios_names(port):
    with lifecycle(Cluster()) as life:
        served(life, probe(A, port))
        probes = [probe(A, port), probe(B, port), probe(A, port, Protocol.UDP)]
        life.begin_series(probes, [probe(B, port)])
        found = life.end_series()
    assert [series.probe for series in found] == [*probes, probe(B, port)]
    for series in found:
        assert {seen.verdict for seen in series.samples} == {Verdict.CONNECTED}
        assert {seen.identity for seen in series.samples} == {"default/server"}
        ((start, end),) = series.presence
        assert all(start <= seen.at <= end for seen in series.samples)


def test_a_connection_is_held_from_one_request_to_another(port):
    with lifecycle(Cluster()) as life:
        probes = [probe(A, port), probe(B, port, Protocol.UDP)]
        served(life, probes[0])
        before, after = life.hold(probes), life.ask_held(5.0)
    for seen in (*before, *after):
        assert seen.verdict is Verdict.CONNECTED
        assert seen.identity == "default/server"
    assert [seen.probe for seen in after] == probes


@pytest.mark.parametrize("command", [["true"], ["echo", "no JSON"], ["false"]])
def test_an_agent_that_fails_meanwhile_is_the_clusters_fault(command):
    failed = pytest.raises((ClusterError, StreamError), match="default/a")
    with lifecycle(Cluster(), command) as life, failed:
        life.begin_series([probe(A, 1)], [])


def test_what_was_never_begun_is_not_told_of():
    with lifecycle(Cluster()) as life:
        life._probes, life._asking = [probe(A, 1)], {A: [0]}
        with pytest.raises(ClusterError, match="told of 0 of 1 series"):
            life.end_series()


@pytest.mark.parametrize(
    "asked",
    [
        probe(Source(SourceKind.NODE, "node-1"), 1),
        Probe(A, LOOPBACK, 1, frozenset({"outside/office"})),
    ],
)
def test_what_no_agent_can_ask_is_not_supported(asked):
    with lifecycle(Cluster()) as life, pytest.raises(UnsupportedError):
        life.begin_series([asked], [])


@pytest.mark.parametrize(
    "gone", [ObjectKey("Pod", "default", "a"), ObjectKey("Namespace", "", "default")]
)
def test_what_a_pod_saw_before_it_went_is_kept_and_its_successor_is_to_go_on(port, gone):
    cluster = Cluster()
    with lifecycle(cluster) as life:
        served(life, probe(A, port))
        life.before_removal([gone])
        assert not cluster.watching, "nobody asks any more"
        life.begin_series([probe(A, port)], [])
        life.before_removal([gone])
        assert list(cluster.watching) == [ObjectKey("Pod", "default", "a")]
        with pytest.raises(ClusterError, match="told of 0 of 1 series"):
            life.end_series()  # there is one of its name, and it did not go on
        cluster.names_there = []
        (series,) = life.end_series()
    assert {seen.verdict for seen in series.samples} == {Verdict.CONNECTED}
    assert len(series.presence) == 1


NEW = probe(Source(SourceKind.POD, "new", "default"), 9)


def test_a_pod_that_comes_later_is_to_ask_as_it_starts(port):
    cluster = Cluster()
    with lifecycle(cluster) as life:
        life.begin_series([NEW, probe(A, port)], [])
        ((key, task),) = cluster.watching.items()
    assert key == ObjectKey("Pod", "default", "new")
    (asked,) = read_task(task).probes
    assert asked.identities == {ME}
    manifest = real_pod(Pod("default", "new"), ME, "real", Placing({}, (4,), Images("probe")), task)
    command = manifest["spec"]["containers"][0]["command"]
    assert command[3:6] == [task, "--identity", ME]


def test_what_a_new_pod_saw_from_its_start_on_is_fetched_from_it(unshare):
    task = task_line(TaskRequest(0, "begin", (NEW,), (0.005,)))
    watcher = shlex.join([sys.executable, "-m", "netpol_conformance.probe.watcher", task])
    agent = shlex.join(AGENT)
    # The agent is asked until the watcher listens.
    script = f"{watcher} --identity x & exec {agent}"
    cluster = Cluster()
    cluster.names_there = ["new"]
    with lifecycle(
        cluster, [*unshare, "--pid", "--fork", "--kill-child", "sh", "-c", script]
    ) as life:
        life._probes, life._asking = [NEW], {NEW.source: [0]}
        found: tuple[Series, ...] = ()
        for _ in range(2000):
            with contextlib.suppress(ClusterError):
                found = life.end_series()
                break
    (series,) = found
    assert series.probe == NEW
    assert series.samples
    assert len(series.presence) == 1


def test_a_pod_ends_by_a_deadline_and_the_state_is_read_anew():
    cluster = Cluster("Running", "Running", "Failed")
    with lifecycle(cluster) as life:
        life.finish([ObjectKey("Pod", "default", "a")])
    ((_, patch, name, namespace),) = cluster.patched
    assert patch == {"spec": {"activeDeadlineSeconds": 1}}
    assert (name, namespace) == ("a", NAMES.real("default"))
    assert cluster.changes == 1


def test_what_only_the_owner_of_the_machines_could_do_says_why_it_is_not_supported():
    with lifecycle(Cluster()) as life:
        refused = [life.stop_enforcer, life.start_enforcer, life.cut_off_enforcer]
        for method in (*refused, lambda: life.reuse({ObjectKey("Pod", "a", "b"): Pod("a", "b")})):
            with pytest.raises(UnsupportedError, match=r"^needs "):
                method()
