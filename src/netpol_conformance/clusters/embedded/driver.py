"""``--cluster embedded``: a cluster of network namespaces for each scenario that runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from netpol_conformance.clusters.base import Cluster, ClusterError, Load
from netpol_conformance.clusters.embedded import doctor
from netpol_conformance.clusters.embedded.cluster import EmbeddedCluster
from netpol_conformance.clusters.embedded.lacks import Lack
from netpol_conformance.clusters.options import EMBEDDED, Options

_JOBS_PER_CPU = 8
"""Scenarios mostly wait here: for a probe's silence, not for a processor."""
_BUNDLED = ("reference", "none")


class EmbeddedDriver:
    """Each worker has a cluster of its own; nothing is shared, nothing to open.

    ``lacking`` is what their pod networks do not carry, for tests: no option says it.
    """

    name = EMBEDDED
    concurrency = _JOBS_PER_CPU * (os.cpu_count() or 1)
    makes_outside_hosts = True
    controlled = True
    synchronous = True

    def __init__(self, options: Options, lacking: AbstractSet[Lack] = frozenset()) -> None:
        self.implementation = options.implementation
        self._lacking = lacking
        if self.implementation not in _BUNDLED:
            _check_enforcer(self.implementation)

    def open(self, on_progress: Callable[[str], None]) -> None:  # noqa: ARG002 - quick enough
        """Only look whether the machine has what it takes; raises ClusterError."""
        lacking = [finding for finding in doctor.programs() if not finding.ok]
        if lacking:
            raise ClusterError("\n".join(doctor.advice(finding) for finding in lacking))

    def cluster(self) -> Cluster:
        """A cluster not yet started."""
        return EmbeddedCluster(self.implementation, lacking=self._lacking)

    def load(self) -> Load:
        """Nothing: each scenario has a cluster of its own."""
        return Load()

    def close(self) -> None:
        """Nothing to do: a cluster is gone with its process."""


def _check_enforcer(implementation: str) -> None:
    """Raise ValueError unless an enforcer of one's own can be loaded, before anything starts."""
    # Imported here: the enforcer's modules are of use to few runs in this process.
    from netpol_conformance.clusters.embedded.enforcers import find_factory  # noqa: PLC0415

    try:
        find_factory(implementation)
    except ClusterError as error:
        raise ValueError(str(error)) from error
