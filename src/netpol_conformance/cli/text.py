"""Long texts of commands, broken between words where the terminal ends.

Only on a terminal: what goes elsewhere keeps its lines, and manifests keep theirs anywhere.
"""

from __future__ import annotations

import re
import shutil
import sys

import typer

from netpol_conformance.report.text import wrap

_YAML = re.compile(r"\s*(- |[\w./\"'-]+:(\s|$)|---|[#|\]}])")
_NARROWEST = 20


def echo(text: str) -> None:
    """Print the text; on a terminal its sentences fit the width."""
    if sys.stdout.isatty():
        text = wrapped(text, max(shutil.get_terminal_size().columns, _NARROWEST))
    typer.echo(text)


def wrapped(text: str, width: int) -> str:
    """``text`` with each line that is too long broken between words, as deep as it began."""
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    if len(line) <= width or _YAML.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(wrap(line.strip(), width, indent, indent))
