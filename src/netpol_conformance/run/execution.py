"""A scenario on its cluster: started, changed step by step, and asked without any policy.

Here: whatever must be done to the cluster, in its order. Not here: what is told of it
(``scenario``), and what it means (``judge``).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address

from netpol_conformance.clusters.base import Cluster, ClusterInfo, ClusterSpec, OutsideHost
from netpol_conformance.expectation.matrix import open_cells
from netpol_conformance.judge.cell import all_connected
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
    ClusterState,
    KubernetesObject,
    Namespace,
    ObjectKey,
    SourceKind,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION
from netpol_conformance.run.addressing import Addressing
from netpol_conformance.run.change import Change, Changes
from netpol_conformance.run.network import Network, path_kinds
from netpol_conformance.run.rounds import Controls, MatrixProber
from netpol_conformance.run.settle import Settled, poll_until_expected
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.features import FIRST_PACKET
from netpol_conformance.scenario.types import CellKey, Expectation, Scenario, Step, Via

_log = logging.getLogger(__name__)


class Execution:
    """Carries ``scenario`` out on ``cluster``: ``start``, ``apply_initial``, then ``change`` by
    change; ``timeouts`` say how long it waits for what, in seconds. ``network`` gives what the pod
    network carries, once that is known.

    ``in_force`` is the state that the enforcer has last heard of, ``controls`` what was seen
    without any policy, and ``reused`` whether it has what another scenario left. Methods raise
    what those of a Cluster do.
    """

    in_force: ClusterState

    def __init__(
        self,
        scenario: Scenario,
        cluster: Cluster,
        timeouts: Timeouts,
        network: Callable[[], Network] = Network,
    ) -> None:
        self.timeouts = timeouts
        self._network = network
        self.controls = Controls()
        self.reused = False
        self._scenario = scenario
        self._cluster = cluster
        self._outside = {host.name: host for host in _outside_hosts(scenario)}
        self._documented = frozenset(cell for step in scenario.steps for cell, _ in step.expected)
        self._changes = Changes(cluster, scenario)

    def start(self) -> ClusterInfo:
        """Begin afresh with an empty cluster."""
        scenario = self._scenario
        spec = ClusterSpec(
            scenario.nodes,
            scenario.families,
            scenario.version,
            tuple(self._outside.values()),
            # What happens to the enforcer happens to every scenario on the cluster.
            alone=any(step.enforcer is not None for step in scenario.steps),
            cut_off=any(step.enforcer == "cut off" for step in scenario.steps),
            asking=frozenset(
                ObjectKey("Pod", source.namespace, source.name)
                for source in scenario.asking
                if source.kind == SourceKind.POD
            ),
        )
        return self._cluster.start(spec)

    def apply_initial(self, *, fresh: bool) -> None:
        """Make what is there before the first step; ``fresh`` if not of what another left."""
        manifests = manifest_list(self._scenario.objects)
        # All at once: a cluster may then begin all pods together, and waits for them once.
        if fresh:
            self._cluster.apply(manifests)
        else:
            self.reused = self._cluster.apply_initial(manifests)
            if self.reused:
                _log.debug("took over what another scenario had left")
        self._cluster.wait_ready(self.timeouts.ready)
        self.in_force = self._cluster.state()

    def change(self, step: Step) -> Change:
        """Make the changes of ``step``, and wait until what they apply is ready."""
        change = self._changes.make(step)
        # Nothing that was refused becomes ready, and what was only deleted has nothing to wait for.
        if step.apply and not step.refused:
            self._cluster.wait_ready(self.timeouts.ready)
        # An enforcer that is cut off goes on by what it heard last.
        if step.enforcer != "cut off":
            self.in_force = self._cluster.state()
        return change

    def opening_control(self) -> None:
        """Probe every cell before the first step, while there is no policy."""
        cells = open_cells(self.in_force, self._scenario)
        # There is no policy to be removed; and what fails now gets another control at the end.
        self._control(cells, min(self.timeouts.brief, self.timeouts.enforce))

    def closing_control(self, missing: Collection[CellKey], patience: float) -> bool:
        """Take all policy away and ask the cells of ``missing``, which still lack a control, for
        ``patience`` seconds at most until they connect.

        Returns whether a name was resolved then.
        """
        if not missing:
            return False
        # Cut off, it would not hear that the policies are gone.
        self._changes.reconnect()
        state = self._cluster.state()
        self._cluster.delete([policy.key for policy in state.policies])
        # Up to 1.6 a namespace isolates by its annotation, with no policy at all (S70).
        spaces = [_without_isolation(space) for space in state.namespaces]
        self._cluster.apply(manifest_list([after for before, after in spaces if before != after]))
        opened = open_cells(self._cluster.state(), self._scenario)
        cells = [cell for cell in opened if cell in missing]
        return self._control(cells, patience, closing=True)

    def carried(self, cells: Iterable[CellKey]) -> dict[CellKey, bool | None]:
        """Whether the pod network carries each of ``cells``, as its pods are now."""
        state, network = self._cluster.state(), self._network()
        return {
            cell: True
            if all_connected(self.controls.of(cell))
            else network.carries(path_kinds(state, self._scenario, cell))
            for cell in cells
        }

    def addressing(self) -> Addressing:
        """The addresses that there are now."""
        return Addressing(self._cluster.state(), self._outside)

    def prober(self) -> MatrixProber:
        """Who asks the cluster as it is now."""
        prompt = FIRST_PACKET in self._scenario.features
        return MatrixProber(
            self._cluster, self.addressing(), self._documented, self.timeouts, prompt=prompt
        )

    def _control(self, cells: Iterable[CellKey], patience: float, *, closing: bool = False) -> bool:
        """Ask until every cell has connected once with all its probes, or ``patience`` is over."""
        prober, began = self.prober(), time.monotonic()
        wanted = dict.fromkeys(cells, Expectation.CONNECTED)
        end = began + patience
        # What this sees is no evidence, only that full looks are worth their time by now.
        carried = self.carried(wanted)
        hoped = awaited(wanted, carried)
        poll_until_expected(prober, hoped, Settled(), changed_at=began, until=lambda _wrong: end)
        names_resolve = False
        while wanted:
            look = prober.control(wanted)
            self.controls.add(look, closing=closing)
            names_resolve |= look.names_resolve
            # Those alone are asked again that failed: on a busy machine a probe may just be lost.
            wrong = [cell for cell in look.wrong(wanted) if carried[cell] is not False]
            wanted = dict.fromkeys(wrong, Expectation.CONNECTED)
            if time.monotonic() > end:
                break
        if wanted:
            # A busy machine makes a connection late, what isolates a pod never.
            self.controls.add_patient(prober.full(wanted, confirms=True))
        return names_resolve


def awaited(
    wanted: Mapping[CellKey, Expectation], carried: Mapping[CellKey, bool | None]
) -> dict[CellKey, Expectation]:
    """``wanted`` with nothing to wait for where no connection is ``carried``."""
    return {
        cell: Expectation.UNSPECIFIED
        if expectation is Expectation.CONNECTED and carried[cell] is False
        else expectation
        for cell, expectation in wanted.items()
    }


def _without_isolation(space: Namespace) -> tuple[Namespace, Namespace]:
    """The namespace as it is, and without the annotation that isolates it up to 1.6 (S70)."""
    kept = {key: value for key, value in space.annotations.items() if key != ISOLATION_ANNOTATION}
    return space, replace(space, annotations=kept)


def _outside_hosts(scenario: Scenario) -> list[OutsideHost]:
    """The machines beyond the cluster, with DNS names where they are asked for by name."""
    named = {asked.name for asked in scenario.destinations if asked.via is Via.OUTSIDE_NAME}
    return [
        OutsideHost(
            spec.name,
            tuple(ip_address(address) for address in spec.addresses),
            spec.ports,
            named=spec.name in named,
        )
        for spec in scenario.outside
    ]


def manifest_list(objects: Sequence[KubernetesObject]) -> str:
    """``objects`` as one manifest, to be applied at once."""
    items = [manifest(item) for item in objects]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
