"""What is left of a cluster, whoever is killed and whenever: nothing."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tenacity import (
    Retrying,
    retry,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.clusters.embedded.process import HostProcess, Surroundings
from netpol_conformance.model.objects import ContainerPort, Pod
from netpol_conformance.probe.verdict import Verdict

MARK = "NETPOL_SELFCHECK_MARK"
DRIVER = """
import json
import select
import sys

from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import ContainerPort, NetworkPolicy, Pod
from netpol_conformance.probe.verdict import Probe, Source, Tool

IMAGES = ("nginx", "busybox", "own")
PODS = [Pod("default", image, image=image, ports=(ContainerPort(80),)) for image in IMAGES]
MANIFESTS = "\\n---\\n".join(json.dumps(manifest(pod)) for pod in PODS)
DENY = json.dumps(manifest(NetworkPolicy("default", "deny")))
cluster = EmbeddedCluster()
try:
    while not select.select([sys.stdin], [], [], 0)[0]:
        cluster.start(ClusterSpec())
        cluster.apply(MANIFESTS)
        cluster.wait_ready(20)
        cluster.apply(DENY)
        host = str(cluster.state().pods[-1].ips[0])
        asked_by = Source("pod", "nginx", "default")
        cluster.probe([Probe(asked_by, host, 80, frozenset(), tool=tool) for tool in Tool])
except ClusterError:
    pass
"""
INTERRUPTED = 5
"""Not a generation of ``victim``: the driver is interrupted, as by Ctrl-C."""
WEB = Pod("default", "web", image="own", ports=(ContainerPort(80),))


class Processes:
    """The processes of one driver, which are known by its mark and by their sessions."""

    def __init__(self, mark: str) -> None:
        self.mark = f"{MARK}={mark}".encode()
        self.sessions: set[int] = set()

    def left(self) -> list[int]:
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    session = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[3])
                    if self.mark in (entry / "environ").read_bytes().split(b"\0"):
                        self.sessions.add(session)
                    found[int(entry.name)] = session
        return [process for process, session in found.items() if session in self.sessions]


def children(process: int) -> list[int]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
        return [int(word) for word in text.split()]
    return []


def victim(driver: int, generation: int) -> int:
    """The driver, its zygote, its cluster's guardian or first process, or a program in a pod."""
    process = driver
    for _ in range(generation):
        process = next(iter(children(process)), process)
    return process


def guardians() -> set[int]:
    """The processes that stand for the clusters of this process."""
    mine = {child for child in children(os.getpid()) if b"embedded.zygote" in command(child)}
    return {guardian for zygote in mine for guardian in children(zygote)}


def command(process: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


@retry(
    retry=retry_if_exception_type(AssertionError),
    stop=stop_after_delay(30),
    wait=wait_fixed(0.05),
    reraise=True,
)
def assert_nothing_left(processes: Processes) -> None:
    assert processes.left() == []


def test_kill_minus_nine_at_any_moment_leaves_nothing(tmp_path):
    interfaces = set(Path("/sys/class/net").iterdir())
    lots = random.Random(os.getpid())
    drivers = []
    for number in range(20):
        mark = uuid4().hex
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            env={**os.environ, MARK: mark, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        drivers.append((number % 6, driver, Processes(mark)))
    lots.shuffle(drivers)
    for generation, driver, processes in drivers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(lots.uniform(0, 0.4))
        processes.left()
        with contextlib.suppress(ProcessLookupError):
            if generation == INTERRUPTED:
                driver.send_signal(signal.SIGINT)
            else:
                os.kill(victim(driver.pid, generation), signal.SIGKILL)
        # Where a new zygote took the place of the dead, or no cluster was alive just then, the
        # driver goes on until its input ends.
        driver.stdin.close()
    for generation, driver, processes in drivers:
        ended = driver.wait(60)
        assert ended in (0, -signal.SIGKILL) or generation == INTERRUPTED
        assert_nothing_left(processes)
    assert list(tmp_path.iterdir()) == []
    assert set(Path("/sys/class/net").iterdir()) == interfaces


def test_closing_leaves_nothing_and_may_be_done_twice():
    cluster = EmbeddedCluster()
    others = guardians()
    cluster.start(ClusterSpec())
    assert len(guardians() - others) == 1
    cluster.close()
    # It has let go of all it held; the kernel may still be about to make it a zombie.
    gone = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(10))
    gone(lambda: guardians() - others)
    cluster.close()
    with pytest.raises(ClusterError, match="not started"):
        cluster.state()


def test_two_clusters_side_by_side_do_not_meet(asking):
    with (
        contextlib.closing(EmbeddedCluster()) as first,
        contextlib.closing(EmbeddedCluster()) as second,
    ):
        for cluster in (first, second):
            cluster.start(ClusterSpec())
        asking(first).apply(WEB)
        asking(second).apply(replace(WEB, name="other"))
        host = asking(first).ip("pod", "web")
        assert host == asking(second).ip("pod", "other")
        for cluster, name in ((first, "default/web"), (second, "default/other")):
            asking(cluster).sees(Verdict.CONNECTED, "node/node-2", host, 80, servers=(name,))


def ask_until_refused(cluster: EmbeddedCluster) -> None:
    """The kernel takes its time to end a process on a busy machine."""
    while True:
        cluster.state()


def test_a_killed_cluster_says_so_and_can_be_started_again():
    with contextlib.closing(EmbeddedCluster()) as cluster:
        others = guardians()
        cluster.start(ClusterSpec())
        for guardian in guardians() - others:
            os.kill(guardian, signal.SIGKILL)
        with pytest.raises(ClusterError, match="has ended"):
            ask_until_refused(cluster)
        cluster.start(ClusterSpec())
        assert cluster.state().nodes


def test_threads_have_clusters_of_their_own_at_the_same_time(asking):
    def live(name: str) -> Verdict:
        with contextlib.closing(EmbeddedCluster()) as cluster:
            cluster.start(ClusterSpec())
            world = asking(cluster)
            world.apply(replace(WEB, name=name))
            return world.ask(
                "node/node-2", world.ip("pod", name), servers=(f"default/{name}",)
            ).verdict

    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(live, [f"web-{number}" for number in range(8)]))
    assert set(seen) == {Verdict.CONNECTED}


def test_it_can_be_closed_by_others_while_it_is_asked() -> None:
    def ask(process: HostProcess) -> str:
        try:
            while True:
                process.call("state")
        except ClusterError as error:
            process.close()
            return str(error)

    for _ in range(20):
        process = HostProcess()
        process.call("start", ClusterSpec(nodes=1), "none", None, Surroundings.here(), frozenset())
        with ThreadPoolExecutor(4) as pool:
            asking = pool.submit(ask, process)
            closing = [pool.submit(process.close) for _ in range(3)]
            assert "has ended" in asking.result(20)
            assert [future.result(20) for future in closing] == [None] * 3
