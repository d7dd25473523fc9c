"""What packets meet on a node with the enforcer's rules; run by ``test_kernel`` as
``kernel_checks`` is. This process's namespace is the node; it forwards between its pods'.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel_checks import cluster, isolating

from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.enforcer.controller import Controller, WatchEvent

A, B, STRANGER, FAR = "10.244.1.2", "10.244.1.3", "10.244.1.9", "10.244.2.2"
NODE, SERVICE = "10.244.1.1", "10.96.0.1"
NEW_NETWORK = 0x40000000
# A drop is only ever seen as silence; what must connect gets all the time it may need.
SILENCE, PATIENCE = 0.3, 10.0

_libc = ctypes.CDLL(None, use_errno=True)


class Wiring:
    """A namespace for each address, with a server on port 80 that echoes one message."""

    def __init__(self, *addresses: str) -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        ip(f"addr add {NODE}/32 dev lo\nlink set lo up")
        self._namespaces = {NODE: own_namespace()}
        for number, address in enumerate(addresses):
            self._add(f"pod{number}", address)

    def connect(self, source: str, destination: str, patience: float) -> socket.socket | None:
        """A connection to port 80; None where nothing answered in time."""
        with inside(self._namespaces[source]):
            client = socket.socket()
        client.settimeout(patience)
        try:
            client.connect((destination, 80))
        except TimeoutError:
            return None
        client.settimeout(PATIENCE)
        return client

    def passes(self, source: str, destination: str) -> bool:
        return self.connect(source, destination, PATIENCE) is not None

    def is_dropped(self, source: str, destination: str) -> bool:
        return self.connect(source, destination, SILENCE) is None

    def _add(self, link: str, address: str) -> None:
        with inside(own_namespace()):
            assert _libc.unshare(NEW_NETWORK) == 0
            namespace = self._namespaces[address] = own_namespace()
        peer = f"/proc/{os.getpid()}/fd/{namespace}"
        ip(f"link add {link} type veth peer name eth0 netns {peer}\nlink set {link} up")
        ip(f"route add {address}/32 dev {link} src {NODE}")
        with inside(namespace):
            ip(f"addr add {address}/32 dev eth0\nlink set eth0 up\nlink set lo up")
            ip(f"route add {NODE} dev eth0\nroute add default via {NODE}")
            listener = socket.create_server(("", 80))
        threading.Thread(target=serve, args=(listener,), daemon=True).start()


def own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    own = own_namespace()
    assert _libc.setns(namespace, NEW_NETWORK) == 0
    try:
        yield
    finally:
        assert _libc.setns(own, NEW_NETWORK) == 0
        os.close(own)


def ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    with connection:
        connection.sendall(connection.recv(99))


def service_for_a() -> str:
    """Rules that lead 10.96.0.1 to pod a, its own packets masqueraded as kube-proxy does."""
    return (
        "table ip service {\n"
        "chain pre { type nat hook prerouting priority -100;"
        f" ip daddr {SERVICE} dnat to {A};\n}}\n"
        "chain post { type nat hook postrouting priority 100;"
        f" ip saddr {A} ip daddr {A} masquerade;\n}}\n"
        "}\n"
    )


def packets_meet_the_rules() -> None:
    wiring = Wiring(A, B, STRANGER, FAR)
    nft = Nft()
    nft.run(service_for_a())
    controller = Controller("node-1", nft.run)
    controller.start(cluster().objects())
    assert wiring.passes(FAR, A), "a pod that nothing isolates is open (S1)"
    assert wiring.is_dropped(FAR, STRANGER), "an address that no pod has is closed"
    assert wiring.is_dropped(STRANGER, FAR), "both ways"
    old = wiring.connect(A, B, PATIENCE)

    policy = isolating(81)
    controller.handle([WatchEvent("ADDED", policy)])
    assert wiring.is_dropped(FAR, A), "isolated for ingress, and port 80 isn't named (S2)"
    assert wiring.is_dropped(A, FAR), "isolated for egress"
    assert wiring.passes(NODE, A), "its own node reaches it (S6)"
    assert wiring.passes(A, SERVICE), "it reaches itself through its Service (S5, S42)"
    assert wiring.is_dropped(B, SERVICE), "nobody else does"
    assert old is not None
    old.sendall(b"still")
    assert old.recv(99) == b"still", "what was allowed goes on, replies too (S4, S8)"

    controller.handle([WatchEvent("MODIFIED", isolating(80))])
    assert wiring.passes(FAR, A), "port 80 is named"
    assert wiring.passes(B, SERVICE), "the pod's port counts, and its address (S21, S40)"
    controller.handle([WatchEvent("DELETED", policy)])
    assert wiring.passes(A, FAR), "nothing isolates it any more"
