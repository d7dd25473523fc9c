"""What one scenario has of a real cluster, and what of it the next one may reuse.

Creating namespaces and pods is most of a real cluster's work in a run. So those of a scenario that
passed are kept, without its policies, and a later one with the same namespaces reuses them: equal
pods are kept, others deleted, missing ones created.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.kubernetes.agents.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import Agents
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.balancing import Balancing
from netpol_conformance.clusters.kubernetes.objects.objects import Objects
from netpol_conformance.clusters.kubernetes.objects.waits import Readiness
from netpol_conformance.model.objects import (
    ClusterState,
    KubernetesObject,
    NetworkPolicy,
    ObjectKey,
)

_HOME = {"Namespace": "", "Pod": "default"}


@dataclass(frozen=True, slots=True)
class InitialObjects:
    """The namespaces and pods that a scenario begins with, each manifest as text to compare."""

    families: tuple[int, ...]
    namespaces: Mapping[ObjectKey, str]
    pods: Mapping[ObjectKey, str]

    @classmethod
    def of(cls, manifests: Iterable[Manifest], families: tuple[int, ...]) -> InitialObjects | None:
        """That of a scenario which begins with these; None if it begins with anything else.

        A Service's name would be known to the cluster's DNS, and its rules to every node, for some
        time after it is gone; pods that end of themselves are no use to anyone else.
        """
        found: dict[str, dict[ObjectKey, str]] = {kind: {} for kind in _HOME}
        for manifest in manifests:
            kind, metadata = manifest["kind"], manifest["metadata"]
            if kind not in found or manifest.get("spec", {}).get("restartPolicy") == "Never":
                return None
            key = ObjectKey(kind, metadata.get("namespace", _HOME[kind]), metadata["name"])
            found[kind][key] = json.dumps(manifest, sort_keys=True)
        return cls(families, found["Namespace"], found["Pod"])

    def fits(self, other: InitialObjects) -> bool:
        """Whether this can be changed to ``other`` by creating and deleting pods alone."""
        return (self.families, self.namespaces) == (other.families, other.namespaces)

    def shared(self, other: InitialObjects) -> set[ObjectKey]:
        """The pods that are the same in both, to the letter."""
        return {key for key, text in self.pods.items() if other.pods.get(key) == text}


@dataclass(frozen=True, slots=True)
class CachedState:
    """What is cached of a workspace as long as only policies change.

    ``state`` is what was read last: pods and addresses change for no other reason, and reading
    takes a dozen requests. It is ``ready`` if pods and Services were seen to be. ``initial`` is
    what the scenario began with, if another might begin with that too.
    """

    state: ClusterState | None = None
    ready: bool = False
    initial: InitialObjects | None = None

    def with_policies(self, policies: Iterable[NetworkPolicy]) -> CachedState:
        """What is known when these have come, or changed."""
        return replace(self, state=self.state and self.state.with_objects(*policies))

    def without_policies(self, keys: Iterable[ObjectKey]) -> CachedState:
        """What is known when these have gone."""
        return replace(self, state=self.state and self.state.without(*keys))


@dataclass(slots=True)
class Workspace:
    """All that one scenario has, from a cluster's ``start`` to the next; ``reusable`` by another
    scenario after that.
    """

    objects: Objects
    agents: Agents
    dns: tuple[KubernetesObject, ...]
    lifecycle: KubernetesLifecycle
    balancing: Balancing
    reusable: bool
    cache: CachedState = field(default_factory=CachedState)
    readiness: Readiness = field(default_factory=Readiness)
    node_agents: set[str] = field(default_factory=set)
    has_agents_namespace: bool = False


class WorkspacePool:
    """Workspaces of finished scenarios, for reuse: at most one for each worker.

    Its methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Workspace] = []
        self._most = 0

    def join(self) -> None:
        """Count one worker more."""
        with self._lock:
            self._most += 1

    @property
    def workers(self) -> int:
        """How many there are."""
        return self._most

    def put(self, workspace: Workspace) -> Workspace | None:
        """Add a workspace; returns the one that there is no room for."""
        with self._lock:
            self._left.append(workspace)
            return self._left.pop(0) if len(self._left) > self._most else None

    def take(self, wanted: InitialObjects) -> Workspace | None:
        """Remove and return the workspace that has most of what is wanted, if any fits."""
        with self._lock:
            fitting = [
                (len(found.shared(wanted)), at)
                for at, workspace in enumerate(self._left)
                if (found := workspace.cache.initial) is not None and found.fits(wanted)
            ]
            return self._left.pop(max(fitting)[1]) if fitting else None

    def drain(self) -> list[Workspace]:
        """Remove and return all of them: what they have of the cluster is wanted elsewhere."""
        with self._lock:
            left, self._left = self._left, []
        return left

    def close(self) -> None:
        """End the agents of all workspaces, and keep no more. Safe to call twice."""
        with self._lock:
            self._most = 0
        for workspace in self.drain():
            workspace.agents.close()
