"""What the machine lacks for an embedded cluster, and the command that fixes it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from netpol_conformance.clusters.embedded.files import RESOLV_CONF
from netpol_conformance.probe import webservers, wget

_LIBNFTABLES = "libnftables.so.1"
_SYSCTLS = Path("/proc/sys")
# What forbids namespaces, the value that does, and the value that does not.
_FORBIDDING = (
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user.max_user_namespaces", "0", "15000"),
    ("user.max_net_namespaces", "0", "15000"),
    ("user.max_mnt_namespaces", "0", "15000"),
    ("user.max_pid_namespaces", "0", "15000"),
)
_INSTALLERS = {
    "apt-get": "sudo apt-get install -y",
    "dnf": "sudo dnf install -y",
    "zypper": "sudo zypper install -y",
    "pacman": "sudo pacman -S --noconfirm",
    "apk": "sudo apk add",
}
_TRY_NAMESPACES = """
from netpol_conformance.clusters.embedded.namespaces import enter_new_world
try:
    enter_new_world()
except OSError as error:
    raise SystemExit(str(error))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``what`` was seen and, where not ``ok``, the command to ``mend`` it."""

    name: str
    ok: bool
    what: str
    mend: str = ""


def check() -> list[Finding]:
    """Look at all that an embedded cluster needs. Changes nothing."""
    first = system()
    if not first.ok:
        return [first]
    return [first, _namespaces(), *programs(), _resolv_conf()]


def programs() -> list[Finding]:
    """The part of ``check`` that costs nothing: the library and the programs."""
    return [_nftables(), _busybox(), _nginx()]


def system() -> Finding:
    """Whether this is a system that embedded clusters can be made on at all."""
    if sys.platform == "linux":
        return Finding("system", ok=True, what="Linux")
    return Finding(
        "system",
        ok=False,
        what=f"{sys.platform}: an embedded cluster is made of Linux network namespaces",
        mend="use --cluster kind, or --cluster kubeconfig with a cluster you have",
    )


def forbidden(error: str) -> Finding:
    """Why namespaces cannot be made, which failed with ``error``, and what to do about it."""
    name = "user namespaces"
    for sysctl, bad, good in _FORBIDDING:
        if _sysctl(sysctl) == bad:
            what = f"forbidden by {sysctl}={bad} ({error})"
            return Finding(name, ok=False, what=what, mend=f"sudo sysctl -w {sysctl}={good}")
    return Finding(
        name,
        ok=False,
        what=f"forbidden ({error}), as they are in most containers",
        mend="run on the machine itself, or start the container with "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
        "--security-opt systempaths=unconfined",
    )


def advice(finding: Finding) -> str:
    """A finding as an error message."""
    return f"{finding.name}: {finding.what}\nTo mend it: {finding.mend}"


def _namespaces() -> Finding:
    # In a process of its own: what it enters, it cannot leave.
    tried = subprocess.run(
        [sys.executable, "-P", "-c", _TRY_NAMESPACES], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return forbidden(tried.stderr.strip().rsplit("\n", 1)[-1])
    return Finding("user namespaces", ok=True, what="allowed")


def _nftables() -> Finding:
    try:
        ctypes.CDLL(_LIBNFTABLES)
    except OSError as error:
        return _missing("nftables", str(error), "libnftables1")
    return Finding("nftables", ok=True, what=_LIBNFTABLES)


def _busybox() -> Finding:
    try:
        found = wget.find()
    except wget.BusyboxError as error:
        return _missing("busybox", str(error), "busybox")
    return Finding("busybox", ok=True, what=found.busybox)


def _nginx() -> Finding:
    found = webservers.find_nginx()
    if found is None:
        return _missing("nginx", "not found", "nginx-light")
    return Finding("nginx", ok=True, what=found)


def _resolv_conf() -> Finding:
    name = str(RESOLV_CONF)
    if not RESOLV_CONF.exists():
        mend = f"sudo mkdir -p {RESOLV_CONF.resolve().parent} && sudo touch {RESOLV_CONF.resolve()}"
        return Finding(name, ok=False, what="missing; pods get theirs in its place", mend=mend)
    return Finding(name, ok=True, what="there")


def _missing(name: str, what: str, package: str) -> Finding:
    for program, command in _INSTALLERS.items():
        if shutil.which(program):
            # Only Debian and its kin split these packages.
            wanted = package if program == "apt-get" else name
            return Finding(name, ok=False, what=what, mend=f"{command} {wanted}")
    return Finding(name, ok=False, what=what, mend=f"install the package {name}")


def _sysctl(name: str) -> str:
    try:
        return (_SYSCTLS / name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""
