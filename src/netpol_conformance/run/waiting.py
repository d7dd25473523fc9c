"""How long each step of a scenario is waited for, and what a wait that was cut short may say.

A step is waited for as long as its changes may take. Once a step has failed after its whole wait,
the scenario has failed, and its later steps are waited for briefly; so are, in all scenarios, kinds
of cells for which the run's patience is over. Neither may make a FAIL of what is only slow.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from netpol_conformance.expectation.matrix import Expected
from netpol_conformance.judge.cell import Judgement, all_connected
from netpol_conformance.judge.declared import excuse
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import ClusterState
from netpol_conformance.plugins.types import Declared
from netpol_conformance.run.patience import ENOUGH, Kind, Patience, kind_of
from netpol_conformance.run.rounds import Controls
from netpol_conformance.run.settle import Settled
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import CellKey, Expectation, Step


@dataclass(frozen=True, slots=True)
class Cut:
    """A cell's wait that was cut short, and why; ``conclusive`` if more would have shown no more.

    What is wrong after one that is not may only be slow.
    """

    reason: str
    conclusive: bool

    def qualify(self, judgement: Judgement) -> Judgement:
        """What ``judgement`` of the cell comes to: a failure says it, or is none yet."""
        if judgement.outcome is not Outcome.FAIL:
            return judgement
        outcome = Outcome.FAIL if self.conclusive else Outcome.INCONCLUSIVE
        reason = f"{judgement.reason} {self.reason}"
        return replace(judgement, outcome=outcome, reason=reason)


@dataclass(frozen=True)
class Wait:
    """Of step ``index``: ``whole`` and ``brief`` are when it ends (monotonic seconds)."""

    index: int
    expected: Mapping[CellKey, Expected]
    whole: float
    brief: float
    patience: Patience
    failed_before: bool

    def until(self, wrong: Collection[CellKey]) -> float:
        """When to wait no longer while these cells are not as expected; asked again and again,
        since other scenarios may end the patience meanwhile.
        """
        kinds = set(map(self.kind, wrong))
        over = self.failed_before or all(map(self.patience.is_over, kinds))
        return self.brief if over else self.whole

    def kind(self, cell: CellKey) -> Kind:
        """The kind that the cell is of."""
        return kind_of(cell, self.expected[cell])


class ScenarioWaits:
    """The waits of one attempt at the scenario of this ``path``, by ``timeouts``.

    ``patience`` is the run's. Failures that are ``declared`` end nobody's patience: the scenario
    may still fail by its later steps. ``within`` are the seconds in which each step must be in
    force, None if nobody demands any.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        patience: Patience | None = None,
        path: str = "",
        declared: Declared | None = None,
        within: float | None = None,
    ) -> None:
        self.within = within
        self._timeouts = timeouts
        self._patience = patience or Patience()
        self._path = path
        self._declared = declared or Declared("")
        self._labels_until = 0.0
        self._failed_step = 0
        self._in_vain: dict[CellKey, Expectation] = {}
        self._denied: set[CellKey] = set()

    def relabelled(self) -> None:
        """Pods, namespaces or their labels have just changed."""
        self._labels_until = time.monotonic() + self._timeouts.labels

    def wait(self, index: int, expected: Mapping[CellKey, Expected]) -> Wait:
        """For step ``index`` (from 1), whose changes have just been made, to be as ``expected``."""
        now = time.monotonic()
        whole = max(now + self._timeouts.enforce, self._labels_until)
        brief = min(now + self._timeouts.brief, whole)
        return Wait(index, expected, whole, brief, self._patience, bool(self._failed_step))

    @property
    def closing(self) -> float:
        """Seconds for the policies' removal to be in force."""
        timeouts = self._timeouts
        return min(timeouts.brief, timeouts.enforce) if self._failed_step else timeouts.enforce

    def learn(
        self,
        wait: Wait,
        settled: Settled,
        judgements: Mapping[CellKey, Judgement],
        controls: Controls,
        *,
        reused: bool,
    ) -> dict[CellKey, Cut]:
        """Draw the conclusions from what came of ``wait``: ``settled``, and ``judgements`` of the
        cells that were wrong to the last. Returns those whose wait was cut short.

        In namespaces that are ``reused`` a failure shows nothing yet: it is tried again. Where no
        wait can be shorter than it is, nobody's patience ends.
        """
        came = Counter(map(wait.kind, self._came(wait, settled, controls)))
        wrong = Counter(map(wait.kind, judgements))
        # A busy machine may lose all probes of one cell, but hardly those of most.
        self._patience.came([kind for kind in came if came[kind] > wrong[kind]], self._path)
        if time.monotonic() < wait.whole:
            return {cell: self._cut(wait, cell) for cell in judgements}
        failed = [cell for cell, found in judgements.items() if self._fails(wait, cell, found)]
        if failed:
            self._failed_step = self._failed_step or wait.index
            self._in_vain.update({cell: wait.expected[cell].expectation for cell in failed})
            if not reused and wait.brief < wait.whole:
                self._patience.in_vain(map(wait.kind, failed), self._path)
        return {}

    def _came(self, wait: Wait, settled: Settled, controls: Controls) -> Iterator[CellKey]:
        """The cells that are as expected, and were seen not to be so before."""
        full = [look for look in settled.rounds if not look.confirms]
        for cell, look in full[-1].cells.items() if full else ():
            expected = wait.expected[cell].expectation
            if not look.is_as(expected):
                continue
            if expected is Expectation.CONNECTED:
                if cell in self._denied:
                    yield cell
            elif expected is not Expectation.UNSPECIFIED and all_connected(controls.of(cell)):
                self._denied.add(cell)
                yield cell

    def _fails(self, wait: Wait, cell: CellKey, judgement: Judgement) -> bool:
        failed = judgement.outcome is Outcome.FAIL
        return failed and excuse(self._declared, wait.index, str(cell)) is None

    def _cut(self, wait: Wait, cell: CellKey) -> Cut:
        entry = wait.expected[cell]
        kind, only = wait.kind(cell), f"It was waited for {self._timeouts.brief:g} s only"
        if self._patience.is_over(kind):
            why = f"{ENOUGH} scenarios had waited in vain for {kind}, and none has seen any"
            return Cut(f"{only}: {why}.", conclusive=True)
        if self._in_vain.get(cell) is entry.expectation:
            why = f"since step {self._failed_step} the same has been waited for in vain"
            return Cut(f"{only}: {why}.", conclusive=True)
        why = f" since step {self._failed_step} failed" if self._failed_step else ""
        return Cut(f"{only}{why}, so it may just be slow.", conclusive=False)


def relabels(step: Step, before: ClusterState, after: ClusterState) -> bool:
    """Whether ``step``, which led from ``before`` to ``after``, changed more than policies and
    Services: pods or namespaces that came, went or ended, their labels, whose an address is, or
    that the enforcer must learn all of it anew.
    """
    deleted = any(key.kind in ("Pod", "Namespace") for key in step.delete)
    told = deleted or bool(step.finish or step.reuse or step.enforcer)
    return told or _labelled(before) != _labelled(after)


def _labelled(state: ClusterState) -> set[object]:
    pods = {(pod.key, frozenset(pod.labels.items()), pod.ips, pod.finished) for pod in state.pods}
    return {*pods, *((space.key, frozenset(space.labels.items())) for space in state.namespaces)}
