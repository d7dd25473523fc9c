"""What the scenarios of a run share of a kind cluster: its API, and the machines outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from netpol_conformance.clusters.base import Cluster, Load
from netpol_conformance.clusters.kind.cluster import KindCluster
from netpol_conformance.clusters.kind.machines import Machines
from netpol_conformance.clusters.kind.outside import KindBalancer, KindOutside
from netpol_conformance.clusters.kind.tools import find_docker, run
from netpol_conformance.clusters.kubernetes.public import (
    NAMESPACES,
    NODES,
    Client,
    Setup,
    WorkspacePool,
    check_no_stuck,
    connect,
    images_of,
    real_node,
    remove_run,
)
from netpol_conformance.clusters.options import Options

_METALLB = "metallb-system"
_CLOUD_PROVIDER = "cloud-provider-kind"
"""The namespace, or the container, of what gives load balancers their addresses."""


@dataclass(frozen=True)
class Share:
    """The opened cluster; ``run`` is the id of the run."""

    cluster: str
    kubeconfig: str
    run: str
    image: str
    _pool: WorkspacePool = field(default_factory=WorkspacePool)

    def check(self) -> None:
        """Raise ClusterError where the cluster cannot be used."""
        check_no_stuck(self._client)
        _ = self._balancer  # made now: of several threads that need it first each would make one

    def part(self, options: Options, implementation: str) -> Cluster:
        """A part of the cluster for one worker."""
        outside = KindOutside(self._machines, self._balancer, self._client)
        # The images are on the nodes: no registry needs to be asked.
        policy = options.pull_policy or "IfNotPresent"
        setup = Setup(
            self._client,
            self.run,
            replace(images_of(options), pull_policy=policy),
            "kind",
            implementation,
            outside=outside,
            load_balancer=None if self._has_balancer else self._balancer,
            pool=self._pool,
        )
        return KindCluster(setup, outside)

    def load(self) -> Load:
        """As the client has measured it."""
        return self._client.meter.take()

    def remove(self, on_progress: Callable[[str], None], *, with_namespaces: bool) -> None:
        """Remove the machines outside and, unless the cluster goes too, the run's namespaces."""
        self._machines.remove()
        if with_namespaces:
            remove_run(self._client, self.run, on_progress)

    def close(self) -> None:
        """Close the connections to the API server, and to the pods that wait for a scenario."""
        self._pool.close()
        self._client.close()

    @cached_property
    def _client(self) -> Client:
        return connect(self.kubeconfig)

    @cached_property
    def _machines(self) -> Machines:
        with self._client.in_words():
            nodes = [real_node(item) for item in self._client.items(NODES)]
        return Machines(self.cluster, find_docker(), self.image, nodes)

    @cached_property
    def _balancer(self) -> KindBalancer:
        return KindBalancer(self._machines.networks())

    @cached_property
    def _has_balancer(self) -> bool:
        """Whether something gives load balancers their addresses already."""
        containers = run([find_docker(), "ps", "--format", "{{.Names}}"]).split()
        with self._client.in_words():
            metallb = self._client.get(NAMESPACES, _METALLB)
        return metallb is not None or _CLOUD_PROVIDER in containers
