"""The reports as files, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from netpol_conformance.report.document.report import Report

Format = Callable[[Report], str]
"""From a report to a file's text: ``json_report.dumps``, ``junit.dumps``, ``html.render``."""


def write_reports(wanted: Mapping[Path, Format], report: Report) -> list[str]:
    """Write each file; of each that is not where it should be, why, in a sentence.

    One that fails costs no other. What has no room where it should be goes to the folder for
    temporary files, if there is room.
    """
    refuge = cache(lambda: Path(tempfile.mkdtemp(prefix="netpol-conformance-")))
    unwritten = []
    for path, form in wanted.items():
        try:
            _write(path, form(report), refuge)
        except Exception as error:  # noqa: BLE001 - told, when the others are safe
            error.add_note(f"while writing {path}")
            what = str(error) or type(error).__name__
            unwritten.append(f"A report is missing: {what}, {'; '.join(error.__notes__)}")
    return unwritten


def _write(path: Path, text: str, refuge: Callable[[], Path]) -> None:
    """Raises OSError, which says where the text is instead, if anywhere."""
    try:
        write_text(path, text)
    except OSError as error:
        with suppress(OSError):
            write_text(refuge() / path.name, text)
            error.add_note(f"it is {refuge() / path.name} instead")
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing, making its folder: a reader never meets half a report.

    What was there stays until all of the new file is on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
