"""How quick and how small an embedded cluster is. Prints JSON: a list of figures.

Each time is the best of a few rounds: the machine's other work can only add to it.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.verdict import Probe, Source, Verdict

ROUNDS = 5
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}}
"""
PORTS = tuple(itertools.product((80, 81), (Protocol.TCP, Protocol.UDP)))


def pods(count: int) -> str:
    """Manifests of pods that serve 80 and 81 over TCP and UDP."""
    ports = [{"containerPort": port, "protocol": protocol.value} for port, protocol in PORTS]
    items = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}"},
            "spec": {"containers": [{"name": "c", "image": "agnhost", "ports": ports}]},
        }
        for number in range(count)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}) + "\n---\n"


def timed(action: Callable[[], object]) -> float:
    """Seconds that ``action`` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def ready(cluster: EmbeddedCluster, manifests: str) -> None:
    cluster.start(ClusterSpec(nodes=3))
    cluster.apply(manifests)
    cluster.wait_ready(30)


def time_ready(count: int) -> float:
    """Seconds from start to the readiness of ``count`` pods, the first process being up already."""
    manifests = pods(count)
    cluster = EmbeddedCluster()
    try:
        ready(cluster, manifests)  # the process that clusters come from is up from here on
        seconds = []
        for _ in range(ROUNDS):
            cluster.close()
            seconds.append(timed(lambda: ready(cluster, manifests)))
        return min(seconds)
    finally:
        cluster.close()


def matrix(cluster: EmbeddedCluster) -> list[Probe]:
    """Every pod of 9 asks every pod at both ports over both protocols: 324 cells."""
    found = [pod for pod in cluster.state().pods if pod.namespace == "default"]
    return [
        Probe(
            Source(SourceKind.POD, source.name, "default"),
            str(target.ips[0]),
            port,
            frozenset({f"default/{target.name}"}),
            protocol,
        )
        for source, target in itertools.product(found, found)
        for port, protocol in PORTS
    ]


def time_matrix() -> tuple[float, float]:
    """Seconds of the matrix open, and with all but the pods themselves closed."""
    cluster = EmbeddedCluster()
    try:
        ready(cluster, pods(9))
        probes = matrix(cluster)
        opened = min(timed(lambda: check(cluster, probes, connected=324)) for _ in range(ROUNDS))
        # A cluster that remembers no connection: a source port met again would pass as established.
        ready(cluster, pods(9) + DENY)
        return opened, timed(lambda: check(cluster, probes, connected=36))
    finally:
        cluster.close()


def check(cluster: EmbeddedCluster, probes: list[Probe], connected: int) -> None:
    seen = [answer.verdict for answer in cluster.probe(probes)]
    if seen.count(Verdict.CONNECTED) != connected:
        sys.exit(f"{seen.count(Verdict.CONNECTED)} of {len(seen)} connected, not {connected}")


def memory() -> float:
    """MiB that all processes of a cluster with 100 pods hold, shared pages by shares."""
    cluster = EmbeddedCluster()
    try:
        ready(cluster, pods(100))
        return sum(proportional_set_size(process) for process in descendants(os.getpid())) / 1024
    finally:
        cluster.close()


def descendants(process: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        children += map(int, (task / "children").read_text().split())
    return children + [each for child in children for each in descendants(child)]


def proportional_set_size(process: int) -> int:
    """KiB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])


def figure(name: str, value: float, unit: str, goal: float | None) -> dict[str, object]:
    return {"name": name, "value": round(value, 1), "unit": unit, "goal": goal}


def main() -> None:
    first = timed(lambda: ready(EmbeddedCluster(), ""))
    opened, dropped = time_matrix()
    print(
        json.dumps(
            [
                figure("embedded: first start of all, processes too", first * 1000, "ms", None),
                figure("embedded: 3 nodes with 9 pods ready", time_ready(9) * 1000, "ms", 100),
                figure("embedded: 3 nodes with 100 pods ready", time_ready(100) * 1000, "ms", 500),
                figure("embedded: matrix of 324 cells, open", opened * 1000, "ms", 100),
                figure("embedded: matrix of 324 cells, with drops", dropped * 1000, "ms", 1300),
                figure("embedded: memory of a cluster with 100 pods", memory(), "MiB", 150),
            ],
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
