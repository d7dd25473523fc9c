"""Checks of the corpus as a whole: what a loader that sees one file, and no oracle, cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise

from netpol_conformance.model.objects import ClusterState, Pod, SourceKind
from netpol_conformance.scenario.catalogue import LINES, RULES, UNLINKED_DOCUMENTS
from netpol_conformance.scenario.errors import Problem, did_you_mean, dotted
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import PathError, Seen, path
from netpol_conformance.scenario.planning import passing_states, state_in_force
from netpol_conformance.scenario.types import (
    CellKey,
    Expectation,
    OutsideSpec,
    Scenario,
    SourceRef,
    Step,
)

Expect = Callable[[ClusterState, Scenario, CellKey], Expectation]
"""An oracle's say on one cell; handed in, for this package knows none."""
Needs = Callable[[Scenario], Mapping[str, str]]
"""The features that a scenario is seen to need, each with what shows it."""
Matrix = dict[CellKey, Expectation]


def lint(scenarios: Iterable[Scenario], expect: Expect, needs: Needs) -> list[Problem]:
    """Everything wrong with these scenarios, file by file; empty for a sound corpus.

    Found are: a stated cell that ``expect`` contradicts (double entry), a workload that no
    expectation speaks of, an unknown S-number or line of the catalogue, a missing link, a step
    that changes no cell without saying why (or says so and changes one), a feature that is needed
    and not declared (or declared and not needed), and a title used twice.
    """
    corpus = list(scenarios)
    findings = [finding for scenario in corpus for finding in _of_one(scenario, expect, needs)]
    findings += [*_unused_workloads(corpus), *_double_titles(corpus)]
    return list(dict.fromkeys(findings))  # what cases have in common is wrong once


def contradictions(scenarios: Iterable[Scenario], expect: Expect) -> list[Problem]:
    """The stated cells that ``expect`` contradicts (double entry): with one, nothing may start."""
    return [
        finding
        for scenario in scenarios
        for finding in _double_entry(scenario, _states(scenario), expect)
    ]


def uncovered(
    scenarios: Iterable[Scenario], lines: Collection[str] = tuple(LINES)
) -> dict[str, str]:
    """The lines of the catalogue that no scenario covers, with their titles."""
    covered = {line for scenario in scenarios for line in scenario.covers}
    return {line: LINES[line] for line in lines if line not in covered}


def _of_one(scenario: Scenario, expect: Expect, needs: Needs) -> Iterator[Problem]:
    yield from _unknown_numbers(scenario)
    yield from _features(scenario, needs(scenario))
    states = _states(scenario)
    matrices = [
        {cell: expect(state, scenario, cell) for cell in cells(scenario, step, state)}
        for step, state in zip(scenario.steps, states, strict=True)
    ]
    yield from _double_entry(scenario, states, expect)
    yield from _unchanged_steps(scenario, matrices)


def _states(scenario: Scenario) -> list[ClusterState]:
    """The cluster after each step."""
    return [state_in_force(scenario, index) for index in range(len(scenario.steps))]


def _unknown_numbers(scenario: Scenario) -> Iterator[Problem]:
    for rule in scenario.rules:
        if rule not in RULES:
            yield _finding(
                scenario, "rules", f'no rule has the number "{rule}"', did_you_mean(rule, RULES)
            )
    for line in scenario.covers:
        if line not in LINES:
            yield _finding(
                scenario, "covers", f'the catalogue has no line "{line}"', did_you_mean(line, LINES)
            )
    documented = scenario.documented
    if not documented.link and documented.where not in UNLINKED_DOCUMENTS:
        yield _finding(scenario, "documented", "has no link", "add link: https://...")


def _features(scenario: Scenario, needed: Mapping[str, str]) -> Iterator[Problem]:
    """Whether the scenario declares the features that it needs, and no others."""
    for feature, shown in needed.items():
        if feature not in scenario.features:
            declared = ", ".join(sorted({*scenario.features, feature}))
            reason = f"{feature} is needed, for {shown}"
            yield _finding(scenario, "features", reason, f"declare it: features: [{declared}]")
    for feature in scenario.features:
        if feature not in needed:
            reason = f"{feature} is declared, but nothing here needs it"
            yield _finding(scenario, "features", reason, "leave it out")


def _unused_workloads(corpus: list[Scenario]) -> Iterator[Problem]:
    """A pod or host at neither end of any stated cell, of no case of its file, shows nothing."""
    used = {
        (scenario.file, scenario.lines.get(end))
        for scenario in corpus
        for step, state in zip(scenario.steps, _states(scenario), strict=True)
        for cell, _ in step.expected
        for flow in path(state, scenario, cell).flows
        for end in (_field(flow.source), _field(flow.destination))
    }
    for scenario in corpus:
        for field, line in scenario.lines.items():
            if "." in field and (scenario.file, line) not in used:
                hint = "state a cell of it, or remove it"
                yield Problem(scenario.file, line, field, "no expectation speaks of it", hint)


def _field(end: Seen) -> str:
    """Where an end is declared in the file."""
    if isinstance(end, Pod):
        return f"pods.{SourceRef(SourceKind.POD, end.namespace, end.name)}"
    return f"outside.{end.name}" if isinstance(end, OutsideSpec) else ""


def _double_entry(
    scenario: Scenario, states: list[ClusterState], expect: Expect
) -> Iterator[Problem]:
    for number, (step, state) in enumerate(zip(scenario.steps, states, strict=True)):
        for (cell, stated), line in zip(step.expected, step.expected_lines, strict=True):
            computed = expect(state, scenario, cell)
            if computed is not stated:
                reason = f"{cell} is stated as {stated}, but the specification says {computed}"
                yield Problem(scenario.file, line, f"{_step(scenario, number)}.expect", reason)
        yield from _double_entry_throughout(scenario, number, step, expect)


def _double_entry_throughout(
    scenario: Scenario, number: int, step: Step, expect: Expect
) -> Iterator[Problem]:
    """A cell stated to hold throughout a step must be what the specification says of every state in
    it.
    """
    states = passing_states(scenario, number) if step.meanwhile else []
    for (cell, stated), line in zip(step.meanwhile, step.continuous_lines, strict=True):
        for state in states:
            with suppress(PathError):  # an end that comes or goes in this step
                computed = expect(state, scenario, cell)
                if computed is not stated:
                    reason = f"{cell} must always be {stated}, but may be {computed} at a moment"
                    yield Problem(
                        scenario.file, line, f"{_step(scenario, number)}.meanwhile", reason
                    )
                    break


def _unchanged_steps(scenario: Scenario, matrices: list[Matrix]) -> Iterator[Problem]:
    numbered = zip(scenario.steps[1:], pairwise(matrices), strict=True)
    for number, (step, (before, now)) in enumerate(numbered, 1):
        where = _step(scenario, number)
        continuous = step.enforcer is not None or bool(step.meanwhile)  # that is what it is about
        if before == now and not (step.same_because or step.refused or continuous):
            reason = "every cell is expected as in the step before"
            yield Problem(scenario.file, step.line, where, reason, "say why: unchanged: ...")
        if before != now and step.same_because:
            changed = next(cell for cell in now if before.get(cell) != now[cell])
            reason = f"says it is unchanged, but {changed} becomes {now[changed]}"
            yield Problem(scenario.file, step.line, where, reason)


def _double_titles(corpus: list[Scenario]) -> Iterator[Problem]:
    titles = Counter(scenario.title for scenario in corpus)
    for scenario in corpus:
        if titles[scenario.title] > 1:
            yield _finding(scenario, "title", f'another scenario is titled "{scenario.title}" too')


def _step(scenario: Scenario, number: int) -> str:
    """Where a step is declared in the file."""
    above = ("cases", scenario.case) if scenario.case else ()
    return dotted((*above, "steps", number))


def _finding(scenario: Scenario, field: str, reason: str, suggestion: str = "") -> Problem:
    return Problem(scenario.file, scenario.lines.get(field, 1), field, reason, suggestion)


def lost_neighbours(scenarios: Iterable[Scenario]) -> list[Problem]:
    """The neighbours, in a whole corpus, of what is not there or is itself somebody's neighbour."""
    corpus = {scenario.path: scenario for scenario in scenarios}
    problems = []
    for scenario in corpus.values():
        if not (other := scenario.neighbour_of):
            continue
        line = scenario.lines.get("neighbourOf", 1)
        if other not in corpus:
            reason, hint = f'there is no scenario "{other}"', did_you_mean(other, corpus)
        elif other == scenario.path:
            reason, hint = "names the scenario itself", ""
        elif beyond := corpus[other].neighbour_of:
            reason, hint = f"{other} is a neighbour itself", f"name the same as it: {beyond}"
        else:
            continue
        problems.append(Problem(scenario.file, line, "neighbourOf", reason, hint))
    return list(dict.fromkeys(problems))  # what cases have in common is wrong once
