"""The drivers by the name that ``--cluster`` takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec

from netpol_conformance.clusters.base import Cluster, ClusterError, Driver
from netpol_conformance.clusters.embedded import doctor
from netpol_conformance.clusters.embedded.cluster import EmbeddedCluster
from netpol_conformance.clusters.options import Options

_EMBEDDED_JOBS_PER_CPU = 8
"""Embedded scenarios mostly wait: for a probe's silence, not for a processor."""


_BUNDLED = ("reference", "none")


class EmbeddedDriver:
    """Each worker has a cluster of its own; nothing is shared, nothing to open."""

    name = "embedded"
    concurrency = _EMBEDDED_JOBS_PER_CPU * (os.cpu_count() or 1)

    def __init__(self, options: Options) -> None:
        self.implementation = options.implementation
        if self.implementation not in _BUNDLED:
            _check_enforcer(self.implementation)

    def open(self, tell: Callable[[str], None]) -> None:  # noqa: ARG002 - quick enough
        """Only look whether the machine has what it takes; raises ClusterError."""
        lacking = [finding for finding in doctor.programs() if not finding.ok]
        if lacking:
            raise ClusterError("\n".join(doctor.advice(finding) for finding in lacking))

    def handle(self) -> str:
        """Nothing to know."""
        return ""

    def join(self, handle: str) -> None:
        """Nothing to do."""

    def cluster(self) -> Cluster:
        """A cluster not yet started."""
        return EmbeddedCluster(self.implementation)

    def close(self) -> None:
        """Nothing to do: a cluster is gone with its process."""


def _check_enforcer(implementation: str) -> None:
    """Raise ValueError unless an enforcer of one's own can be loaded, before anything starts."""
    from netpol_conformance.clusters.embedded.enforcers import find_factory  # noqa: PLC0415

    try:
        find_factory(implementation)
    except ClusterError as error:
        raise ValueError(str(error)) from error


def _kubeconfig(options: Options) -> Driver:
    _need("kubernetes", options)
    from netpol_conformance.clusters.kubernetes.driver import KubeconfigDriver  # noqa: PLC0415

    return KubeconfigDriver(options)


def _kind(options: Options) -> Driver:
    _need("kind", options)
    from netpol_conformance.clusters.kind.driver import KindDriver  # noqa: PLC0415

    return KindDriver(options)


def _need(extra: str, options: Options) -> None:
    """Raise ValueError unless the extra's packages are there, without which a driver is nothing."""
    missing = [package for package in _EXTRAS[extra] if find_spec(package) is None]
    if missing:
        raise ValueError(
            f"--cluster {options.cluster} needs the package {' and '.join(missing)}: "
            f"pip install 'netpol-conformance[{extra}]'"
        )


_EXTRAS = {"kubernetes": ("kubernetes",), "kind": ("kubernetes", "pytest_kind")}
"""The packages of each extra, as they are imported."""

DRIVERS: dict[str, Callable[[Options], Driver]] = {
    "embedded": EmbeddedDriver,
    "kind": _kind,
    "kubeconfig": _kubeconfig,
}


def make_driver(options: Options) -> Driver:
    """The driver that the options name, not yet open; raises ValueError for an unknown one."""
    if options.cluster not in DRIVERS:
        known = ", ".join(DRIVERS)
        raise ValueError(f'unknown cluster "{options.cluster}"; known are {known}')
    return DRIVERS[options.cluster](options)
