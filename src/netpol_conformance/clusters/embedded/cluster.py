"""The embedded cluster as its users see it: ``clusters.base.Cluster`` over a process."""

from __future__ import annotations

from collections.abc import Sequence

from netpol_conformance.clusters.base import ClusterError, ClusterInfo, ClusterSpec, SelfCheck
from netpol_conformance.clusters.embedded import doctor
from netpol_conformance.clusters.embedded.process import HostProcess, Surroundings
from netpol_conformance.model.objects import ClusterState, KubernetesObject, ObjectKey
from netpol_conformance.probe.verdict import Observation, Probe


class EmbeddedCluster:
    """A ``clusters.base.Cluster`` of network namespaces.

    ``implementation`` is who enforces policies: ``reference``, ``none``, or an
    ``enforcer.controller.EnforcerFactory`` as ``module:factory``, ``path/to/file.py:factory`` or
    ``folder:factory``.
    ``busybox`` names the program that probes with wget, where it is not the one on PATH.
    """

    def __init__(self, implementation: str = "reference", *, busybox: str | None = None) -> None:
        self._implementation = implementation
        self._busybox = busybox
        self._process: HostProcess | None = None

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Begin afresh, in a process of its own."""
        self.close()
        if not (machine := doctor.system()).ok:
            raise ClusterError(doctor.advice(machine))
        self._process = HostProcess()
        # The process was forked from one that started earlier: it is told what changed since.
        info: ClusterInfo = self._process.call(
            "start", spec, self._implementation, self._busybox, Surroundings.here()
        )
        return info

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Ask a server that answers and one whose packets are dropped, with each tool."""
        return tuple(self._running().call("self_test"))

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """``kubectl apply -f -``; when it returns, the change is in force everywhere."""
        return tuple(self._running().call("apply", manifests))

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """``kubectl delete``; raises RefusedError for what does not exist."""
        self._running().call("delete", tuple(keys))

    def wait_ready(self, timeout: float) -> None:
        """Until each server has answered its own pod; ``timeout`` in seconds."""
        self._running().call("wait_ready", timeout)

    def state(self) -> ClusterState:
        """All objects with their addresses."""
        state: ClusterState = self._running().call("state")
        return state

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once."""
        return tuple(self._running().call("probe", tuple(probes)))

    def stop_enforcer(self) -> None:
        """Kill the enforcer on every node: rules stay in force, changes are not seen any more."""
        self._running().call("stop_enforcer")

    def start_enforcer(self) -> None:
        """Start the enforcer on every node again, from what the API says now."""
        self._running().call("start_enforcer")

    def close(self) -> None:
        """End the cluster's process; the kernel removes all of it before this returns."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _running(self) -> HostProcess:
        if self._process is None:
            raise ClusterError("the cluster is not started; call start() first")
        return self._process
