"""Which cells of the catalogue a network that lacks something does not carry, and runs on one.

Said again from what a cell is, not from the rules that the network has: the two must agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import NamedTuple

from netpol_conformance.clusters.embedded.driver import EmbeddedDriver
from netpol_conformance.clusters.embedded.lacks import Lack, Manner, Way
from netpol_conformance.clusters.options import Options
from netpol_conformance.model.objects import ClusterState, Node, Pod, Protocol
from netpol_conformance.run.events import AnyCell, Event, ScenarioFinished, StepFinished
from netpol_conformance.run.session import Session, Setting
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import (
    SERVICE_WAYS,
    End,
    PathError,
    find_service,
    find_source,
    path,
)
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import CellKey, Scenario, Via

from ..corpus import BY_PATH

LACKS = (
    *(Lack(way) for way in Way if way not in (Way.ANY, Way.OUTSIDE_TO_NODE)),
    *(Lack(protocol=protocol) for protocol in Protocol),
    Lack(family=6),
    Lack(Way.OTHER_NODE, nodes=("node-1", "node-2")),
    Lack(Way.OTHER_NODE, nodes=("node-2", "node-1")),
    Lack(Way.HAIRPIN, manner=Manner.RESET),
    Lack(Way.OUTSIDE_TO_POD, manner=Manner.HOST_UNREACHABLE),
    Lack(Way.POD_TO_OUTSIDE, manner=Manner.NO_ROUTE),
    Lack(Way.NODE_PORT_ELSEWHERE, manner=Manner.RESET),
    Lack(Way.OTHER_NODE, Protocol.UDP, manner=Manner.RESET),
)
"""The networks that the catalogue is run on: one for each of these. No scenario asks nodes from
outside.
"""
QUICK = Timeouts(network=1.0, enforce=0.5, confirm=1.5)
"""What is not carried never comes, and what is enforced is so at once on the embedded cluster."""


class Carried(Enum):
    """Whether a network carries a cell. A Service's backends may be on both sides of a lack."""

    ALWAYS = "always"
    AT_TIMES = "at times"
    NEVER = "never"


class Route(NamedTuple):
    """What a connection to one of a cell's servers takes, and the nodes of its ends."""

    ways: frozenset[Way]
    nodes: tuple[str, str]


class Asked(NamedTuple):
    """A cell of a step (counted from 1), and where its connections may go."""

    step: int
    cell: CellKey
    routes: frozenset[Route]

    def carried(self, lack: Lack) -> Carried:
        """Whether a network that lacks this carries it."""
        wanted = self.cell.destination
        if lack.protocol not in (None, wanted.protocol) or lack.family not in (None, wanted.family):
            return Carried.ALWAYS
        lost = [
            (lack.way is Way.ANY or lack.way in route.ways) and lack.nodes in (None, route.nodes)
            for route in self.routes
        ]
        if not any(lost):
            return Carried.ALWAYS
        return Carried.NEVER if all(lost) else Carried.AT_TIMES


@cache
def asked(scenario: str) -> tuple[Asked, ...]:
    """Every cell of the scenario at this path, step by step."""
    found, of = [], BY_PATH[scenario]
    for index, step in enumerate(of.steps):
        state = state_in_force(of, index)
        matrix = [*cells(of, step, state), *(cell for cell, _ in step.meanwhile), *step.held]
        for cell in dict.fromkeys(matrix):
            with suppress(PathError):  # an end that is gone by the end of the step
                found.append(Asked(index + 1, cell, frozenset(_routes(state, of, cell))))
    return tuple(found)


def _routes(state: ClusterState, scenario: Scenario, cell: CellKey) -> Iterator[Route]:
    source = find_source(state, scenario, cell.source)
    for flow in path(state, scenario, cell).flows:
        server = flow.destination
        # To the client another node's port may look like that node's own: there is no server.
        if cell.destination.via is not Via.NODE_PORT or not isinstance(server, Node):
            ways = {*_dialled(state, cell, source, server), *_walked(cell, source, server)}
            yield Route(frozenset(ways), (_node(source), _node(server)))


def _dialled(state: ClusterState, cell: CellKey, source: End, server: End) -> Iterator[Way]:
    """The ways that an address or a name is."""
    wanted = cell.destination
    if wanted.named:
        yield Way.DNS
    if wanted.via in (Via.SERVICE, Via.CLUSTER_IP):
        service, _ = find_service(state, wanted)
        if not service.headless:
            yield Way.CLUSTER_IP
    elif wanted.via is Via.NODE_PORT:
        here = wanted.node == _node(server)
        yield Way.NODE_PORT_HERE if here else Way.NODE_PORT_ELSEWHERE
    elif wanted.via is Via.LOAD_BALANCER:
        inside = isinstance(source, Pod | Node)
        yield Way.LOAD_BALANCER_INSIDE if inside else Way.LOAD_BALANCER_OUTSIDE


_LEGS = {
    ("pod", "pod"): (Way.SAME_NODE, Way.OTHER_NODE),
    ("pod", "node"): (Way.POD_TO_OWN_NODE, Way.POD_TO_OTHER_NODE),
    ("pod", "outside"): (Way.POD_TO_OUTSIDE, Way.POD_TO_OUTSIDE),
    ("node", "pod"): (Way.NODE_TO_OWN_POD, Way.NODE_TO_OTHER_POD),
    ("outside", "pod"): (Way.OUTSIDE_TO_POD, Way.OUTSIDE_TO_POD),
    ("outside", "node"): (Way.OUTSIDE_TO_NODE, Way.OUTSIDE_TO_NODE),
}
"""By what the ends are: the way on one node, and the way from one to another."""


def _walked(cell: CellKey, source: End, server: End) -> Iterator[Way]:
    """The way from where an address is translated to who serves."""
    wanted, at, to = cell.destination, _node(source), _node(server)
    if wanted.via in (Via.NODE_PORT, Via.LOAD_BALANCER) and not at:
        return
    if wanted.via is Via.NODE_PORT and wanted.node != at:
        return
    ends = _kind(source), _kind(server)
    if source != server and ends in _LEGS:
        yield _LEGS[ends][at != to]
    elif source == server and ends == ("pod", "pod") and wanted.via in SERVICE_WAYS:
        yield Way.HAIRPIN


def _kind(end: End) -> str:
    """A pod on its node's network is the node."""
    if isinstance(end, Pod) and not end.host_network:
        return "pod"
    return "node" if _node(end) else "outside"


def _node(end: End) -> str:
    """The node that it is on, or is; empty outside."""
    if isinstance(end, Pod):
        return end.node
    return end.name if isinstance(end, Node) else ""


def uncarried(scenario: Scenario, lack: Lack) -> dict[tuple[int, str, str], Carried]:
    """By step, source and destination: the cells that are not always carried."""
    return {
        (each.step, str(each.cell.source), str(each.cell.destination)): how
        for each in asked(scenario.path)
        if (how := each.carried(lack)) is not Carried.ALWAYS
    }


@dataclass(frozen=True)
class Seen:
    """A judged cell, in which scenario and step, and whether the network carries it."""

    scenario: str
    step: int
    cell: AnyCell
    carried: Carried

    def __str__(self) -> str:
        cell = self.cell
        where = f"{self.scenario} step {self.step}: {cell.source} -> {cell.destination}"
        return f"{where}: {cell.outcome.value}, carried {self.carried.value}: {cell.reason}"


@dataclass
class Finished:
    """What became of a run: every judged cell, and the scenarios not judged to their end."""

    cells: list[Seen] = field(default_factory=list)
    cut_short: dict[str, str] = field(default_factory=dict)
    """By path, why."""


def run(
    scenarios: Sequence[Scenario], lack: Lack, timeouts: Timeouts = QUICK, jobs: int = 8
) -> Finished:
    """Run these with the reference enforcer on a network that lacks this."""
    events: list[Event] = []
    driver = EmbeddedDriver(Options(), frozenset({lack}))
    session = Session(Setting(driver, jobs=jobs, timeouts=timeouts), events.append)
    session.begin(scenarios)
    session.wait()
    session.finish()
    finished = Finished()
    judged = Counter(event.path for event in events if isinstance(event, StepFinished))
    length = {scenario.path: len(scenario.steps) for scenario in scenarios}
    missing = {scenario.path: uncarried(scenario, lack) for scenario in scenarios}
    for event in events:
        if isinstance(event, ScenarioFinished) and judged[event.path] < length[event.path]:
            finished.cut_short[event.path] = event.reason
        elif isinstance(event, StepFinished):
            step = event.step
            for cell in (*step.cells, *step.meanwhile, *step.held):
                key = (step.index, cell.source, cell.destination)
                how = missing[event.path].get(key, Carried.ALWAYS)
                finished.cells.append(Seen(event.path, step.index, cell, how))
    return finished
