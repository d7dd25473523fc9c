"""The driver's side: starting a cluster's process, and asking it.

One zygote serves all clusters of a driver process, whichever thread they belong to.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from netpol_conformance.clusters.base import ClusterError

_log = logging.getLogger(__name__)

LOGGER = logging.getLogger("netpol_conformance")
"""Whatever the cluster's process logs."""
_MODULE = "netpol_conformance.clusters.embedded.zygote"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the cluster's process shall have of the driver: where it finds modules and programs."""

    directory: str
    path: tuple[str, ...]
    environment: dict[str, str]
    log_level: int

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process, now; ``path`` means the same whatever the directory."""
        path = tuple(str(Path(entry).absolute()) for entry in sys.path)
        return cls(str(Path.cwd()), path, dict(os.environ), LOGGER.getEffectiveLevel())

    def adopt(self) -> None:
        """Make them this process's own."""
        os.chdir(self.directory)
        sys.path[:] = self.path
        os.environ.clear()
        os.environ.update(self.environment)
        LOGGER.setLevel(self.log_level)


class HostProcess:
    """A cluster's process and the connection to it. Raises ClusterError if it cannot be started.

    One thread asks; any thread may close, also while the other waits for an answer.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            _hand_over(theirs)
        self._connection = Connection(ours.detach())
        self._asking = threading.Lock()
        self._ending = threading.Lock()

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 -- the caller knows it
        """What a ``ControlPlane.method`` returns or raises; what it logs is logged here too."""
        began = time.monotonic()
        try:
            with self._asking:
                # A process that failed to start has answered already, and reads no more.
                with contextlib.suppress(BrokenPipeError):
                    self._connection.send((method, arguments))
                failed, answer, records = self._connection.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise ClusterError(
                "the embedded cluster's process has ended (was it killed?); start the run again"
            ) from error
        except BaseException:
            # The answer may still come: nothing can be asked any more.
            self.close()
            raise
        for record in records:
            logging.getLogger(record.name).handle(record)
        took = 1000 * (time.monotonic() - began)
        _log.debug(
            "%s: %s in %.1f ms", _named(method, arguments), "failed" if failed else "done", took
        )
        if failed:
            raise answer
        return answer

    def close(self) -> None:
        """End the process and wait until the kernel has removed it and all it started."""
        with self._ending, contextlib.suppress(OSError):
            _shut_down(self._connection)
        with self._asking:  # whoever waits for an answer has seen the end
            with contextlib.suppress(EOFError, OSError):
                while True:
                    # The last holder of the other end goes last of all.
                    self._connection.recv_bytes()
            with self._ending:
                self._connection.close()


def _named(method: str, arguments: tuple[object, ...]) -> str:
    """The method, and of how many things: never what they are."""
    first = arguments[0] if arguments else None
    return f"{method} of {len(first)}" if isinstance(first, tuple | dict) else method


def _shut_down(connection: Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as writing:
        writing.shutdown(socket.SHUT_WR)


def _hand_over(connection: socket.socket) -> None:
    with _lock:
        for fresh in (False, True):
            if fresh:
                _log.info("the process that clusters are forked from was gone")
            if fresh or os.getpid() not in _zygotes:
                _zygotes[os.getpid()] = _Zygote()
            # A zygote that somebody killed is replaced.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                _zygotes[os.getpid()].make_cluster(connection)
                return
    raise ClusterError("the process that embedded clusters come from ends as soon as it starts")


class _Zygote:
    """The process that ``zygote.main`` describes."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            # A session of its own: Ctrl-C is for the driver, which ends the clusters in good order.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(number), str(os.getpid())],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        _log.debug("clusters are forked from process %d", self._process.pid)
        self._owner = os.getpid()
        atexit.register(self.close)

    def make_cluster(self, connection: socket.socket) -> None:
        """Have it make a cluster for the other end of ``connection``; raises OSError."""
        socket.send_fds(self._control, [b"cluster"], [connection.fileno()])

    def close(self) -> None:
        """End it, and all its clusters."""
        self._control.close()
        if os.getpid() == self._owner:
            self._process.wait()


_lock = threading.Lock()
_zygotes: dict[int, _Zygote] = {}
"""By the driver's process id, so that a fork of the driver starts one of its own."""
