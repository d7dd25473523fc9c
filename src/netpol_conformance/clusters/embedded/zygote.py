"""The zygote: a process with all imports done, from which clusters are forked.

``python -m netpol_conformance.clusters.embedded.zygote SOCKET DRIVER`` where SOCKET is the number
of an inherited socket and DRIVER the process that started this one. Each message on the socket
brings one descriptor, a cluster's connection, and makes one cluster. It ends when the socket does,
or the driver; and every cluster ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys

from netpol_conformance.clusters.embedded.host import launch

# What Python itself imports only when it first needs it, in every cluster anew.
_NEEDED_LATER = ("concurrent.futures.thread", "encodings.idna")


def main() -> None:
    """Serve until the driver is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.chdir("/")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    driver = _watch(int(sys.argv[2]))
    for module in _NEEDED_LATER:
        importlib.import_module(module)
    # What is imported by now is shared by all clusters' processes, as long as nobody writes to it.
    gc.collect()
    gc.freeze()
    own = os.getpid()
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    waiting.register(driver, select.POLLIN)
    while True:
        if driver in (descriptor for descriptor, _ in waiting.poll()):
            return
        message, descriptors, _flags, _address = socket.recv_fds(control, 16, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            launch(descriptors[0], own)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(driver: int) -> int:
    """A descriptor that becomes readable when the driver ends, by whatever cause."""
    watched = -1
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(driver)
    if os.getppid() != driver:
        sys.exit(0)
    return watched


if __name__ == "__main__":
    main()
