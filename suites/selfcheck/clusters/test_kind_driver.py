"""The kind driver cleans up whatever happens, shown with programs that only note their calls."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.interrupting import Terminable, shield
from netpol_conformance.clusters.kind import leftovers, wiring
from netpol_conformance.clusters.kind.driver import KindDriver
from netpol_conformance.clusters.kind.wiring import End
from netpol_conformance.clusters.options import Options
from netpol_conformance.enforcer.manifests import STOPPED_LABEL

from ..probe.helping import script

PROGRAM = """
echo "$(basename "$0") $*" >>"$CALLS"
case "$(basename "$0") $*" in
{cases}
esac
"""


class Programs:
    """docker, kind and kubectl as a driver that is opened finds them: they note their calls."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self._calls = folder / "calls"
        self._bin = folder / "bin"
        self.scratch.mkdir()
        self._bin.mkdir()
        self._calls.touch()
        self.environment = {
            "CALLS": str(self._calls),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
        }

    def open(self, cases: str, tell: Callable[[str], None] = print, **options: Any) -> None:
        """Open a driver; ``cases`` are a shell's, of the calls that do more than be noted."""
        for name in ("docker", "kind", "kubectl"):
            script(self._bin, PROGRAM.format(cases=cases), name)
        KindDriver(Options(cluster="kind", **options)).open(tell)

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    made = Programs(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(made.scratch))
    return made


def test_what_kind_could_not_create_is_removed_and_told(programs: Programs) -> None:
    with pytest.raises(ClusterError, match=r"could not create .*no space left"):
        programs.open("'kind create'*) echo 'no space left' >&2; exit 1;;")
    made, deleted = programs.calls[-2:]
    name = made.split("--name=")[1].split()[0]
    assert name.startswith(leftovers.PREFIX)
    assert deleted == f"kind delete cluster --name {name}"
    assert [path for path in programs.scratch.rglob("*") if path.is_file()] == []


def test_a_cluster_that_failed_later_is_removed_too(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netpol_conformance.clusters.kind.driver.KindMaker.create", lambda *_: None)
    with pytest.raises(ClusterError, match="no such image"):
        programs.open(
            "'kind create'*) exit 1;;\n'docker image'*) echo 'no such image' >&2; exit 1;;"
        )
    assert programs.calls[-1].startswith("kind delete cluster")


# What it interrupts is a call inside pytest-kind, which does not wait for what it kills.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_creation_is_removed(programs: Programs) -> None:
    with pytest.raises(KeyboardInterrupt):
        programs.open("'kind create'*) kill -TERM $PPID; exec sleep 60;;")
    assert programs.calls[-1].startswith("kind delete cluster")


def test_a_cluster_to_reuse_that_is_not_there_is_named(programs: Programs) -> None:
    with pytest.raises(ClusterError, match=r"no kind cluster mine to reuse.*another"):
        programs.open("'kind get clusters') echo another;;", reuse_cluster="mine")
    assert not any("delete" in call for call in programs.calls)


def test_where_a_killed_run_had_stopped_the_enforcer_it_may_run_again(programs: Programs) -> None:
    cases = "'kind get clusters') echo mine;;\n'docker image'*) exit 1;;"
    with pytest.raises(ClusterError, match="Docker has no image"):
        programs.open(cases, reuse_cluster="mine")
    assert programs.calls[-2].endswith(f"label nodes --all {STOPPED_LABEL}-")


def test_the_next_run_names_what_a_killed_one_left(programs: Programs) -> None:
    left = f"{leftovers.PREFIX}left"
    told: list[str] = []
    with pytest.raises(ClusterError):
        programs.open(f"'kind get clusters') echo {left};;\n'kind create'*) exit 1;;", told.append)
    assert told[0] == leftovers.advice(left)


def test_sigterm_is_taken_like_ctrl_c_until_the_end() -> None:
    before = signal.getsignal(signal.SIGTERM)
    terminable = Terminable()
    terminable.begin()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    with shield():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    terminable.end()
    assert signal.getsignal(signal.SIGTERM) is before


MACHINE = End(ip_address("172.18.0.9"), (ip_address("172.17.1.5"), ip_address("2001:db8::5")))
NODE = End(
    ip_address("172.18.0.2"),
    (ip_address("172.18.0.2"), ip_address("fc00::2")),
)
PODS = (ip_address("10.244.110.130"), ip_address("fd00:10:244:1::7"))


@pytest.mark.parametrize(
    "script",
    [
        wiring.of_machine(MACHINE, [NODE]),
        wiring.of_node(NODE, MACHINE),
        wiring.of_targets(MACHINE, [(ip_address("172.18.200.1"), NODE)]),
        wiring.without_link(),
    ],
)
def test_a_shell_reads_the_scripts(script: str) -> None:
    assert script.startswith("set -e\n")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_a_machine_reaches_nodes_and_pods_by_its_own_addresses_alone() -> None:
    scripts = wiring.of_machine(MACHINE, [NODE]) + wiring.of_targets(
        MACHINE, [(pod, NODE) for pod in PODS]
    )
    routes = [line for line in scripts.splitlines() if " src 1" in line]
    by_own = [line for line in routes if line.endswith(("src 172.17.1.5", "src 2001:db8::5"))]
    assert {line.split("replace ")[1].split()[0] for line in by_own} == {
        "172.18.0.2",
        "fc00::2",
        *map(str, PODS),
    }
    assert all("encap ip id" in line and "dst 172.18.0.2" in line for line in by_own)
