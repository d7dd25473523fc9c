"""A real cluster's figures: making it, two packs, one of them also the slow way, time to enforce.

Prints JSON; no figures where Docker or kind is missing, and several minutes later where they are.
NETPOL_IMAGE names the suite's own image if it is not the usual one.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from netpol_conformance.clusters.base import Cluster, ClusterSpec
from netpol_conformance.clusters.kind.driver import KindDriver
from netpol_conformance.clusters.options import Options
from netpol_conformance.model.objects import ObjectKey, SourceKind
from netpol_conformance.probe.verdict import Probe, Source, Verdict

CHANGES = 50
POLL = 0.2
READY = 60.0
INCONCLUSIVE = 3
"""The exit code of a run with cells that could not be judged."""
PODS = """
kind: Pod
apiVersion: v1
metadata: {name: server, labels: {app: server}}
spec: {containers: [{name: main, image: server, ports: [{containerPort: 80}]}]}
---
kind: Pod
apiVersion: v1
metadata: {name: client}
spec: {containers: [{name: main, image: client}]}
"""
DENY = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: server}}}
"""
ONE_EXEC_A_PROBE = '''
"""The command line, with a stream opened for each probe: the slow way, to compare with."""
from netpol_conformance.cli.main import main
from netpol_conformance.clusters.kubernetes import streams

batched = streams.Agents._ask_one

def one_by_one(self, source, probes):
    found = []
    for probe in probes:
        self.forget(source)
        found += batched(self, source, [probe])
    return found

streams.Agents._ask_one = one_by_one
main()
'''


def main() -> None:
    if not all(map(shutil.which, ("docker", "kind", "kubectl"))):
        print("[]")
        return
    options = Options(cluster="kind", image=os.environ.get("NETPOL_IMAGE", ""))
    driver = KindDriver(options)
    began = time.perf_counter()
    driver.open(lambda words: print(words, file=sys.stderr))
    try:
        made = time.perf_counter() - began
        times = sorted(enforcement(driver.cluster()))
        print(
            f"made in {made:.1f} s; enforced in {times[0]:.3f} to {times[-1]:.3f} s",
            file=sys.stderr,
        )
        upstream = duration("upstream", driver.cluster_name, options)
        batched = duration("handbook", driver.cluster_name, options)
        slow = duration("handbook", driver.cluster_name, options, "--jobs=1", batched=False)
    finally:
        driver.close()
    share = batched / slow
    figures = [
        ("kind: from kind create to the first scenario", made, "s", None),
        ("kind: upstream pack, four scenarios at a time", upstream, "s", 120),
        ("kind: handbook pack, batched, four scenarios at a time", batched, "s", 120),
        ("kind: handbook pack, an exec a probe, one scenario at a time", slow, "s", None),
        ("kind: the former's share of the latter", share, "", 0.333),
        ("kind: time to enforce, median of 50", statistics.median(times), "s", None),
        ("kind: time to enforce, 99th percentile of 50", times[-1], "s", 1),
    ]
    words = ("name", "value", "unit", "goal")
    print(
        json.dumps(
            [dict(zip(words, (n, round(v, 3), u, g), strict=True)) for n, v, u, g in figures]
        )
    )


def enforcement(cluster: Cluster) -> list[float]:
    """Seconds from each policy's creation to the first probe that it blocks."""
    cluster.start(ClusterSpec())
    try:
        cluster.apply(PODS)
        cluster.wait_ready(READY)
        server = next(pod for pod in cluster.state().pods if pod.name == "server")
        probe = Probe(
            Source(SourceKind.POD, "client", "default"),
            str(server.ips[0]),
            80,
            frozenset({"default/server"}),
            timeout=POLL,
        )
        return [one_change(cluster, probe) for _ in range(CHANGES)]
    finally:
        cluster.close()


def one_change(cluster: Cluster, probe: Probe) -> float:
    """Close the server once and open it again."""
    created = time.time()
    cluster.apply(DENY)
    blocked = until(cluster, probe, Verdict.TIMED_OUT)
    cluster.delete([ObjectKey("NetworkPolicy", "default", "deny")])
    until(cluster, probe, Verdict.CONNECTED)
    return blocked - created


def until(cluster: Cluster, probe: Probe, verdict: Verdict) -> float:
    """When the first probe with this verdict was sent, in seconds since the epoch."""
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        (seen,) = cluster.probe([probe])
        if seen.verdict is verdict:
            return seen.started
    raise TimeoutError(f"not {verdict.value} after {READY:g} s")


def duration(pack: str, name: str, options: Options, *how: str, batched: bool = True) -> float:
    """Seconds that a pack takes on the ready cluster called ``name``."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "one_exec_a_probe.py").write_text(ONE_EXEC_A_PROBE, encoding="utf-8")
        words = [pack, "--cluster", "kind", "--reuse-cluster", name, "--quiet"]
        words += ["--image", options.image] if options.image else []
        words += ["--report", folder, *how]
        program = ["-m", "netpol_conformance"] if batched else ["one_exec_a_probe.py"]
        done = subprocess.run(
            [sys.executable, *program, "run", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=folder,
        )
        # An implementation that conforms, or the figure is one of something else. The slow way may
        # be too slow for some cells to be believed; its time stands.
        if done.returncode not in (0, INCONCLUSIVE):
            sys.exit(done.stdout)
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    print(
        f"{pack} {' '.join(how)}: {report['duration']:.1f} s, {report['outcome']}", file=sys.stderr
    )
    seconds: float = report["duration"]
    return seconds


if __name__ == "__main__":
    main()
