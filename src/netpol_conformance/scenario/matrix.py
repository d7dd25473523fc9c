"""Which cells a step's matrix has: who asks whom, for every step alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netpol_conformance.model.objects import ClusterState, Pod, SourceKind
from netpol_conformance.scenario.paths import Path, PathError, has_family, path
from netpol_conformance.scenario.types import (
    CellKey,
    Destination,
    Scenario,
    SourceRef,
    Step,
    Via,
)

INSIDE_ONLY = frozenset({Via.SERVICE, Via.CLUSTER_IP, Via.OUTSIDE_NAME})
"""Ways that only a pod can take: cluster DNS and cluster addresses lead nowhere from outside."""


def cells(scenario: Scenario, step: Step, state: ClusterState) -> tuple[CellKey, ...]:
    """The cells of ``step``, whose objects ``state`` holds; destination by destination.

    Every source is paired with every destination, except: an end that does not exist in this
    state or lacks the address family; a Service without a ready backend; a source that may be
    its own server (S5, S42); a pair without a pod at either end; and cluster names and addresses
    from outside. What the author states is a cell all the same.
    """
    stated = {cell for cell, _ in step.expected}
    pairs = (
        CellKey(source, destination)
        for destination in scenario.destinations
        for source in scenario.sources
    )
    return tuple(cell for cell in pairs if cell in stated or is_cell(scenario, state, cell))


def everyone_else(
    scenario: Scenario, state: ClusterState, destination: Destination, named: Iterable[SourceRef]
) -> Iterator[CellKey]:
    """What ``"*"`` means: the cells of ``destination`` whose sources are not ``named``."""
    others = [source for source in scenario.sources if source not in set(named)]
    for source in others:
        cell = CellKey(source, destination)
        if is_cell(scenario, state, cell):
            yield cell


def is_cell(scenario: Scenario, state: ClusterState, cell: CellKey) -> bool:
    """Whether the pair belongs to the matrix without being stated."""
    if cell.source.kind != SourceKind.POD and cell.destination.via in INSIDE_ONLY:
        return False
    try:
        found = path(state, scenario, cell)
    except PathError:
        return False
    return bool(found.flows) and not found.to_itself and _between_pods(found)


def _between_pods(found: Path) -> bool:
    """A pod at one end at least, and both ends with an address of the family."""
    return all(
        (isinstance(flow.source, Pod) or isinstance(flow.destination, Pod))
        and has_family(flow.source, found.family)
        and has_family(flow.destination, found.family)
        for flow in found.flows
    )
