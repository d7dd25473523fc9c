"""Agents on standby: a process that has loaded all that an agent needs, and forks one a caller.

The first process of a pod's container begins it. Who is started in the container later only hands
over its standard streams, which takes a tenth of the processor's time that importing all of it
again would.

Blocking and without an event loop, so that what it forks starts with none.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 20.0
"""Seconds for the standby to listen: the container has just started, on a machine however busy."""
_STREAMS = 3
_CALL = """\
import _socket, _struct, time
deadline = time.monotonic() + {patience}
while True:
    call = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        call.connect({path!r})
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.02)
streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _struct.pack("3i", 0, 1, 2))
call.sendmsg([b"."], [streams])
raise SystemExit(not call.recv(1))
"""


def command(path: str, patience: float = PATIENCE) -> tuple[str, ...]:
    """What becomes an agent, by the standby at ``path``, and ends as that agent does.

    It imports nothing that is not built in.
    """
    return ("python", "-I", "-S", "-c", _CALL.format(path=path, patience=patience))


def begin(path: str, load: Callable[[], Callable[[], int]], after: float = 0.0) -> int:
    """Fork the standby, to listen at ``path``; returns its process id.

    ``load`` imports what an agent needs, ``after`` that many seconds, and returns what is then
    called in each agent's process. The caller must have no other thread.
    """
    standby = os.fork()
    if standby:
        return standby
    try:
        time.sleep(after)
        _listen(path, load())
    finally:
        os._exit(1)


def _listen(path: str, agent: Callable[[], int]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the agents
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    Path(path).unlink(missing_ok=True)
    listener.bind(path)
    listener.listen()
    while True:
        caller, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _become(caller, agent)
        caller.close()


def _become(caller: socket.socket, agent: Callable[[], int]) -> None:
    """Take over the caller's streams, be its agent, and tell it of an end in order."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, streams, _, _ = socket.recv_fds(caller, 1, _STREAMS)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        if agent() == 0:
            caller.send(b".")
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        raise
    finally:
        os._exit(0)
