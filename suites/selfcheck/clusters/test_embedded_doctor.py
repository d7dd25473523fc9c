"""What is missing is named, with the command that mends it."""

import subprocess
import sys

import pytest

from netpol_conformance.api.addresses import DNS
from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster, doctor, files, workloads
from netpol_conformance.model.objects import ContainerPort, Pod
from netpol_conformance.probe import webservers

FORBIDDEN = """
import os, sys
from pathlib import Path
from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.embedded import EmbeddedCluster, doctor
from netpol_conformance.clusters.embedded.namespaces import enter_new_world, mount_proc

enter_new_world()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
mount_proc()
Path("/proc/sys/user", sys.argv[1]).write_text("0")
try:
    EmbeddedCluster().start(ClusterSpec())
except ClusterError as error:
    print(error)
print([finding for finding in doctor.check() if finding.name == "user namespaces"][0].mend)
"""


def found(name: str) -> doctor.Finding:
    return next(finding for finding in doctor.check() if finding.name == name)


def test_on_this_machine_nothing_is_missing():
    assert [finding for finding in doctor.check() if not finding.ok] == []


@pytest.mark.parametrize("limit", ["max_user_namespaces", "max_net_namespaces"])
def test_forbidden_namespaces_are_told_by_the_cluster_and_the_doctor(limit):
    told = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, limit], capture_output=True, text=True, check=False
    )
    command = f"sudo sysctl -w user.{limit}=15000"
    assert told.returncode == 0, told.stderr
    assert f"forbidden by user.{limit}=0" in told.stdout
    assert f"To mend it: {command}" in told.stdout
    assert told.stdout.splitlines()[-1] == command


@pytest.mark.parametrize(
    ("sysctl", "value", "command"),
    [
        (
            "kernel/unprivileged_userns_clone",
            "0",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/something_else", "0", "--security-opt"),
    ],
)
def test_what_forbids_namespaces_is_named(monkeypatch, tmp_path, sysctl, value, command):
    path = tmp_path / sysctl
    path.parent.mkdir()
    path.write_text(f"{value}\n")
    monkeypatch.setattr(doctor, "_SYSCTLS", tmp_path)
    finding = doctor.forbidden("Operation not permitted")
    assert not finding.ok
    assert "Operation not permitted" in finding.what
    assert command in finding.mend


def test_without_programs_their_packages_are_named(monkeypatch, tmp_path):
    installer = tmp_path / "apt-get"
    installer.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NETPOL_BUSYBOX", raising=False)
    monkeypatch.setattr(webservers, "_PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "_LIBNFTABLES", "libno-such-thing.so.1")
    commands = {name: found(name).mend for name in ("busybox", "nginx", "nftables")}
    assert commands == {
        "busybox": "sudo apt-get install -y busybox",
        "nginx": "sudo apt-get install -y nginx-light",
        "nftables": "sudo apt-get install -y libnftables1",
    }
    installer.unlink()
    assert found("busybox").mend == "install the package busybox"
    for image in ("nginx", "busybox"):
        pod = Pod("default", "web", image=image, ports=(ContainerPort(80),))
        with pytest.raises(ClusterError, match=f"{image} is missing"):
            workloads.Workload(pod, tmp_path, lambda: pytest.fail("not entered"), None)


def test_a_missing_resolv_conf_is_named(monkeypatch, tmp_path):
    missing = tmp_path / "etc" / "resolv.conf"
    monkeypatch.setattr(doctor, "RESOLV_CONF", missing)
    monkeypatch.setattr(files, "RESOLV_CONF", missing)
    finding = found(str(missing))
    assert finding.mend == f"sudo mkdir -p {missing.parent} && sudo touch {missing}"
    with pytest.raises(ClusterError, match="is missing"):
        files.Files([DNS[4]])


def test_elsewhere_than_on_linux_other_clusters_are_named(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    (finding,) = doctor.check()
    assert not finding.ok
    assert "--cluster kind" in finding.mend
    with pytest.raises(ClusterError, match="--cluster kind"):
        EmbeddedCluster().start(ClusterSpec())
