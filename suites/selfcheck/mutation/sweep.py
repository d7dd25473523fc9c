"""Fills the mutation matrix: dry-runs what is new in it, and runs what only a run can show.

Mutants whose likeness in a scenario is the reference's are not noticed there, and of those that
are alike one is run for all (``dry_run``). A run that stays inconclusive is no kill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.scenario.types import Scenario

from ..mutants import MUTANTS
from .dry_run import DryRun, UnforeseenError
from .matrix import NOBODY, Column, MutationMatrix, Row, columns, digest
from .running import End, Pair, ends

Progress = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Group:
    """Mutants that cannot be told apart in a scenario, and so need one run."""

    scenario: Scenario
    mutants: tuple[str, ...]

    @property
    def pair(self) -> Pair:
        """The run; decisive where it tells of a mutant that the scenario owns."""
        owned = any(
            name in MUTANTS and MUTANTS[name].owner_path == self.scenario.path
            for name in self.mutants
        )
        return Pair(self.scenario, self.mutants[0], decisive=owned)


def sweep(
    matrix: MutationMatrix, corpus: Iterable[Scenario], on_progress: Progress
) -> MutationMatrix:
    """``matrix`` as of now: what neither scenario nor mutant has changed is kept as it is.

    If it is interrupted, the result has the rows that were finished.
    """
    now = columns()
    # Dry runs compute; nothing of this process is running yet, so that it may be forked.
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        plans = list(pool.map(partial(_Plan, matrix, now), corpus, chunksize=4))
    groups = [group for plan in plans for group in plan.groups]
    on_progress(
        f"{sum(map(len, (plan.new for plan in plans)))} pairs are new; {len(groups)} must be run"
    )
    results: dict[tuple[str, str], End] = {}

    def note(pair: Pair, end: End) -> None:
        results[pair.name] = end
        if len(results) % 100 == 0:
            on_progress(f"{len(results)} of {len(groups)} runs")

    try:
        ends((group.pair for group in groups), note)
    except KeyboardInterrupt:
        on_progress("interrupted: what was finished is kept")
    rows = {plan.path: plan.row(results) for plan in plans if plan.is_complete(results)}
    return MutationMatrix(now, rows)


class _Plan:
    """What is known of one scenario's row, and what must be run for the rest."""

    def __init__(
        self, matrix: MutationMatrix, now: Mapping[str, Column], scenario: Scenario
    ) -> None:
        self.path, self._digest = scenario.path, digest(scenario)
        row = matrix.scenarios.get(self.path, Row(""))
        self._row = row if row.digest == self._digest else Row("")
        before = {name: column.digest for name, column in matrix.mutants.items()}
        same = {name for name, column in now.items() if column.digest == before.get(name)}
        self._old = same if self._row.digest else set()
        self.new = tuple(name for name in now if name not in self._old)
        self.groups = tuple(grouped(scenario, self.new))

    def is_complete(self, results: Mapping[tuple[str, str], End]) -> bool:
        return all(group.pair.name in results for group in self.groups)

    def row(self, results: Mapping[tuple[str, str], End]) -> Row:
        def ended(outcome: Outcome, known: Iterable[str]) -> tuple[str, ...]:
            new = (
                name
                for group in self.groups
                if results[group.pair.name].outcome is outcome
                for name in group.mutants
            )
            return tuple(sorted({*new, *self._old.intersection(known)}))

        return Row(
            self._digest,
            ended(Outcome.FAIL, self._row.kills),
            ended(Outcome.INCONCLUSIVE, self._row.open),
        )


def grouped(scenario: Scenario, names: Iterable[str]) -> Iterator[Group]:
    """The runs that decide on ``names`` in ``scenario``: none for those like the reference."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    dry_run: DryRun | None = None
    for name in names:
        try:
            dry_run = dry_run or DryRun(scenario)
            likeness = dry_run.likeness(None if name == NOBODY else MUTANTS[name])
            if likeness != dry_run.reference:
                alike[likeness].append(name)
        except UnforeseenError:
            alike[f"only a run can show {name}"].append(name)
    for mutants in alike.values():
        yield Group(scenario, tuple(mutants))
