"""A scenario as plain text: its steps, what they apply, and who must and must not connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent

from netpol_conformance.expectation.matrix import Expected, expected_matrix
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import CellKey, Scenario, Step


def show_scenario(scenario: Scenario) -> str:
    """Many lines for a terminal; raises DoubleEntryError where author and oracle disagree."""
    documented = scenario.documented
    head = [
        scenario.path,
        scenario.title,
        f"{documented.where}, {documented.section} {documented.link}".rstrip(),
        f"rules {' '.join(scenario.rules)}; covers {' '.join(scenario.covers)}",
    ]
    parts = ["\n".join(head), scenario.about]
    for index, step in enumerate(scenario.steps):
        parts.append(f"{index + 1}. {step.title}")
        parts.append("\n".join(_happenings(step)))
        parts.append(indent(step.apply.rstrip(), "   "))
        if step.refused:
            parts.append(f"   The API refuses it: {step.refused}")
        matrix = expected_matrix(state_in_force(scenario, index), scenario, step)
        parts.append("\n".join([*_lines(matrix), *_lasting(step)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _happenings(step: Step) -> Iterator[str]:
    """What happens before anything is applied."""
    if step.enforcer is not None:
        yield f"   The enforcer is {step.enforcer}."
    yield from (f"   finish {key}" for key in step.finish)
    yield from (f"   {new} gets the address of {old}" for new, old in step.reuse)
    yield from (f"   delete {key}" for key in step.delete)


def _lasting(step: Step) -> Iterator[str]:
    """What lasts from before the changes until after them."""
    yield from (f"   {cell}: {word.value} at every moment" for cell, word in step.meanwhile)
    yield from (f"   {cell}: a connection is held open" for cell in step.held)


def _lines(matrix: Mapping[CellKey, Expected]) -> Iterator[str]:
    for cell, entry in matrix.items():
        if entry.stated:
            yield f"   {cell}: {entry.expectation.value}"
            yield f"      {entry.explanation}"
