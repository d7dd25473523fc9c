"""Clusters without a run: kept on purpose, or left by a run that was killed. A run holds a file
lock as long as it lives, which the kernel releases however it ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

PREFIX = "netpol-conformance-"
"""How the names of all clusters of ours begin."""


class Ownership:
    """A lock on a cluster's name, held until ``release`` or this process's end."""

    def __init__(self, name: str) -> None:
        self._file = _open(name)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """Release the lock; no run owns the cluster from now on."""
        Path(self._file.name).unlink(missing_ok=True)
        self._file.close()


def ownerless(clusters: Iterable[str]) -> list[str]:
    """Those of the named clusters that are ours by name, and owned by no run that lives here."""
    return [name for name in clusters if name.startswith(PREFIX) and not _is_owned(name)]


def advice(name: str) -> str:
    """What to say of a cluster that was left."""
    return (
        f"the kind cluster {name} is there from an earlier run that kept it or was killed; "
        f"remove it with: kind delete cluster --name {name}; "
        f"docker ps -aq --filter label={CONTAINER_LABEL}={name} | xargs -r docker rm -f"
    )


CONTAINER_LABEL = "netpol-conformance.cluster"
"""On every container of ours beside the nodes: the cluster it belongs to."""


def _is_owned(name: str) -> bool:
    if not _lock(name).exists():
        return False
    with _open(name) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _open(name: str) -> IO[str]:
    path = _lock(name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return path.open("a", encoding="utf-8")


def _lock(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"netpol-conformance-{os.getuid()}" / f"{name}.lock"
