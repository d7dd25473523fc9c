"""Measuring what the pod network carries, once a run and before any policy.

Every kind of path that the scenarios use is asked between every two nodes that they use.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import Cluster, UnsupportedError
from netpol_conformance.model.objects import Direction, NetworkPolicy, PolicyRule
from netpol_conformance.probe.verdict import Observation, Verdict
from netpol_conformance.run.events import PathResult, evidence
from netpol_conformance.run.execution import Execution, manifest_list
from netpol_conformance.run.network import Network, PathKind, path_kinds
from netpol_conformance.run.rounds import MatrixProber
from netpol_conformance.run.settle import PAUSE
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario
from netpol_conformance.scenario.uses import apart, measuring_scenarios, uses

_log = logging.getLogger(__name__)

_OPEN = NetworkPolicy(
    "default",
    "open",
    policy_types=(Direction.INGRESS, Direction.EGRESS),
    ingress=(PolicyRule(),),
    egress=(PolicyRule(),),
)
"""Allows everything, which is what having no policy means too (S1)."""


@dataclass(frozen=True)
class Measured:
    """The network as it was measured; ``unseen`` is what was last seen of each kind of path that
    it does not carry, or only under a policy.
    """

    network: Network = field(default_factory=Network)
    unseen: Mapping[PathKind, Observation] = field(default_factory=dict)

    def __or__(self, other: Measured) -> Measured:
        """Both together."""
        mine, others = self.network, other.network
        network = Network({**mine.carried, **others.carried}, mine.isolated | others.isolated)
        return Measured(network, {**self.unseen, **other.unseen})


def measure(cluster: Cluster, scenarios: Sequence[Scenario], timeouts: Timeouts) -> Measured:
    """What the network of ``cluster``, which is started for it and released, carries of all that
    ``scenarios`` use; what the cluster cannot be asked is left out. Raises ClusterError.
    """
    used = uses(scenarios)
    with suppress(UnsupportedError):
        return _measured(cluster, measuring_scenarios(used, scenarios)[0], timeouts)
    found = Measured()
    for part in apart(used):
        for scenario in measuring_scenarios(part, scenarios):
            with suppress(UnsupportedError):
                found |= _measured(cluster, scenario, timeouts)
                break
    return found


def path_results(measured: Measured) -> Iterator[PathResult]:
    """What was measured, as events carry it."""
    for kind, carried in sorted(measured.network.carried.items()):
        seen = measured.unseen.get(kind)
        yield PathResult(
            kind=str(kind),
            nodes=kind.nodes,
            carried=carried,
            isolated=kind in measured.network.isolated,
            evidence=evidence("control", seen) if seen else None,
        )


def _measured(cluster: Cluster, scenario: Scenario, timeouts: Timeouts) -> Measured:
    try:
        return _Measuring(cluster, scenario, timeouts).measured()
    finally:
        cluster.release()


class _Measuring:
    """Asks the cells of ``scenario``, all of whose paths are to be measured."""

    def __init__(self, cluster: Cluster, scenario: Scenario, timeouts: Timeouts) -> None:
        self._cluster = cluster
        self._timeouts = timeouts
        self._scenario = scenario
        self._execution = Execution(scenario, cluster, timeouts)
        self._unseen: dict[CellKey, Observation] = {}

    def measured(self) -> Measured:
        """Ask without any policy, and what did not connect under one that allows everything."""
        self._execution.start()
        self._execution.apply_initial(fresh=True)
        state = self._execution.in_force
        cells = [cell for cell, _ in self._scenario.steps[0].expected]
        kinds = {cell: path_kinds(state, self._scenario, cell) for cell in cells}
        prober = self._execution.prober()
        patience = self._timeouts.network
        lacking = self._lacking(prober, cells, patience)
        closed = set(lacking)
        if lacking:
            _log.info("%d of %d paths carry nothing without any policy", len(lacking), len(cells))
            self._cluster.apply(manifest_list([_OPEN]))
            lacking = self._lacking(prober, lacking, patience)
        known = [cell for cell in cells if cell not in lacking or cell in self._unseen]
        carried = {kind: True for cell in known for kind in kinds[cell]}
        carried |= {kind: False for cell in known if cell in lacking for kind in kinds[cell]}
        isolated = {kind for cell in closed - set(lacking) for kind in kinds[cell]}
        unseen = {kind: seen for cell, seen in self._unseen.items() for kind in kinds[cell]}
        return Measured(Network(carried, frozenset(isolated)), unseen)

    def _lacking(
        self, prober: MatrixProber, cells: Collection[CellKey], patience: float
    ) -> list[CellKey]:
        """The ``cells`` that connect in no round within ``patience`` seconds, and not in a last
        one that waits long. What was seen of those whose servers listened is kept.
        """
        left = dict.fromkeys(cells, Expectation.CONNECTED)

        def ask() -> bool:
            nonlocal left
            left = dict.fromkeys(prober.quick(left), Expectation.CONNECTED)
            return bool(left)

        polling = Retrying(
            retry=retry_if_result(bool), stop=stop_after_delay(patience), wait=wait_fixed(PAUSE)
        )
        with suppress(RetryError):
            polling(ask)
        if not left:
            return []
        look = prober.full(left, confirms=True)
        lacking = list(look.wrong(left))
        for cell in lacking:
            witness = look.witnesses.get(cell.destination)
            if witness is not None and witness.verdict is Verdict.CONNECTED:
                self._unseen[cell] = look.cells[cell].observations[-1]
        return lacking
