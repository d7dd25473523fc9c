"""One kind cluster for all tests of this folder: made for them, or NETPOL_KIND_CLUSTER's.

What takes long is run once, and several tests look at what it came to. Where there is neither
Docker nor kind, every test here is skipped, and says why.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from netpol_conformance.clusters.kind.driver import KindDriver
from netpol_conformance.clusters.options import Options
from netpol_conformance.enforcer.manifests import DAEMON_SET, NAMESPACE, STOPPED_LABEL

from .real_cluster import IMAGE, LIFECYCLE, MUTANTS, PACKS, RESTART, Ended, Kind, Run

NEEDED = ("docker", "kind", "kubectl")


@pytest.fixture(scope="session")
def kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kind]:
    """The cluster, with the reference enforcer in it."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no real cluster can be made: {', '.join(missing)} is not installed")
    if any("embedded" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("embedded_run")  # now, while kind waits most of the time
    name = os.environ.get("NETPOL_KIND_CLUSTER", "")
    driver = KindDriver(Options(cluster="kind", reuse_cluster=name, image=IMAGE))
    driver.open(lambda words: print(words, file=sys.stderr))
    try:
        yield Kind(driver, tmp_path_factory.mktemp("kind"))
    finally:
        driver.close()


@pytest.fixture(scope="session")
def opening(kind: Kind) -> Ended:
    """Restarts of an enforcer that opens everything as it starts."""
    return kind.run(RESTART, "--implementation", f"{MUTANTS}:FlushesAtStart")


@pytest.fixture(scope="session")
def killed(kind: Kind) -> Ended:
    """A run whose enforcer goes in mid-run. It leaves the nodes as one does that is killed while it
    restarts the enforcer.
    """
    paths = ("handbook/api-allow.yaml", "handbook/web-deny-all.yaml")
    brief = ("--jobs", "1", "--timeout", "enforce=1", "--timeout", "ready=10")
    delete = ("delete", "daemonset", DAEMON_SET, "--namespace", NAMESPACE)
    with kind.unchanged():
        ended = kind.begin(*paths, *brief).ended(lambda _: kind.kubectl(*delete))
    kind.kubectl("label", "nodes", "--all", f"{STOPPED_LABEL}=true")
    return ended


@pytest.fixture(scope="session")
def on_kind(kind: Kind, opening: Ended, killed: Ended) -> Ended:
    """The packs on the cluster, against the reference enforcer, which this run has to put back."""
    return kind.run(*PACKS, LIFECYCLE, "--jobs", "6")


@pytest.fixture(scope="session")
def embedded_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The packs on the embedded cluster, against the same enforcer, from the beginning."""
    with Run(tmp_path_factory.mktemp("embedded"), *PACKS) as run:
        yield run
        run.terminate()


@pytest.fixture(scope="session")
def embedded(embedded_run: Run) -> Ended:
    """That run to its end."""
    return embedded_run.ended()
