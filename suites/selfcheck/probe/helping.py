"""What tests of probes share: free ports of the loopback, and programs in the place of others."""

from __future__ import annotations

import socket
from pathlib import Path

ME = "default/server"
LOOPBACK = "127.0.0.1"


def free_ports(number: int) -> tuple[int, ...]:
    listeners = [socket.create_server((LOOPBACK, 0)) for _ in range(number)]
    try:
        return tuple(listener.getsockname()[1] for listener in listeners)
    finally:
        for listener in listeners:
            listener.close()


def free_port() -> int:
    return free_ports(1)[0]


def script(directory: Path, body: str, name: str = "busybox") -> str:
    """A program of that name which does what ``body``, in the shell's words, says."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)
