"""The enforcer's figures, as JSON: loading 10,000 policies, one membership change, connecting.

Runs in a user and network namespace of its own (``unshare``); needs no privileges and leaves
nothing behind. Each policy selects one pod of the node, three peers and two ports.

    python benchmarks/bench_enforcer.py [--policies 10000]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.objects import (
    Direction,
    IPBlock,
    KubernetesObject,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    WatchEvent,
)

CLONE_NEWNET = 0x40000000
CLIENT, SERVER, PORT = "10.245.0.0", "10.244.1.2", 8000
FIRST_REMOTE = IPv4Address(CLIENT)
LOCAL_PODS, REMOTE_PODS, PEERS, PORTS = 250, 10_000, 3, 2
LOADS, CHANGES, ROUNDS, CONNECTS = 3, 51, 40, 200

_libc = ctypes.CDLL(None, use_errno=True)


# The cluster


def pod(name: str, address: IPv4Address, node: str, label: str = "") -> Pod:
    return Pod("default", name, {"id": label or name}, node=node, ips=(address,))


def policy(number: int) -> NetworkPolicy:
    """One local pod, three of the remote ones; the first policy's first peer is the client."""
    chosen = [(number * PEERS + n) % REMOTE_PODS for n in range(PEERS)]
    peers = tuple(PolicyPeer(pod_selector=labelled(f"remote-{n}")) for n in chosen)
    ports = tuple(PolicyPort(port=PORT + n) for n in range(PORTS))
    return NetworkPolicy(
        "default",
        f"policy-{number}",
        labelled(f"local-{number % LOCAL_PODS}"),
        (Direction.INGRESS,),
        ingress=(PolicyRule(peers, ports),),
    )


def in_ranges(number: int) -> NetworkPolicy:
    """The same with blocks of 16 addresses for peers, no two adjoining, and ranges for ports."""
    exact = policy(number)
    first = FIRST_REMOTE + number * PEERS * 32
    blocks = [IPv4Network((int(first) + n * 32, 28)) for n in range(PEERS)]
    peers = tuple(PolicyPeer(ip_block=IPBlock(block)) for block in blocks)
    ports = tuple(PolicyPort(port=PORT + n * 10, end_port=PORT + n * 10 + 5) for n in range(PORTS))
    return replace(exact, ingress=(PolicyRule(peers, ports),))


def labelled(name: str) -> LabelSelector:
    return LabelSelector((("id", name),))


def objects(policies: Iterable[NetworkPolicy]) -> list[KubernetesObject]:
    first_local = IPv4Address(SERVER)
    return [
        Namespace("default"),
        Node("node-1", pod_cidrs=(IPv4Network("10.244.0.0/16"),)),
        *(pod(f"local-{n}", first_local + n, "node-1") for n in range(LOCAL_PODS)),
        *(pod(f"remote-{n}", FIRST_REMOTE + n, "node-2") for n in range(REMOTE_PODS)),
        *policies,
    ]


# The wires: client - router - server, once for each rule set


def enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open("rb") as own:
        enter(namespace)
        try:
            yield
        finally:
            enter(own.fileno())


def new_namespace() -> int:
    with Path("/proc/thread-self/ns/net").open("rb") as own:
        if _libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        enter(own.fileno())
    return namespace


@dataclass
class Wire:
    """A client and a server with a router between them."""

    name: str
    client: int = field(default_factory=new_namespace)
    router: int = field(default_factory=new_namespace)
    server: int = field(default_factory=new_namespace)
    seconds: list[float] = field(default_factory=list)

    def lay(self) -> None:
        """Make the links, addresses and routes."""
        ends = ((self.client, "client", CLIENT), (self.server, "server", SERVER))
        with inside(self.router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            for namespace, name, address in ends:
                peer = f"/proc/{os.getpid()}/fd/{namespace}"
                ip(f"link add {name} type veth peer name eth0 netns {peer}")
                ip(f"link set {name} up\naddr add 169.254.1.1/32 dev {name}")
                ip(f"route add {address}/32 dev {name}")
        for namespace, _, address in ends:
            with inside(namespace):
                ip(f"addr add {address}/32 dev eth0\nlink set eth0 up\nlink set lo up")
                ip("route add 169.254.1.1 dev eth0\nroute add default via 169.254.1.1")

    def serve(self) -> None:
        """Accept connections for as long as the process lives."""
        with inside(self.server):
            listener = socket.create_server(("", PORT), backlog=1024)
        threading.Thread(target=accept_all, args=(listener,), daemon=True).start()

    def connect(self, times: int) -> None:
        """Connect, and reset: that leaves no TIME_WAIT and no entry of conntrack for long."""
        with inside(self.client):
            for _ in range(times):
                with socket.socket() as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.settimeout(5)
                    start = time.perf_counter()
                    client.connect((SERVER, PORT))
                    self.seconds.append(time.perf_counter() - start)


def accept_all(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


# The figures


class TimedNft:
    """nft in a namespace, and how long each transaction took."""

    def __init__(self, namespace: int) -> None:
        with inside(namespace):
            self._nft = Nft()
        self.seconds: list[float] = []

    def run(self, text: str) -> str:
        """As ``Nft.run``."""
        start = time.perf_counter()
        output = self._nft.run(text)
        self.seconds.append(time.perf_counter() - start)
        return output


def figure(name: str, value: float, unit: str, goal: float | None = None) -> dict[str, object]:
    return {"name": f"enforcer: {name}", "value": round(value, 3), "unit": unit, "goal": goal}


@dataclass
class Load:
    """A controller that has started, and the seconds that took: in nft, and in total."""

    controller: Controller
    nft: TimedNft
    in_nft: float
    in_total: float


def load(wire: Wire, policies: Sequence[NetworkPolicy], times: int = 1) -> Load:
    """The shortest of some loads: other work on the machine can only add to it."""
    nft = TimedNft(wire.router)
    controller = Controller("node-1", nft.run)
    cluster = objects(policies)
    shares, totals = [], []
    for _ in range(times):
        nft.seconds.clear()
        start = time.perf_counter()
        controller.start(cluster)
        totals.append(time.perf_counter() - start)
        shares.append(sum(nft.seconds))
    return Load(controller, nft, min(shares), min(totals))


def membership(controller: Controller, nft: TimedNft, policies: int) -> Iterator[dict[str, object]]:
    """A peer loses its label and gets it back."""
    changes = [pod("remote-5", FIRST_REMOTE + 5, "node-2", label) for label in ("none", "remote-5")]
    nft.seconds.clear()
    whole: list[float] = []
    for number in range(CHANGES * 2):
        event = WatchEvent("MODIFIED", changes[number % 2])
        start = time.perf_counter()
        controller.handle([event])
        whole.append(time.perf_counter() - start)
    own = statistics.median(nft.seconds) * 1000
    total = statistics.median(whole) * 1000
    yield figure(f"one membership change at {policies:,} policies, nft's own part", own, "ms", 5)
    yield figure(f"one membership change at {policies:,} policies, in total", total, "ms", 5)


def latency(wires: Sequence[Wire], count: int) -> Iterator[dict[str, object]]:
    for wire in wires:
        wire.serve()
        wire.connect(CONNECTS)
        wire.seconds.clear()
    for _ in range(ROUNDS):
        for wire in wires:
            wire.connect(CONNECTS)
    medians = {wire.name: statistics.median(wire.seconds) for wire in wires}
    for name, seconds in medians.items():
        yield figure(f"connect, {name}", seconds * 1e6, "us")
    for name in ("exact policies", "policies of ranges"):
        title = f"connect with {count:,} {name} against no policy"
        yield figure(title, medians[name] / medians["no policy"], "times", 1.2)


def measure(count: int) -> list[dict[str, object]]:
    wires = [
        Wire(name) for name in ("no enforcer", "no policy", "exact policies", "policies of ranges")
    ]
    for wire in wires:
        wire.lay()
    load(wires[1], [])
    exact = load(wires[2], [policy(n) for n in range(count)], LOADS)
    ranges = load(wires[3], [in_ranges(n) for n in range(count)])
    return [
        figure(f"load {count:,} policies, nft's own part", exact.in_nft, "s", 0.6),
        figure(f"load {count:,} policies, in total", exact.in_total, "s"),
        figure(f"load {count:,} policies of ranges, nft's own part", ranges.in_nft, "s"),
        *membership(exact.controller, exact.nft, count),
        *latency(wires, count),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=10_000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        command = ["unshare", "--user", "--map-root-user", "--net", sys.executable]
        os.execvp("unshare", [*command, __file__, *sys.argv[1:], "--inside"])
    json.dump(measure(options.policies), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
