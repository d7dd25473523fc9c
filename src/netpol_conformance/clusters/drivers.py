"""The drivers by the name that ``--cluster`` takes, and what each of them needs installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, cast

from netpol_conformance.clusters.base import Driver
from netpol_conformance.clusters.options import EMBEDDED, KIND, KUBECONFIG, Options


class Entry(NamedTuple):
    """Where a driver's class is, and the extra of this package that brings what it imports."""

    module: str
    name: str
    extra: str = ""
    packages: tuple[str, ...] = ()


DRIVERS = {
    EMBEDDED: Entry("embedded.driver", "EmbeddedDriver"),
    KIND: Entry("kind.driver", "KindDriver", "kind", ("kubernetes", "pytest_kind")),
    KUBECONFIG: Entry("kubernetes.driver", "KubeconfigDriver", "kubernetes", ("kubernetes",)),
}
"""A new driver is a package beside this module, and a line here."""


def make_driver(options: Options) -> Driver:
    """The driver that the options name, not yet open.

    Raises ValueError for an unknown one, one whose packages are missing, and options it refuses.
    """
    entry = DRIVERS.get(options.cluster)
    if entry is None:
        known = ", ".join(DRIVERS)
        raise ValueError(f'unknown cluster "{options.cluster}"; known are {known}')
    missing = [package for package in entry.packages if find_spec(package) is None]
    if missing:
        raise ValueError(
            f"--cluster {options.cluster} needs the package {' and '.join(missing)}: "
            f"pip install 'netpol-conformance[{entry.extra}]'"
        )
    # Imported here: an extra's packages, and what they cost, are for those who ask for them.
    module = import_module(f"netpol_conformance.clusters.{entry.module}")
    return cast("Callable[[Options], Driver]", getattr(module, entry.name))(options)
