"""Being inside another network namespace (and its files) for a moment, in the calling thread.

Namespaces are anonymous: file descriptors hold them, no name and no file does. A socket stays in
the namespace it was opened in, and a child starts in those of the thread that spawns it, so that
``with inside(...)`` around either is all that is needed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

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
    with ExitStack() as left:
        left.enter_context(returning(CLONE_NEWNET))
        setns(network, CLONE_NEWNET)
        if files is not None:
            left.enter_context(returning(CLONE_NEWNS))
            setns(files, CLONE_NEWNS)
        yield


@contextmanager
def returning(kind: int) -> Iterator[None]:
    """Have the calling thread return from wherever this block puts it: to the namespace of
    ``kind``, CLONE_NEWNET or CLONE_NEWNS, in which it is now.
    """
    with ExitStack() as left:
        here = current(kind)
        left.callback(os.close, here)
        left.callback(setns, here, kind)
        yield


def current(kind: int) -> int:
    """The calling thread's namespace of ``kind``, CLONE_NEWNET or CLONE_NEWNS, as a descriptor."""
    name = "net" if kind == CLONE_NEWNET else "mnt"
    return os.open(f"/proc/thread-self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
