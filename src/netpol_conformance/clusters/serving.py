"""Who serves in a pod, by its image and ports: the same in every kind of cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.model.objects import Pod, Protocol, SourceKind
from netpol_conformance.probe.verdict import Probe, Source

_HTTP = 80


class Serving(NamedTuple):
    """The ports of a pod by who answers on them: the real web servers (over TCP), or ``own``
    servers of the suite.
    """

    nginx: tuple[int, ...] = ()
    httpd: tuple[int, ...] = ()
    own: tuple[tuple[int, Protocol], ...] = ()


def serving(pod: Pod) -> Serving:
    """Nginx or busybox httpd where the image says so, our own servers on all other ports."""
    image = pod.image.rsplit("/", 1)[-1]  # nginx:1.27 of docker.io/library/nginx:1.27
    ports = tuple((port.number, port.protocol) for port in pod.ports)
    web = tuple(number for number, protocol in ports if protocol is Protocol.TCP)
    others = tuple(port for port in ports if port[1] is not Protocol.TCP)
    if image.startswith("nginx"):
        # The image listens on port 80 whether the manifest mentions that or not.
        return Serving(nginx=web or (_HTTP,), own=others)
    if image.startswith("busybox") and web:
        return Serving(httpd=web, own=others)
    return Serving(own=ports)


def to_itself(pod: Pod) -> list[Probe]:
    """One probe for each port and address of a pod, asked by itself (S5: never blocked)."""
    nginx, httpd, own = serving(pod)
    identity = frozenset({f"{pod.namespace}/{pod.name}"})
    source = Source(SourceKind.POD, pod.name, pod.namespace)
    return [
        Probe(source, str(ip), port, identity, protocol)
        for ip in pod.ips
        for port, protocol in (*((port, Protocol.TCP) for port in (*nginx, *httpd)), *own)
    ]


def server_options(identity: str, ports: Iterable[str], families: Iterable[int]) -> list[str]:
    """The options of ``agent serve``; a port is ``80/TCP``."""
    words = ["--identity", identity]
    for port in ports:
        words += ["--port", port]
    for family in families:
        words += ["--family", str(family)]
    return words


def server_words(host: OutsideHost, identity: str, ports: Sequence[int]) -> list[str]:
    """What tells the agent on ``host`` to answer on ``ports`` as ``identity``."""
    both = [f"{port}/{protocol}" for port in ports for protocol in ("TCP", "UDP")]
    return ["serve", *server_options(identity, both, sorted({ip.version for ip in host.ips}))]
