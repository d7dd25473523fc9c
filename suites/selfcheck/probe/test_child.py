"""Child processes: their output, their end, and that none is left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import signal

import pytest

from netpol_conformance.probe.child import Child


def sh(script: str) -> Child:
    return Child(["/bin/sh", "-c", script], environment={"WHO": "me"})


async def ended(child: Child, within: float = 30) -> bool:
    return await child.exited(asyncio.get_running_loop().time() + within)


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("echo $WHO; echo no >&2; exit 3", 3, "me\nno\n"),
        ("kill -TERM $$", -signal.SIGTERM, ""),
        ("printf '\\377'", 0, "\N{REPLACEMENT CHARACTER}"),
        ("cat", 0, ""),
        ("head -c 100000 /dev/zero | tr '\\0' x", 0, "x" * 65_536),
    ],
)
def test_output_and_exit_code(script: str, code: int, output: str) -> None:
    child = sh(script)
    assert asyncio.run(ended(child))
    assert child.output() == output
    assert (child.close(), child.close()) == (code, code)


def test_what_does_not_end_is_ended_with_all_its_group() -> None:
    child = sh("sleep 60 & echo $!; wait")

    while not child.output():
        os.sched_yield()
    grandchild = int(child.output())
    assert not asyncio.run(ended(child, within=0))
    watched = os.pidfd_open(grandchild)
    assert child.close() == -signal.SIGKILL
    with os.fdopen(watched):
        # Readable, that is ended; who reaps it is another matter.
        asyncio.run(readable(watched))


async def readable(descriptor: int) -> None:
    woken = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, woken.set)
    await woken.wait()


def test_what_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- names, not paths
    with pytest.raises(FileNotFoundError):
        Child(["/no/such/program"], environment={})

    started: list[int] = []

    def full(pid: int) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", full)
    with pytest.raises(OSError, match="Too many open files"):
        sh("sleep 60")
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)
    assert set(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
