"""Making namespaces: the cluster's own (user, mounts, network, processes) and, inside it, a
network namespace a machine and a mount namespace a set of files. Descriptors hold them.

It needs no privileges, and everything ends with the process.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from netpol_conformance.probe.netns import CLONE_NEWNET, CLONE_NEWNS, current, returning, unshare

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x2, 0x4, 0x8
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def enter_new_world() -> None:
    """Move this process, single-threaded, to new user, mount, network and pid namespaces, as their
    root. Its next child will be the first process of the new pid namespace.

    Raises OSError where user namespaces are forbidden.
    """
    user, group = os.geteuid(), os.getegid()
    unshare(_CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | _CLONE_NEWPID)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends.

    Whether the parent had ended already is for the caller to look, afterwards.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def mount_proc() -> None:
    """A /proc of this pid namespace, whose /proc/sys is ours to write; raises OSError."""
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


def mount_tmpfs(at: Path) -> None:
    """An empty file system in memory over the directory ``at``; raises OSError."""
    _mount("tmpfs", str(at), "tmpfs", _MS_NOSUID | _MS_NODEV)


def new_network() -> int:
    """A new network namespace, as a descriptor; the caller stays where it is. Raises OSError."""
    with returning(CLONE_NEWNET):
        unshare(CLONE_NEWNET)
        return current(CLONE_NEWNET)


def new_files(over: Mapping[Path, Path]) -> int:
    """A new mount namespace in which each file of ``over`` shows the file that it maps to.

    Returns a descriptor; the caller stays where it is. Raises OSError.
    """
    with returning(CLONE_NEWNS):
        unshare(CLONE_NEWNS)
        for target, shown in over.items():
            _mount(str(shown), str(target), "", _MS_BIND)
        return current(CLONE_NEWNS)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    if _libc.mount(source.encode(), target.encode(), kind.encode(), flags, None):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount on {target}: {os.strerror(number)}")
