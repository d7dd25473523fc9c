"""The driver's side: starting a cluster's process, and asking it.

One zygote serves all clusters of a driver process, whichever thread they belong to.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from netpol_conformance.clusters.base import ClusterError

_ZYGOTE = "netpol_conformance.clusters.embedded.zygote"
_lock = threading.Lock()
_zygotes: dict[int, socket.socket] = {}
"""The control socket by the driver's process id, so that a fork of it starts a zygote anew."""


class HostProcess:
    """A cluster's process and the connection to it. Raises ClusterError if it cannot be started."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            _hand_over(theirs)
        self._connection = Connection(ours.detach())

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 -- the caller knows it
        """What ``method`` of the cluster's host returns or raises; see ``host.Host``."""
        try:
            # A process that failed to start has answered already, and reads no more.
            with contextlib.suppress(BrokenPipeError):
                self._connection.send((method, arguments))
            failed, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise ClusterError(
                "the embedded cluster's process has ended (was it killed?); start the run again"
            ) from error
        except BaseException:
            # The answer may still come: nothing can be asked any more.
            self.close()
            raise
        if failed:
            raise answer
        return answer

    def close(self) -> None:
        """End the process and wait until the kernel has removed it and all it started."""
        if self._connection.closed:
            return
        with contextlib.suppress(EOFError, OSError):
            _shut_down(self._connection)
            while True:
                # The last holder of the other end goes last of all.
                self._connection.recv_bytes()
        self._connection.close()


def _shut_down(connection: Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as writing:
        writing.shutdown(socket.SHUT_WR)


def _hand_over(connection: socket.socket) -> None:
    with _lock:
        for fresh in (False, True):
            if fresh or os.getpid() not in _zygotes:
                _zygotes[os.getpid()] = _start_zygote()
            # A zygote that somebody killed is replaced.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(_zygotes[os.getpid()], [b"cluster"], [connection.fileno()])
                return
    raise ClusterError("the process that embedded clusters come from ends as soon as it starts")


def _start_zygote() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        # A session of its own: Ctrl-C is for the driver, which ends the clusters in good order.
        # It is never waited for: it ends with the driver.
        subprocess.Popen(
            [sys.executable, "-P", "-m", _ZYGOTE, str(number), str(os.getpid())],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours
