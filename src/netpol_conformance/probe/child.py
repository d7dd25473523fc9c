"""Hundreds of child processes without a thread or pipe for each, all reaped."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from netpol_conformance.probe.waiting import READABLE, until_ready

Inside = Callable[[], AbstractContextManager[None]]
"""A context manager that puts the calling thread where a child or server shall run."""

_MAX_OUTPUT = 65_536


class Child:
    """One running command in a process group of its own.

    Its output goes to a file in memory, so that what it wrote can be read at its end, even while
    a grandchild still holds the descriptor (``busybox timeout`` leaves one for a second).
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        inside: Inside = nullcontext,
    ) -> None:
        """Start ``argv``, whose first item is an absolute path. Raises OSError if it cannot."""
        with contextlib.ExitStack() as undo:
            self._output = os.memfd_create("output")
            undo.callback(os.close, self._output)
            with inside():
                self.pid = _spawn(argv, environment, self._output)
            undo.callback(self._end)
            self._pidfd = os.pidfd_open(self.pid)
            undo.pop_all()
        self._exit_code: int | None = None

    async def exited(self, deadline: float) -> bool:
        """Wait for the end, at most until ``deadline`` in the running loop's time; say if it came.

        The process stays a zombie until ``close``, so that its group can be signalled safely.
        """
        return await until_ready(self._pidfd, READABLE, deadline)

    def output(self) -> str:
        """What it has written so far to its standard output and error, at most 64 KiB."""
        return os.pread(self._output, _MAX_OUTPUT, 0).decode("utf-8", "replace")

    def close(self) -> int:
        """End the whole group, wait for the process and return its exit code.

        A negative exit code is the number of the signal that ended it. Safe to call twice.
        """
        if self._exit_code is None:
            os.close(self._pidfd)
            os.close(self._output)
            self._exit_code = self._end()
        return self._exit_code

    def _end(self) -> int:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED)
        assert ended is not None  # None is for WNOHANG only
        _running.discard(self.pid)
        by_signal = ended.si_code != os.CLD_EXITED
        return -ended.si_status if by_signal else ended.si_status


def _spawn(argv: Sequence[str], environment: Mapping[str, str], output: int) -> int:
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ],
        setpgroup=0,
        # Python ignores SIGPIPE, and a child would inherit that.
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
        setsigmask=[],
    )
    _running.add(pid)
    return pid


_running: set[int] = set()


def reap_orphans() -> None:
    """Reap what children left behind, where that falls to us: in the first process of a pid
    namespace, all of whose children must be ``Child``.
    """
    if os.getpid() != 1:
        return
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in _running:
                return  # its owner reaps it; what lies behind it has time
            os.waitid(os.P_PID, ended.si_pid, os.WEXITED)
