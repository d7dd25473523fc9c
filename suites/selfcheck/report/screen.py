"""A terminal of so many columns: a program under a pty, and what stands on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

_CONTROL = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]")


def output_of(command: Sequence[str], columns: int, environment: Mapping[str, str]) -> str:
    """All that the command writes to a terminal of this width and 50 rows."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {key: value for key, value in environment.items() if key not in ("COLUMNS", "LINES")}
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept | {"TERM": "xterm"}
    )
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # the other side is closed
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    running.wait()
    return b"".join(parts).decode()


class Screen:
    """What a terminal shows of an output: lines, broken where it is full; never too short."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self._row = self._column = 0

    def feed(self, output: str) -> Screen:
        """Take all of an output; raises ValueError for what it does not know."""
        for found in _CONTROL.finditer(output):
            arguments, command = found.groups()
            if command:
                self._control(arguments, command)
            elif found.group() == "\r":
                self._column = 0
            elif found.group() == "\n":
                self._down()
            else:
                self._put(found.group())
        return self

    def _control(self, arguments: str, command: str) -> None:
        number = int(arguments) if arguments.isdigit() else 1
        match command:
            case "A":
                self._row = max(0, self._row - number)
            case "K":
                self.lines[self._row] = ""
            case "m" | "h" | "l":
                pass
            case _:
                raise ValueError(f"an unknown control: {arguments}{command}")

    def _put(self, sign: str) -> None:
        if self._column == self.columns:
            self._column = 0
            self._down()
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + sign + line[self._column + 1 :]
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append("")
