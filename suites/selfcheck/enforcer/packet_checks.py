"""What packets meet on a node with the enforcer's rules; run by ``test_kernel`` as
``kernel_checks`` is. This process's namespace is the node; it forwards between its pods'.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from kernel_checks import cluster, isolating

from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.objects import WatchEvent
from netpol_conformance.probe.netns import CLONE_NEWNET, inside, unshare

# A drop is only ever seen as silence; what must connect gets all the time it may need.
SILENCE, PATIENCE = 0.3, 10.0


@dataclass(frozen=True)
class Addresses:
    """Who is where, in one family. Pod a is behind the Service; no pod has ``stranger``."""

    a: str
    b: str
    far: str
    stranger: str
    node: str
    service: str


V4 = Addresses("10.244.1.2", "10.244.1.3", "10.244.2.2", "10.244.1.9", "10.244.1.1", "10.96.0.1")
V6 = Addresses(
    "fd00:10:244:1::2",
    "fd00:10:244:1::3",
    "fd00:10:244:2::2",
    "fd00:10:244:1::9",
    "fd00:10:244:1::1",
    "fd00:10:96::1",
)


class Wiring:
    """A namespace for each address, with a server on port 80 that echoes one message."""

    def __init__(self, node: str, *addresses: str) -> None:
        for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path("/proc/sys/net", switch).write_text("1")
        ip("link set lo up")
        self._node = node
        self._namespaces = {node: own_namespace()}
        for number, address in enumerate(addresses):
            self._add(f"pod{number}", address)

    def connect(self, source: str, destination: str, patience: float) -> socket.socket | None:
        """A connection to port 80; None where nothing answered in time."""
        with inside(self._namespaces[source]):
            client = socket.socket(socket.AF_INET6 if ":" in destination else socket.AF_INET)
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
            unshare(CLONE_NEWNET)
            namespace = self._namespaces[address] = own_namespace()
        # Duplicate address detection would keep an IPv6 address back for two seconds.
        bits, alone = ("128", " nodad") if ":" in address else ("32", "")
        peer = f"/proc/{os.getpid()}/fd/{namespace}"
        ip(f"link add {link} type veth peer name eth0 netns {peer}\nlink set {link} up")
        ip(f"addr add {self._node}/{bits} dev {link}{alone}")
        ip(f"route add {address}/{bits} dev {link} src {self._node}")
        with inside(namespace):
            ip(f"addr add {address}/{bits} dev eth0{alone}\nlink set eth0 up\nlink set lo up")
            ip(f"route add {self._node} dev eth0\nroute add default via {self._node}")
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.create_server(("", 80), family=family)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()


def own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    with connection:
        connection.sendall(connection.recv(99))


def service(of: Addresses) -> str:
    """Rules that lead the Service to pod a, its own packets masqueraded as kube-proxy does."""
    header = "ip6" if ":" in of.a else "ip"
    return (
        f"table {header} service {{\n"
        "chain pre { type nat hook prerouting priority -100;"
        f" {header} daddr {of.service} dnat to {of.a};\n}}\n"
        "chain post { type nat hook postrouting priority 100;"
        f" {header} saddr {of.a} {header} daddr {of.a} masquerade;\n}}\n"
        "}\n"
    )


def ipv4_packets_meet_the_rules() -> None:
    packets_meet_the_rules(V4)


def ipv6_packets_meet_the_rules() -> None:
    packets_meet_the_rules(V6)


def packets_meet_the_rules(at: Addresses) -> None:
    wiring = Wiring(at.node, at.a, at.b, at.stranger, at.far)
    nft = Nft()
    nft.run(service(at))
    controller = Controller("node-1", nft.run)
    controller.start(cluster().objects())
    assert wiring.passes(at.far, at.a), "a pod that nothing isolates is open (S1)"
    assert wiring.is_dropped(at.far, at.stranger), "an address that no pod has is closed"
    assert wiring.is_dropped(at.stranger, at.far), "both ways"
    old = wiring.connect(at.a, at.b, PATIENCE)

    policy = isolating(81)
    controller.handle([WatchEvent("ADDED", policy)])
    assert wiring.is_dropped(at.far, at.a), "isolated for ingress, and port 80 isn't named (S2)"
    assert wiring.is_dropped(at.a, at.far), "isolated for egress"
    assert wiring.passes(at.node, at.a), "its own node reaches it (S6)"
    assert wiring.passes(at.a, at.service), "it reaches itself through its Service (S5, S42)"
    assert wiring.is_dropped(at.b, at.service), "nobody else does"
    assert old is not None
    old.sendall(b"still")
    assert old.recv(99) == b"still", "what was allowed goes on, replies too (S4, S8)"

    controller.handle([WatchEvent("MODIFIED", isolating(80))])
    assert wiring.passes(at.far, at.a), "port 80 is named"
    assert wiring.passes(at.b, at.service), "the pod's port counts, and its address (S21, S40)"
    controller.handle([WatchEvent("DELETED", policy)])
    assert wiring.passes(at.a, at.far), "nothing isolates it any more"
