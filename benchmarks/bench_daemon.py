"""The enforcer's DaemonSet process on one node, as JSON: memory, idle CPU, time to enforce.

A fake API serves 1,000 pods on ten nodes and 1,000 policies, as large as a real API's; the process
is the DaemonSet's own. All in a user and network namespace (``unshare``): no privileges needed,
nothing left behind.

    python benchmarks/bench_daemon.py [--pods 1000] [--policies 1000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import Nft, NftError
from netpol_conformance.enforcer.daemon.settings import PORT

sys.path.insert(0, str(Path(__file__).parent.parent / "suites" / "selfcheck" / "enforcer"))

import daemon_objects as raw
from fake_api import FakeApi

NODES, IDLE_SECONDS, CHANGES = 10, 10.0, 50
PATIENCE = 120.0
MEBI = 1024

Raw = dict[str, Any]


# The cluster


def as_large_as_real(item: Raw) -> Raw:
    """What a real API server's objects carry besides, which is read and thrown away."""
    fields = {f"f:field-{n}": {".": {}, f"f:{'x' * 20}": {}} for n in range(25)}
    managed = [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}]
    item["metadata"] |= {"uid": "0" * 36, "managedFields": managed}
    return item


def pod(number: int) -> Raw:
    node, host = number % NODES + 1, number // NODES + 2
    item = raw.pod(f"pod-{number}", f"10.244.{node}.{host}", f"node-{node}", id=str(number))
    times = {"lastTransitionTime": "2026-01-01T00:00:00Z", "status": "True"}
    item["status"]["conditions"] = [{"type": f"Condition{n}", **times} for n in range(5)]
    return as_large_as_real(item)


def policy(number: int, pods: int) -> Raw:
    """Selects one pod and allows three others on two ports."""
    item = raw.deny(f"policy-{number}", id=str(number % pods))
    peers = [
        {"podSelector": {"matchLabels": {"id": str((number + step) % pods)}}} for step in (1, 2, 3)
    ]
    item["spec"]["ingress"] = [{"from": peers, "ports": [{"port": 80}, {"port": 443}]}]
    return as_large_as_real(item)


# The process


def started(api: FakeApi) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "netpol_conformance", "enforcer", "run", "--node", "node-1"]
    # The environment is the DaemonSet's.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    command += ["--no-network", "--api", api.url]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)


def ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz"):
            return True
    except (urllib.error.URLError, OSError):
        return False


def until(holds: Callable[[], bool], pause: float) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"nothing came of it in {PATIENCE:g} s")
        time.sleep(pause)


def memory(process: int, field: str) -> float:
    """MiB of ``field`` in the process' status."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / MEBI
    raise LookupError(field)


def cpu_seconds(process: int) -> float:
    """What all threads of the process have used."""
    schedules = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in schedules) / 1e9


# The figures


def time_to_enforce(api: FakeApi, nft: Nft, number: int) -> float:
    """Milliseconds from a policy's creation in the API to its isolation in the kernel."""
    address = f"10.244.1.{200 + number}"
    api.put(raw.pod(f"late-{number}", address, late=str(number)))
    until(lambda: element(nft, "pods4", address), 0.002)
    begun = time.perf_counter()
    api.put(raw.deny(f"late-{number}", late=str(number)))
    until(lambda: element(nft, "ingress_isolated4", address), 0.0005)
    return (time.perf_counter() - begun) * 1000


def element(nft: Nft, name: str, address: str) -> bool:
    try:
        nft.run(f"get element {ruleset.TABLES[0]} {name} {{ {address} }}\n")
    except NftError:
        return False
    return True


def figure(name: str, value: float, unit: str, goal: float | None = None) -> Raw:
    return {"name": name, "value": round(value, 3), "unit": unit, "goal": goal}


def measure(pods: int, policies: int) -> list[Raw]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    api, nft = FakeApi(), Nft()
    api.put(raw.namespace(), *(raw.node(f"node-{n}", n) for n in range(1, NODES + 1)))
    api.put(*map(pod, range(pods)), *(policy(number, pods) for number in range(policies)))
    with api.serving():
        begun = time.perf_counter()
        process = started(api)
        try:
            until(ready, 0.02)
            first = time.perf_counter() - begun
            return [
                figure("start to ready", first, "s"),
                *figures(api, nft, process.pid, f"{pods:,} pods, {policies:,} policies"),
            ]
        finally:
            process.kill()
            process.wait()


def figures(api: FakeApi, nft: Nft, process: int, size: str) -> list[Raw]:
    before = cpu_seconds(process)
    time.sleep(IDLE_SECONDS)
    idle = cpu_seconds(process) - before
    times = sorted(time_to_enforce(api, nft, number) for number in range(CHANGES))
    return [
        figure("CPU when nothing changes", idle / IDLE_SECONDS * 1000, "ms a second", 0.1),
        figure("policy created to isolated, median", statistics.median(times), "ms", 1000),
        figure("policy created to isolated, 99th percentile", times[-1], "ms", 1000),
        figure(f"memory at {size}", memory(process, "VmRSS"), "MiB", 80),
        figure(f"memory at most, {size}", memory(process, "VmHWM"), "MiB", 80),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        command = ["unshare", "--user", "--map-root-user", "--net", sys.executable]
        os.execvp("unshare", [*command, __file__, *sys.argv[1:], "--inside"])
    json.dump(measure(options.pods, options.policies), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
