"""A scenario's part of a kind cluster: one of Kubernetes, with machines of many names outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.kind.lifecycle import KindLifecycle
from netpol_conformance.clusters.kind.outside import KindOutside
from netpol_conformance.clusters.kubernetes.public import (
    Agents,
    KubernetesCluster,
    Objects,
    Setup,
    Turn,
    as_asked,
)
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
        super()._start_outside(spec)

    def release(self, *, clean: bool = False) -> None:
        """Put the enforcer back, and let others have the cluster."""
        try:
            if self._own_lifecycle is not None:
                self._own_lifecycle.start_enforcer()
                self._own_lifecycle = None
        finally:
            super().release(clean=clean)
        self._turn.give_back()  # nobody else's scenario runs while the enforcer is stopped

    def _new_lifecycle(self, objects: Objects, agents: Agents) -> KindLifecycle:
        changed = self._forget_state
        self._own_lifecycle = KindLifecycle(self._setup.client, objects, agents, changed)
        return self._own_lifecycle

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once, the servers outside by the names of the machines that they are on."""
        real = self._machines.identities()
        own = {identity: name for name, identity in real.items()}
        seen = super().probe([_renamed(probe, real) for probe in probes])
        return tuple(
            as_asked(observation, probe, own)
            for observation, probe in zip(seen, probes, strict=True)
        )


def _renamed(probe: Probe, names: Mapping[str, str]) -> Probe:
    identities = (names.get(identity, identity) for identity in probe.identities)
    return replace(probe, identities=frozenset(identities))
