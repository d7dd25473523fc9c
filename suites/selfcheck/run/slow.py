"""Time that passes only where somebody waits or asks, and plugins that take theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from netpol_conformance.model.objects import ClusterState
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.probe.verdict import Observation, Probe

from .fakes import FakeCluster


class Clock:
    """Stands in for the module ``time``."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class SlowCluster(FakeCluster):
    """Its enforcer hears of policies ``policies`` seconds late, of labels ``labels`` seconds."""

    clock: Clock = field(default_factory=Clock)
    policies: float = 0.0
    labels: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._past: list[tuple[float, ClusterState]] = []

    def start(self, spec: object):
        self._past = []
        return super().start(spec)

    def apply(self, manifests: str):
        super().apply(manifests)
        return self._keep()

    def delete(self, keys) -> None:
        super().delete(keys)
        self._keep()

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        self.probes += probes
        oracle = Oracle(self._heard())
        answers = tuple(self._answer(oracle, probe) for probe in probes)
        # As long as the slowest of them, answered or not.
        self.clock.sleep(max((probe.timeout for probe in probes), default=0.0))
        return answers

    def _keep(self) -> tuple[()]:
        self._past.append((self.clock.now, self.state()))
        return ()

    def _heard(self) -> ClusterState:
        now = self.state()
        labels = {pod.key: pod.labels for pod in self._of(self.labels).pods}
        pods = tuple(replace(pod, labels=labels.get(pod.key, pod.labels)) for pod in now.pods)
        policies = self._of(self.policies).policies if self.enforces else ()
        return replace(now, pods=pods, policies=policies)

    def _of(self, ago: float) -> ClusterState:
        """The state of so many seconds ago, or the first there was."""
        before = [state for since, state in self._past if since <= self.clock.now - ago]
        return before[-1] if before else self._past[0][1]
