"""What is wrong with a corpus and its mutants, by the mutation matrix. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netpol_conformance.scenario.types import Scenario

from .matrix import MutationMatrix


def faults(matrix: MutationMatrix, corpus: Iterable[Scenario]) -> list[str]:
    """A sentence for each mutant that survives and each scenario that has no reason to be there."""
    scenarios = list(corpus)
    return [
        *(f"{name} survives: {reason}" for name, reason in survivors(matrix).items()),
        *(f"{path} notices no mutant at all" for path in idle(matrix)),
        *(
            f"{path} notices nothing that no other scenario notices: say neighbourOf, "
            "or write the mutant that it is there for"
            for path in redundant(matrix, scenarios)
        ),
        *strange_neighbours(matrix, scenarios),
    ]


def survivors(matrix: MutationMatrix) -> dict[str, str]:
    """The mutants that their owner doesn't notice, and why that is."""
    killed = {name for row in matrix.scenarios.values() for name in row.kills}
    told = {}
    for name, column in matrix.mutants.items():
        owner = matrix.scenarios.get(column.owner)
        if owner is None:
            told[name] = f"there is no {column.owner}"
        elif name not in owner.kills:
            others = "" if name in killed else ", nor does any other scenario"
            told[name] = f"{column.owner} doesn't notice it{others}"
    return told


def idle(matrix: MutationMatrix) -> list[str]:
    """The scenarios that notice nothing."""
    return [path for path, row in matrix.scenarios.items() if not row.kills]


def redundant(matrix: MutationMatrix, corpus: Iterable[Scenario]) -> list[str]:
    """The scenarios that could go without any mutant going unnoticed, and give no reason.

    Reasons are to own a mutant, and to be a neighbour; neighbours count for nothing themselves.
    """
    neighbours = {scenario.path for scenario in corpus if scenario.neighbour_of}
    owners = {column.owner for column in matrix.mutants.values()}
    rows = {path: row for path, row in matrix.scenarios.items() if path not in neighbours}
    times = Counter(name for row in rows.values() for name in row.kills)
    return [
        path
        for path, row in rows.items()
        if path not in owners and row.kills and min(times[name] for name in row.kills) > 1
    ]


def strange_neighbours(matrix: MutationMatrix, corpus: Iterable[Scenario]) -> Iterator[str]:
    """Neighbours of scenarios with which they have no mutant in common."""
    kills = {path: set(row.kills) for path, row in matrix.scenarios.items()}
    for scenario in corpus:
        other = scenario.neighbour_of
        if other and not kills.get(scenario.path, set()) & kills.get(other, set()):
            yield f"{scenario.path} and its neighbour {other} notice no mutant in common"
