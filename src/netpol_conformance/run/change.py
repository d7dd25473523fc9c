"""Making a step's changes: what happens to enforcer and pods, what is deleted and applied."""

from __future__ import annotations

import time
from dataclasses import dataclass

from netpol_conformance.clusters.base import Cluster, RefusedError, UnsupportedError
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.decode import ManifestError, iter_decode
from netpol_conformance.run.events import RefusalResult
from netpol_conformance.scenario.templating import directory, fill
from netpol_conformance.scenario.types import Scenario, Step


@dataclass(frozen=True)
class Change:
    """A step's changes as they were made.

    ``applied`` are the manifests with addresses filled in, ``reused`` the old pod whose address
    each new one was to get. ``began`` and ``ended`` are seconds since the epoch; ``done_at`` is
    the end too, monotonic.
    """

    applied: str
    refusal: RefusalResult | None
    reused: dict[str, str]
    began: float
    ended: float
    done_at: float


class Changes:
    """Makes the changes of one scenario's steps on its cluster."""

    def __init__(self, cluster: Cluster, scenario: Scenario) -> None:
        self._cluster = cluster
        self._scenario = scenario
        self._cut_off = False

    def make(self, step: Step) -> Change:
        """Make all changes of ``step``, in the order that scenarios/README.md promises."""
        began = time.time()
        self._before(step)
        reused = self._finish(step)
        self._cluster.delete(step.delete)
        applied = fill(step.apply, directory(self._cluster.state(), self._scenario.outside))
        refusal = self._apply(step, applied)
        if step.enforcer == "restarted":
            self._cluster.lifecycle().start_enforcer()
        return Change(applied, refusal, reused, began, time.time(), time.monotonic())

    def reconnect(self) -> None:
        """Let the enforcer have the API again, if it was cut off."""
        if self._cut_off:
            self._cluster.lifecycle().reconnect_enforcer()
            self._cut_off = False

    def _before(self, step: Step) -> None:
        """Have the enforcer as the step's changes are to find it."""
        if step.enforcer == "cut off" and not self._cut_off:
            self._cluster.lifecycle().cut_off_enforcer()
            self._cut_off = True
        elif step.enforcer != "cut off":
            self.reconnect()
        if step.enforcer == "restarted":
            self._cluster.lifecycle().stop_enforcer()

    def _finish(self, step: Step) -> dict[str, str]:
        """End pods, and keep the addresses that others are to get; whose they were."""
        if step.finish:
            self._cluster.lifecycle().finish(step.finish)
        if not step.reuse:
            return {}
        pods = {pod.key: pod for pod in self._cluster.state().pods}
        self._cluster.lifecycle().reuse({new: pods[old] for new, old in step.reuse})
        return {str(new): str(old) for new, old in step.reuse}

    def _apply(self, step: Step, manifests: str) -> RefusalResult | None:
        """Apply the step's manifests; what the API answered, if the step is about that."""
        if not manifests.strip():
            return None
        answer, outcome = "", Outcome.FAIL
        reason = "The API accepted it, though it must refuse it."
        try:
            self._cluster.apply(manifests)
        except RefusedError as refused:
            answer = str(refused)
            if not step.refused:
                # What the model refuses too was filled in wrong, with addresses of this cluster.
                if self._scenario.version_pinned or _is_malformed(manifests):
                    raise
                # Written for no version in particular, it may need one that this cluster isn't.
                raise UnsupportedError(f"This cluster's API refuses it: {answer}") from refused
            reason = "The API gave another reason."
            if step.refused in answer:
                outcome, reason = Outcome.PASS, "The API refused it as expected."
        if not step.refused:
            return None
        return RefusalResult(expected=step.refused, answer=answer, outcome=outcome, reason=reason)


def _is_malformed(manifests: str) -> bool:
    """Whether an API server of the latest version would refuse it, whatever else is there."""
    try:
        for _ in iter_decode(manifests):
            pass
    except ManifestError:
        return True
    return False
