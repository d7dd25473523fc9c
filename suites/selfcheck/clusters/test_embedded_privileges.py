"""The embedded cluster needs no privileges: neither those of root's capabilities nor its files."""

import os
import subprocess
import sys

import pytest

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
CLUSTER = """
from netpol_conformance.clusters.base import ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster

POD = '''
---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec: {containers: [{name: c, image: %s, ports: [{containerPort: 80}]}]}
'''
cluster = EmbeddedCluster()
cluster.start(ClusterSpec(families=(4, 6)))
cluster.apply("".join(POD % (image, image) for image in ("nginx", "busybox", "own")))
cluster.wait_ready(60)
for check in cluster.self_test():
    assert check.observation.verdict is check.expected, check
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
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
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
    assert (tried.returncode, tried.stderr) == (0, "")


def nobody_can_run_python() -> bool:
    try:
        return subprocess.run([sys.executable, "-c", ""], check=False, **NOBODY).returncode == 0
    except PermissionError:
        return False


def test_a_user_without_privileges_has_a_cluster():
    if os.geteuid() != 0:
        assert_works(CLUSTER)
    elif nobody_can_run_python():
        assert_works(CLUSTER, **NOBODY)
    else:
        pytest.skip("this Python lies where only root can go")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")
def test_root_without_capabilities_has_a_cluster():
    assert_works(WITHOUT_CAPABILITIES, CLUSTER)
