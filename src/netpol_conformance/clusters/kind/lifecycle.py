"""On a cluster that runs the bundled enforcer, and where the scenario is alone: restarting it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netpol_conformance.clusters.base import ClusterError, UnsupportedError
from netpol_conformance.clusters.kubernetes.client import PODS, Resource
from netpol_conformance.clusters.kubernetes.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.waits import until
from netpol_conformance.enforcer.manifests import DAEMON_SET, NAMESPACE

RESTART_TIMEOUT = 120.0
"""Seconds for the enforcer's pods to go, or to be ready again."""
DAEMON_SETS = Resource("/apis/apps/v1", "daemonsets", namespaced=True)
_NOWHERE = "netpol-conformance/stopped"
"""A label that no node has: with it in their nodeSelector the enforcer's pods run nowhere."""
_SELECTOR = f"app.kubernetes.io/name={DAEMON_SET}"
_PAUSE = 0.25
"""Seconds between two looks, of which each takes time from those who ask meanwhile."""


@dataclass
class KindLifecycle(KubernetesLifecycle):
    """As ``KubernetesLifecycle``, and the bundled enforcer can be stopped and started."""

    _stopped: bool = field(default=False)

    def stop_enforcer(self) -> None:
        """End the enforcer's pods on all nodes; its rules stay."""
        if self.objects.call(self.client.get, DAEMON_SETS, DAEMON_SET, NAMESPACE) is None:
            raise UnsupportedError("needs to stop the enforcer, and it is not the bundled one")
        self._stopped = True
        self._select({_NOWHERE: "true"})
        self._wait(lambda: not self._pods(), "went")

    def start_enforcer(self) -> None:
        """Have its pods run again; returns when they have read everything."""
        self._select({_NOWHERE: None})
        self._wait(self._is_ready, "were ready again")
        self._stopped = False

    def restore(self) -> None:
        """Start the enforcer if it was left stopped; others need it."""
        if self._stopped:
            self.start_enforcer()

    def _select(self, labels: dict[str, str | None]) -> None:
        patch = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
        self.objects.call(self.client.patch, DAEMON_SETS, patch, DAEMON_SET, NAMESPACE)

    def _pods(self) -> list[object]:
        return list(self.objects.call(self.client.items, PODS, NAMESPACE, labelSelector=_SELECTOR))

    def _is_ready(self) -> bool:
        found = self.objects.call(self.client.get, DAEMON_SETS, DAEMON_SET, NAMESPACE) or {}
        status, generation = found.get("status", {}), found.get("metadata", {}).get("generation")
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        return bool(status.get("observedGeneration") == generation and ready == wanted > 0)

    @staticmethod
    def _wait(done: Callable[[], bool], what: str) -> None:
        if not until(done, RESTART_TIMEOUT, _PAUSE):
            raise ClusterError(f"the enforcer's pods never {what} in {RESTART_TIMEOUT:g} s")
