"""The drivers by the name that ``--cluster`` takes."""

from __future__ import annotations

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.clusters.embedded.cluster import EmbeddedCluster

DRIVERS = ("embedded",)


def make_cluster(driver: str, implementation: str) -> Cluster:
    """A cluster of this driver, not yet started; raises ValueError for an unknown one."""
    if driver == "embedded":
        return EmbeddedCluster(implementation)
    raise ValueError(f'unknown cluster "{driver}"; known are {", ".join(DRIVERS)}')
