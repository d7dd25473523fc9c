"""Being inside another network namespace (and its files) for a moment, in the calling thread.

Namespaces are anonymous: file descriptors hold them, no name and no file does. A socket stays in
the namespace it was opened in, and a child starts in those of the thread that spawns it, so that
``with inside(...)`` around either is all that is needed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from netpol_conformance.probe.verdict import Source

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

Enter = Callable[[Source], AbstractContextManager[None]]
"""Given who asks or serves, a context manager that puts the calling thread where that is."""

_libc = ctypes.CDLL(None, use_errno=True)


def setns(fd: int, kind: int) -> None:
    """Move the calling thread to the namespace that ``fd`` holds; ``kind`` is a ``CLONE_NEW*``.

    Raises OSError.
    """
    if kind == CLONE_NEWNS:
        # A mount namespace cannot be joined while another thread shares root and directory.
        unshare(CLONE_FS)
    if _libc.setns(fd, kind):
        raise _error()


def unshare(kinds: int) -> None:
    """Give the calling thread new namespaces of ``kinds`` (``CLONE_*``, ored); raises OSError."""
    if _libc.unshare(kinds):
        raise _error()


@contextmanager
def inside(network: int, files: int | None = None) -> Iterator[None]:
    """Be in the network namespace that the descriptor ``network`` holds, and see the files of the
    mount namespace that ``files`` holds.

    For the calling thread only, and only until the block ends: no ``await`` may stand in it.
    Raises OSError if a descriptor holds no namespace.
    """
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(network, CLONE_NEWNET)
        try:
            with _seeing(files):
                yield
        finally:
            setns(here, CLONE_NEWNET)
    finally:
        os.close(here)


@contextmanager
def _seeing(files: int | None) -> Iterator[None]:
    if files is None:
        yield
        return
    here = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(files, CLONE_NEWNS)
        try:
            yield
        finally:
            setns(here, CLONE_NEWNS)
    finally:
        os.close(here)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
