"""One kind cluster for all tests of this folder: made for them, or NETPOL_KIND_CLUSTER's.

Where there is neither Docker nor kind, every test here is skipped, and says why.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from netpol_conformance.clusters.kind.driver import KindDriver
from netpol_conformance.clusters.options import Options

from .real_cluster import IMAGE, PACKS, Ended, Kind, ended

NEEDED = ("docker", "kind", "kubectl")


@pytest.fixture(scope="session")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kind]:
    """The cluster, with the reference enforcer in it."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no real cluster can be made: {', '.join(missing)} is not installed")
    name = os.environ.get("NETPOL_KIND_CLUSTER", "")
    driver = KindDriver(Options(cluster="kind", reuse_cluster=name, image=IMAGE))
    driver.open(lambda words: print(words, file=sys.stderr))
    try:
        yield Kind(driver.cluster_name, driver.kubeconfig, tmp_path_factory.mktemp("kind"))
    finally:
        driver.close()


@pytest.fixture(scope="session")
def on_kind(kind: Kind) -> Ended:
    """The packs on the cluster, against the reference enforcer."""
    return kind.run(*PACKS)


@pytest.fixture(scope="session")
def embedded(kind: Kind) -> Ended:
    """The packs on the embedded cluster, against the same enforcer."""
    report = kind.folder / "embedded"
    program = [sys.executable, "-m", "netpol_conformance", "run"]
    return ended([*program, *PACKS, "--quiet", "--report", str(report)], report)
