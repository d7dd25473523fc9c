"""A disagreement as a scenario ready to commit: the control first, the disagreement last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netpol_conformance.expectation.matrix import expect, expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.fuzz.asking import Disagreement
from netpol_conformance.fuzz.cases import Case, scenario_of
from netpol_conformance.model.objects import Namespace, SourceKind
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.scenario.catalogue import FUZZ
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import path
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import (
    CellKey,
    Documented,
    Expectation,
    Scenario,
    Step,
    Via,
)
from netpol_conformance.scenario.writing import write

_LEADS_UP = "It leads up to a later step."
_SHOWS = "Nobody's answer may change."


def as_text(case: Case, wrong: tuple[Disagreement, ...], seed: int, implementation: str) -> str:
    """The scenario file of what ``wrong`` shows, for a case that ends where it disagrees.

    Stated is who reaches the destination of one of the cells, at every step.
    """
    shown = min(wrong, key=lambda one: one.cell.destination.via is not Via.POD)
    case = replace(case, changes=case.changes[: shown.index])
    bare = scenario_of(_without_idle_namespaces(case), f"fuzz-{seed}.yaml")
    steps = tuple(_stated(bare, shown.cell))
    named = {name for step in steps for cell, _ in step.expected for name in _hosts(cell)}
    scenario = replace(
        bare,
        outside=tuple(host for host in bare.outside if host.name in named),
        title=f"{_sentence(shown.cell, shown.expected)} (seed {seed})",
        rules=_rules(bare, shown.cell),
        documented=Documented(FUZZ, f"seed {seed}"),
        about=_about(shown, seed, implementation),
        steps=steps,
    )
    loaded = load(write(scenario), bare.path)
    return write(
        replace(
            scenario,
            features=tuple(sorted(needed_features(loaded))),
            steps=tuple(_excused(scenario, loaded)),
        )
    )


def can_be_stated(case: Case, wrong: tuple[Disagreement, ...]) -> bool:
    """Whether there is such a scenario: a step at which nobody is left to ask can state nothing."""
    try:
        as_text(case, wrong, 0, "")
    except (ScenarioError, LookupError):
        return False
    return True


def _without_idle_namespaces(case: Case) -> Case:
    """A namespace in which nothing ever is says nothing."""
    used = {item.key.namespace for item in case.ever}

    return case.with_each(
        lambda item: item if not isinstance(item, Namespace) or item.name in used else None
    )


def _hosts(cell: CellKey) -> Iterator[str]:
    """The names of a cell's ends that are outside."""
    if cell.source.kind == SourceKind.OUTSIDE:
        yield cell.source.name
    if cell.destination.via is Via.OUTSIDE:
        yield cell.destination.name


def _sentence(cell: CellKey, expected: Expectation) -> str:
    source, destination = cell.source, cell.destination
    if expected is Expectation.CONNECTED:
        return f"{source} reaches {destination}"
    if expected is Expectation.UNRESOLVED:
        return f"{source} cannot look up {destination}"
    return f"{source} does not reach {destination}"


def _about(shown: Disagreement, seed: int, implementation: str) -> str:
    return (
        f"Found by `{FUZZ} --seed {seed}`. In the last step, with the enforcer {implementation}:\n"
        f"{shown.cell}, {shown.seen.verdict.value}."
    )


def _rules(scenario: Scenario, cell: CellKey) -> tuple[str, ...]:
    state = state_in_force(scenario, len(scenario.steps) - 1)
    cited = expect(Oracle(state), path(state, scenario, cell)).rules
    return tuple(sorted(cited, key=lambda rule: int(rule[1:])))


def _stated(scenario: Scenario, shown: CellKey) -> Iterator[Step]:
    """The steps, each with all that is known of one destination."""
    last = len(scenario.steps) - 1
    for index, step in enumerate(scenario.steps):
        state = state_in_force(scenario, index)
        row = _row(cells(scenario, step, state), shown, complete=index == last)
        words = tuple((cell, expectation(state, scenario, cell)) for cell in row)
        title = step.title
        if not index and all(word is Expectation.CONNECTED for _, word in words):
            title = f"Before any policy everyone reaches {words[0][0].destination}"
        yield replace(step, title=title, expected=words)


def _row(there: Sequence[CellKey], shown: CellKey, *, complete: bool) -> list[CellKey]:
    """Who asks the destination that is shown, or, while it is not there, the first that is.

    ``complete`` is whether the cell that is shown must be among them.
    """
    destinations = [cell.destination for cell in there]
    asked = shown.destination if shown.destination in destinations or complete else destinations[0]
    row = [cell for cell in there if cell.destination == asked]
    row = [cell for cell in row if cell.source.kind != SourceKind.NODE or cell == shown]
    return row if shown in row or not complete else [*row, shown]


def _excused(scenario: Scenario, loaded: Scenario) -> Iterator[Step]:
    """The steps, each that changes no cell with a reason."""
    before: dict[CellKey, Expectation] | None = None
    for index, step in enumerate(loaded.steps):
        state = state_in_force(loaded, index)
        now = {cell: expectation(state, loaded, cell) for cell in cells(loaded, step, state)}
        same = before == now
        last = index == len(loaded.steps) - 1
        reason = (_SHOWS if last else _LEADS_UP) if same else ""
        yield replace(scenario.steps[index], same_because=reason)
        before = now
