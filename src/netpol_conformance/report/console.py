"""A console that is as wide as the terminal it writes to, whatever becomes of standard output."""

from __future__ import annotations

import os

from rich.console import Console, ConsoleDimensions


class OwnConsole(Console):
    """rich asks the standard streams for their size, which pytest takes away to capture output.

    COLUMNS, and where there is no terminal the usual 80, stay rich's business.
    """

    @property
    def size(self) -> ConsoleDimensions:
        """The size of the file's own terminal, at every moment."""
        if "COLUMNS" in os.environ:
            return super().size
        try:
            columns, rows = os.get_terminal_size(self.file.fileno())
        except (OSError, ValueError):
            return super().size
        return ConsoleDimensions(columns, rows) if columns > 0 else super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size
