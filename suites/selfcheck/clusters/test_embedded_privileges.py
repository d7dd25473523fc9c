"""The embedded cluster needs no privileges: neither those of root's capabilities nor its files."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
CLUSTER = """
import sys
from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.objects import ContainerPort, Pod
from netpol_conformance.probe.verdict import Probe, Source, Verdict
from netpol_conformance.run.preparing import checks_in_time
from netpol_conformance.run.execution import manifest_list

PORTS = (ContainerPort(80),)
IMAGES = ("nginx", "busybox", "own")
cluster = EmbeddedCluster()
families = tuple(map(int, sys.argv[1:]))
cluster.start(ClusterSpec(families=families))
cluster.apply(manifest_list([Pod("default", image, image=image, ports=PORTS) for image in IMAGES]))
cluster.wait_ready(60)
for check in checks_in_time(cluster):
    assert check.observation.verdict is check.expected, check
servers = {f"default/{pod.name}": pod for pod in cluster.state().pods if pod.namespace == "default"}
asked_by = Source("pod", "own", "default")
for name, pod in servers.items():
    for ip in pod.ips:
        (seen,) = cluster.probe([Probe(asked_by, str(ip), 80, frozenset({name}), timeout=10)])
        assert seen.verdict is Verdict.CONNECTED, seen
cluster.close()
"""
WITHOUT_CAPABILITIES = """
import ctypes
from pathlib import Path

libc, drop_from_bounding_set = ctypes.CDLL(None, use_errno=True), 24
last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
# A user namespace needs this one to let somebody in it be root outside; nobody else has to.
setfcap = 31
for capability in {*range(last + 1)} - {setfcap}:
    assert libc.prctl(drop_from_bounding_set, capability, 0, 0, 0) == 0
import os, sys
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""

PACKS = """
import runpy

runpy.run_module("netpol_conformance", run_name="__main__", alter_sys=True)
"""

HALF_HIDDEN_PROC = """
import os, sys
from pathlib import Path
from netpol_conformance.clusters.embedded import namespaces

namespaces.enter_new_world()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
namespaces.mount_proc()
# As container engines have it: one part of /proc is read-only, another hidden.
read_only, remount, bind = 0x1, 0x20, 0x1000
namespaces._mount("/proc/sys", "/proc/sys", "", bind)
namespaces._mount("/proc/sys", "/proc/sys", "", bind | remount | read_only | 0xE)
namespaces.mount_tmpfs(Path("/proc/fs"))
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""

FEW_DESCRIPTORS = """
import os, resource, sys

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (48, most))
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


def assert_works(*argv: str, **options) -> None:
    tried = subprocess.run(
        [sys.executable, "-c", *argv],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        **options,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


def nobody_can_run_it() -> bool:
    """Whether this Python and this checkout lie where not only root can go."""
    words = [sys.executable, "-c", "import netpol_conformance.clusters.embedded"]
    try:
        tried = subprocess.run(words, check=False, capture_output=True, cwd="/", **NOBODY)
    except PermissionError:
        return False
    return tried.returncode == 0


def test_a_user_without_privileges_has_a_cluster():
    if os.geteuid() != 0:
        assert_works(CLUSTER, "4", "6")
    elif nobody_can_run_it():
        assert_works(CLUSTER, "4", "6", **NOBODY)
    else:
        pytest.skip("this Python lies where only root can go")


def test_the_packs_pass_without_privileges():
    """Root drops to nobody, or where nobody cannot go, to root without capabilities."""
    words = ["run", "handbook", "errata", "legacy", "--jobs", "8", "--quiet", "--report"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        if os.geteuid() != 0:
            assert_works(PACKS, *words, folder)
        elif nobody_can_run_it():
            assert_works(PACKS, *words, folder, **NOBODY)
        else:
            assert_works(WITHOUT_CAPABILITIES, PACKS, *words, folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")
def test_root_without_capabilities_has_a_cluster():
    assert_works(WITHOUT_CAPABILITIES, CLUSTER, "4", "6")


def test_a_low_soft_limit_of_descriptors_is_raised():
    assert_works(FEW_DESCRIPTORS, CLUSTER, "4", "6")


def test_where_sysctls_are_read_only_ipv4_works_all_the_same():
    assert_works(HALF_HIDDEN_PROC, CLUSTER, "4")


def test_where_sysctls_are_read_only_ipv6_is_an_error_that_says_so():
    with pytest.raises(AssertionError, match="IPv6 forwarding cannot be set here"):
        assert_works(HALF_HIDDEN_PROC, CLUSTER, "4", "6")
