"""The embedded cluster as its users see it: ``clusters.base.Cluster`` over a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from netpol_conformance.clusters.base import ClusterError, ClusterInfo, ClusterSpec
from netpol_conformance.clusters.embedded import doctor
from netpol_conformance.clusters.embedded.lacks import Lack
from netpol_conformance.clusters.embedded.process import HostProcess, Surroundings
from netpol_conformance.model.objects import ClusterState, KubernetesObject, ObjectKey, Pod
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Series


class EmbeddedCluster:
    """A ``clusters.base.Cluster`` of network namespaces.

    ``implementation`` is who enforces policies: ``reference``, ``none``, or an
    ``enforcer.controller.EnforcerFactory`` as ``module:factory``, ``path/to/file.py:factory`` or
    ``folder:factory``.
    ``busybox`` names the program that probes with wget, where it is not the one on PATH.
    ``lacking`` is what its pod network does not carry, for tests.
    """

    def __init__(
        self,
        implementation: str = "reference",
        *,
        busybox: str | None = None,
        lacking: AbstractSet[Lack] = frozenset(),
    ) -> None:
        self._implementation = implementation
        self._busybox = busybox
        self._lacking = frozenset(lacking)
        self._process: HostProcess | None = None

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Begin afresh, in a process of its own."""
        self.close()
        if not (machine := doctor.system()).ok:
            raise ClusterError(doctor.advice(machine))
        self._process = HostProcess()
        # The process was forked from one that started earlier: it is sent what changed since.
        info: ClusterInfo = self._process.call(
            "start", spec, self._implementation, self._busybox, Surroundings.here(), self._lacking
        )
        return info

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Ask a server that answers and one whose packets are dropped, with each tool."""
        return tuple(self._running().call("self_test"))

    def apply_initial(self, manifests: str) -> bool:
        """Make all of it: that costs next to nothing here."""
        self.apply(manifests)
        return False

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

    def lifecycle(self) -> EmbeddedCluster:
        """As ``clusters.base.Lifecycle``; nothing is unsupported."""
        return self

    def cut_off_enforcer(self) -> None:
        """Keep the API from the enforcer on every node."""
        self._running().call("cut_off_enforcer")

    def reconnect_enforcer(self) -> None:
        """Reconnect the enforcer to the API; it catches up on what it missed."""
        self._running().call("reconnect_enforcer")

    def finish(self, pods: Sequence[ObjectKey]) -> None:
        """End pods; their addresses are free again."""
        self._running().call("finish", tuple(pods))

    def reuse(self, pods: Mapping[ObjectKey, Pod]) -> None:
        """Keep the node and addresses of old pods for new ones."""
        self._running().call("reuse", dict(pods))

    def begin_series(self, probes: Sequence[Probe], witnesses: Sequence[Probe]) -> None:
        """Ask all the time, in a thread beside the cluster's own."""
        self._running().call("begin_series", tuple(probes), tuple(witnesses))

    def end_series(self) -> tuple[Series, ...]:
        """What was seen meanwhile."""
        return tuple(self._running().call("end_series"))

    def hold(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Open connections and keep them."""
        return tuple(self._running().call("hold", tuple(probes)))

    def ask_held(self, timeout: float) -> tuple[Observation, ...]:
        """Use the connections again, and close them."""
        return tuple(self._running().call("ask_held", timeout))

    def release(self, *, clean: bool = False) -> None:
        """Nothing is shared: it stays as it is until the next start."""

    def close(self) -> None:
        """End the cluster's process; the kernel removes all of it before this returns."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _running(self) -> HostProcess:
        if self._process is None:
            raise ClusterError("the cluster is not started; call start() first")
        return self._process
