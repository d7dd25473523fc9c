"""A scenario's part of a kind cluster: one of Kubernetes, with machines of many names outside."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.kind.lifecycle import KindLifecycle
from netpol_conformance.clusters.kind.outside import KindOutside
from netpol_conformance.clusters.kubernetes.public import (
    NODES,
    Agents,
    KubernetesCluster,
    Objects,
    Setup,
    Turn,
    as_asked,
)
from netpol_conformance.enforcer.manifests import STOPPED_LABEL
from netpol_conformance.probe.verdict import Observation, Probe


class KindCluster(KubernetesCluster):
    """As ``KubernetesCluster``; ``outside`` are the hosts that ``setup`` gives it.

    Scenarios share the cluster, but for one that disturbs the enforcer: that one is alone.
    """

    def __init__(self, setup: Setup, outside: KindOutside) -> None:
        super().__init__(setup)
        self._machines = outside
        self._turn = Turn(setup.client.server)
        self._own_lifecycle: KindLifecycle | None = None

    def _start_outside(self, spec: ClusterSpec) -> None:
        """Before anything is made, wait for the turn: what is not supported has not waited."""
        self._turn.take(shared=not spec.alone)
        self._check_enforcer()
        super()._start_outside(spec)

    def release(self, *, clean: bool = False) -> None:
        """Put the enforcer back, and let others have the cluster."""
        with contextlib.ExitStack() as ending:  # the last entered is the first, whatever fails
            ending.callback(self._turn.give_back)
            ending.callback(super().release, clean=clean)
            self._put_enforcer_back()

    def _put_enforcer_back(self) -> None:
        """Start it where this scenario has stopped it, or an earlier one that could not start it
        again; nobody else's scenario runs meanwhile.
        """
        if self._own_lifecycle is not None and self._own_lifecycle.has_stopped_it:
            if not self._turn.is_held:
                self._turn.take()
            self._own_lifecycle.start_enforcer()
        self._own_lifecycle = None

    def _check_enforcer(self) -> None:
        """Raise ClusterError where a scenario could not start the enforcer again."""
        with self._client.in_words():
            stopped = self._client.items(NODES, labelSelector=STOPPED_LABEL)
        if stopped:
            names = ", ".join(node["metadata"]["name"] for node in stopped)
            raise ClusterError(
                f"nobody enforces policies on {names}: a scenario that restarts the enforcer could "
                f"not start it again there"
            )

    def _new_lifecycle(self, objects: Objects, agents: Agents) -> KindLifecycle:
        changed = self._forget_state
        self._own_lifecycle = KindLifecycle(self._setup.client, objects, agents, changed)
        return self._own_lifecycle

    def wait_ready(self, timeout: float) -> None:
        """As everywhere; then hosts outside reach the pods that may have come, and these them."""
        changed = not self._started().cache.ready
        super().wait_ready(timeout)
        if changed:
            real = self._started().objects.nodes.real
            placed = (pod for pod in self.state().pods if pod.node in real)
            self._machines.reach(replace(pod, node=real[pod.node]) for pod in placed)

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once, the servers outside by the names of the machines that they are on."""
        real = self._machines.identities()
        own = {identity: name for name, identities in real.items() for identity in identities}
        seen = super().probe([_renamed(probe, real) for probe in probes])
        return tuple(
            as_asked(observation, probe, own)
            for observation, probe in zip(seen, probes, strict=True)
        )


def _renamed(probe: Probe, names: Mapping[str, Sequence[str]]) -> Probe:
    identities = chain.from_iterable(names.get(each, [each]) for each in probe.identities)
    return replace(probe, identities=frozenset(identities))
