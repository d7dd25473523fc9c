from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import KubernetesObject, Protocol
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict
from netpol_conformance.run.execution import manifest_list


class Asking:
    """A started cluster, and questions put briefly: ``ask("default/a", "web", 80)``.

    Patient ones, for machines under load; where silence is expected, say how long to wait for it.
    """

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster

    def apply(self, *objects: KubernetesObject) -> None:
        self.cluster.apply(manifest_list(objects))
        self.cluster.wait_ready(20)

    def ip(self, kind: str, name: str, family: int = 4) -> str:
        """The address of ``pod``, ``node``, ``service`` or ``load balancer``."""
        state = self.cluster.state()
        items, field = {
            "pod": (state.pods, "ips"),
            "node": (state.nodes, "ips"),
            "service": (state.services, "cluster_ips"),
            "load balancer": (state.services, "load_balancer_ips"),
        }[kind]
        ips = next(getattr(item, field) for item in items if item.name == name)
        return str(next(ip for ip in ips if ip.version == family))

    def ask(  # noqa: PLR0917 -- read as a sentence: who, whom, where, how, and who may answer
        self,
        source: str,
        host: str,
        port: int = 80,
        protocol: Protocol = Protocol.TCP,
        servers: tuple[str, ...] = (),
        tool: Tool = Tool.SOCKET,
        timeout: float = 10,
    ) -> Observation:
        identities = frozenset(servers)
        probe = Probe(Source.parse(source), host, port, identities, protocol, tool, timeout)
        return self.cluster.probe([probe])[0]

    def sees(self, verdict: Verdict, *question: Any, **how: Any) -> None:
        """Assert what is seen by ``ask`` of the same question."""
        seen = self.ask(*question, **how)
        assert seen.verdict is verdict, seen


@pytest.fixture
def embedded() -> Iterator[EmbeddedCluster]:
    with closing(EmbeddedCluster()) as cluster:
        yield cluster


@pytest.fixture
def started(embedded: EmbeddedCluster) -> Asking:
    embedded.start(ClusterSpec())
    return Asking(embedded)


@pytest.fixture(scope="session")
def asking() -> type[Asking]:
    return Asking
