"""On a cluster that runs the bundled enforcer, and where the scenario is alone: restarting it.

It is stopped and started on one node after the other, by a label of the node. On all at once it
would take the processors for so long that nobody could say what happened meanwhile. A node that
takes no pods of a scenario's keeps it: nothing that is asked depends on the rules there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from netpol_conformance.clusters.base import ClusterError, UnsupportedError
from netpol_conformance.clusters.kubernetes.public import (
    NODES,
    PODS,
    KubernetesLifecycle,
    Manifest,
    Resource,
    require,
    says_ready,
)
from netpol_conformance.enforcer.manifests import DAEMON_SET, NAMESPACE, STOPPED_LABEL

RESTART_TIMEOUT = 120.0
"""Seconds for the enforcer's pod of a node to go, or to be ready again."""
DAEMON_SETS = Resource("/apis/apps/v1", "daemonsets", namespaced=True)
_SELECTOR = f"app.kubernetes.io/name={DAEMON_SET}"
_PAUSE = 0.25
"""Seconds between two looks, of which each takes time from those who ask meanwhile."""


@dataclass
class KindLifecycle(KubernetesLifecycle):
    """As ``KubernetesLifecycle``, and the bundled enforcer can be stopped and started."""

    _stopped: list[str] = field(default_factory=list)

    def stop_enforcer(self) -> None:
        """End the enforcer's pods on all nodes that take pods; its rules stay."""
        if self.objects.call(self.client.get, DAEMON_SETS, DAEMON_SET, NAMESPACE) is None:
            raise UnsupportedError("needs to stop the enforcer, and it is not the bundled one")
        for node in self.objects.nodes.taking_pods.values():
            self._stopped.append(node)
            self._label(node, "true")
            self._wait(partial(self._is_gone, node), f"to go from {node}")

    @property
    def has_stopped_it(self) -> bool:
        """Whether it is still to be started anywhere."""
        return bool(self._stopped)

    def start_enforcer(self) -> None:
        """Have its pods run again where they were stopped; returns when all is read.

        Where none gets ready the node keeps the label, for all to see that nobody enforces there.
        """
        while self._stopped:
            node = self._stopped[-1]
            self._label(node, None)
            try:
                self._wait(partial(self._is_ready, node), f"to be ready on {node}")
            except ClusterError:
                self._label(node, "true")
                raise
            self._stopped.pop()

    def _label(self, node: str, value: str | None) -> None:
        patch = {"metadata": {"labels": {STOPPED_LABEL: value}}}
        self.objects.call(self.client.patch, NODES, patch, node)

    def _pods(self, node: str) -> list[Manifest]:
        found = self.objects.call(self.client.items, PODS, NAMESPACE, labelSelector=_SELECTOR)
        return [pod for pod in found if pod["spec"].get("nodeName") == node]

    def _is_gone(self, node: str) -> bool:
        return not self._pods(node)

    def _is_ready(self, node: str) -> bool:
        return any(map(says_ready, self._pods(node)))

    @staticmethod
    def _wait(done: Callable[[], bool], what: str) -> None:
        require(done, f"the enforcer's pod {what}", RESTART_TIMEOUT, _PAUSE)
