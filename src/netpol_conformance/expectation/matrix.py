"""What each cell of a step must show, and why: the oracle's answer, checked against the author."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address

from netpol_conformance.model.objects import ClusterState
from netpol_conformance.oracle.decision import (
    Answer,
    Connection,
    Decision,
    End,
    OutsideAddress,
)
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import Flow, Path, PathError, Seen, path
from netpol_conformance.scenario.types import (
    CellKey,
    Expectation,
    OutsideSpec,
    Scenario,
    Step,
)

_WORDS = {
    Answer.ALLOWED: Expectation.CONNECTED,
    Answer.DENIED: Expectation.BLOCKED,
    Answer.UNSPECIFIED: Expectation.UNSPECIFIED,
}


class DoubleEntryError(Exception):
    """The author and the oracle disagree: an error in the corpus, or in the oracle."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a cell must show; ``stated`` if the author wrote it.

    ``decided_by`` are the policies' fields that decided, as (policy, field, reason).
    """

    expectation: Expectation
    explanation: str
    rules: tuple[str, ...]
    decided_by: tuple[tuple[str, str, str], ...] = ()
    stated: bool = False


def expected_matrix(state: ClusterState, scenario: Scenario, step: Step) -> dict[CellKey, Expected]:
    """Every cell of the step and what it must show; raises DoubleEntryError, PathError."""
    oracle, stated = Oracle(state), dict(step.expected)
    matrix = {}
    for cell in cells(scenario, step, state):
        entry = expect(oracle, path(state, scenario, cell))
        if cell in stated and stated[cell] is not entry.expectation:
            raise DoubleEntryError(disagreement(step, cell, stated[cell], entry))
        matrix[cell] = replace(entry, stated=cell in stated)
    return matrix


def expected_throughout(
    states: Sequence[ClusterState], scenario: Scenario, step: Step
) -> dict[CellKey, Expected]:
    """What the step's cells must show at every moment, explained by the last of ``states``.

    Raises DoubleEntryError if the specification says otherwise of any state that has the cell.
    """
    matrix = {}
    for cell, stated in step.meanwhile:
        for state in states:
            with suppress(PathError):  # a pod that this step creates
                entry = expect(_oracle(state), path(state, scenario, cell))
                if entry.expectation is not stated:
                    raise DoubleEntryError(disagreement(step, cell, stated, entry))
                matrix[cell] = replace(entry, stated=True)
    return matrix


def expectation(state: ClusterState, scenario: Scenario, cell: CellKey) -> Expectation:
    """What one cell must show in ``state``, as corpus lint asks; raises PathError."""
    return expect(_oracle(state), path(state, scenario, cell)).expectation


@lru_cache(maxsize=8)
def _oracle(state: ClusterState) -> Oracle:
    """An oracle is asked of many cells of one state, one after the other."""
    return Oracle(state)


def open_cells(state: ClusterState, scenario: Scenario) -> list[CellKey]:
    """All cells of any step that exist in ``state`` and are allowed there: fit for a control."""
    oracle = Oracle(state)
    asked = dict.fromkeys(cell for step in scenario.steps for cell in cells(scenario, step, state))
    opened = []
    for cell in asked:
        with suppress(PathError):
            if expect(oracle, path(state, scenario, cell)).expectation is Expectation.CONNECTED:
                opened.append(cell)
    return opened


def expect(oracle: Oracle, found: Path) -> Expected:
    """What the specification says of a path.

    All that may happen must agree, else it depends on what the specification leaves open. A name
    that is not resolved comes before any connection (S43).
    """
    lookups = _decisions(oracle, found.lookup, found.family)
    resolved = common_answer(lookups)
    if lookups and resolved is not Answer.ALLOWED:
        word = Expectation.UNRESOLVED if resolved is Answer.DENIED else Expectation.UNSPECIFIED
        return _explained(word, lookups, "The name is looked up first (S43): ")
    decisions = _decisions(oracle, found.flows, found.family)
    return _explained(_WORDS[common_answer(decisions)], decisions)


def disagreement(step: Step, cell: CellKey, stated: Expectation, entry: Expected) -> str:
    """A double-entry error in a sentence."""
    return (
        f'Step "{step.title}": {cell} is written as {stated.value}, '
        f"but the specification says {entry.expectation.value}: {entry.explanation}"
    )


def connections(flows: Sequence[Flow], family: int) -> list[Connection]:
    """Flows as the oracle is asked of them."""
    return [
        Connection(
            _end(flow.source, family),
            _end(flow.destination, family),
            flow.port,
            flow.protocol,
            family,
        )
        for flow in flows
    ]


def _decisions(oracle: Oracle, flows: Sequence[Flow], family: int) -> list[Decision]:
    return [oracle.decide(connection) for connection in connections(flows, family)]


def _end(end: Seen, family: int) -> End:
    if not isinstance(end, OutsideSpec):
        return end
    addresses = [ip_address(text) for text in end.addresses]
    return OutsideAddress(next(ip for ip in addresses if ip.version == family), end.name)


def common_answer(decisions: Sequence[Decision]) -> Answer:
    """What all of ``decisions`` say; UNSPECIFIED where they differ, or there are none."""
    answers = {decision.answer for decision in decisions}
    return answers.pop() if len(answers) == 1 else Answer.UNSPECIFIED


def _explained(word: Expectation, decisions: Sequence[Decision], prefix: str = "") -> Expected:
    explanations = dict.fromkeys(decision.explanation for decision in decisions)
    explanation = (
        prefix + " ".join(explanations) if explanations else "No server is there to answer."
    )
    rules = dict.fromkeys(rule for decision in decisions for rule in decision.rules)
    fields = dict.fromkeys(field for decision in decisions for field in _fields(decision))
    return Expected(word, explanation, tuple(rules), tuple(fields))


def _fields(decision: Decision) -> list[tuple[str, str, str]]:
    """The policies' fields that decided: the matches that allow, or the nearest misses."""
    fields = []
    for side in (decision.egress, decision.ingress):
        if side.answer is not decision.answer:
            continue
        fields += [(match.policy, match.field, "") for match in side.allowed_by]
        if side.nearest_miss is not None:
            miss = side.nearest_miss
            fields.append((miss.policy, miss.field, miss.reason))
    return fields
