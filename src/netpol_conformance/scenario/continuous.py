"""Which cells can be asked all through a change, ``meanwhile`` or over ``held`` connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netpol_conformance.model.objects import ClusterState, Pod, Protocol
from netpol_conformance.scenario.paths import End, PathError, find_source, path
from netpol_conformance.scenario.types import CellKey, Scenario, Step

ContinuousKind = Literal["meanwhile", "held"]


@dataclass(frozen=True, slots=True)
class Moment:
    """The cluster before a step's changes, and after them."""

    before: ClusterState
    after: ClusterState


def obstacles(
    scenario: Scenario, step: Step, cell: CellKey, moment: Moment, kind: ContinuousKind
) -> Iterator[str]:
    """Why ``cell``, which exists when it is first asked, cannot be asked all through ``step``."""
    if cell.destination.named:
        yield "a name is not looked up again and again; write clusterip/ or outside/ for it"
    if cell.destination.protocol is Protocol.SCTP:
        yield "SCTP is asked by single packets, not all the time"
    known = {pod.key for pod in moment.before.pods}
    state = moment.before if kind == "held" else moment.after
    for flow in path(state, scenario, cell).flows:
        server = flow.destination
        if _ends(step, server) or (isinstance(server, Pod) and server.key not in known):
            yield "its server is not there all the time"
    if kind == "held" and _ends(step, find_source(state, scenario, cell.source)):
        yield "its client is not there all the time"
    if step.enforcer is not None and not _is_there(scenario, cell, moment.before):
        yield "what a new pod may do while the enforcer is away is left open"


def _ends(step: Step, end: End) -> bool:
    return isinstance(end, Pod) and end.key in (*step.finish, *step.delete)


def _is_there(scenario: Scenario, cell: CellKey, state: ClusterState) -> bool:
    try:
        find_source(state, scenario, cell.source)
    except PathError:
        return False
    return True
