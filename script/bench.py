"""Run benchmarks/*.py one after the other and gather their figures in one file and one table.

A benchmark prints JSON and nothing else: objects ``{"name", "value", "unit", "goal"}``, one after
the other or in a list. ``goal`` is the most that ``value`` should be, or null.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class BenchmarkError(Exception):
    """A benchmark broke off, or printed something else than figures."""


@dataclass(frozen=True)
class Figure:
    """One measured number; ``goal`` is the most it should be, in the same unit."""

    name: str
    value: float
    unit: str
    goal: float | None
    benchmark: str

    @property
    def verdict(self) -> str:
        """Whether the goal was met, in a word."""
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else "MISSED"


def machine() -> dict[str, str | int]:
    """What the figures were taken on; nothing that names the machine or its user."""
    return {
        "cpu": _first_value("/proc/cpuinfo", "model name") or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory": _first_value("/proc/meminfo", "MemTotal"),
        "kernel": platform.release().split("-")[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
    }


def _first_value(path: str, key: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def run(benchmark: Path) -> list[Figure]:
    """The figures that a benchmark prints; raises BenchmarkError if it fails or prints others."""
    done = subprocess.run(
        [sys.executable, str(benchmark)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"{benchmark.name} ended with exit code {done.returncode}")
    figures = [_figure(item, benchmark) for item in _items(done.stdout, benchmark)]
    if not figures:
        raise BenchmarkError(f"{benchmark.name} printed no figure")
    return figures


def _items(output: str, benchmark: Path) -> Iterator[object]:
    """Each object of the JSON documents that follow each other in ``output``."""
    decoder = json.JSONDecoder()
    rest = output.strip()
    while rest:
        try:
            document, end = decoder.raw_decode(rest)
        except ValueError as error:
            raise BenchmarkError(f"{benchmark.name} printed what isn't JSON: {error}") from None
        yield from document if isinstance(document, list) else [document]
        rest = rest[end:].lstrip()


def _figure(item: object, benchmark: Path) -> Figure:
    match item:
        case {"name": str(name), "value": float() | int() as value, "unit": str(unit), **others}:
            goal = others.get("goal")
            if goal is None or isinstance(goal, float | int):
                return Figure(name, value, unit, goal, benchmark.stem)
    raise BenchmarkError(
        f"{benchmark.name} printed {item}; a figure has a name, a value,"
        " a unit, and a goal that is a number or null"
    )


def table(figures: list[Figure], *, markdown: bool) -> str:
    """The figures beside their goals, as text or as a Markdown table."""
    rows = [("figure", "measured", "goal", "")]
    for figure in figures:
        goal = "" if figure.goal is None else f"at most {figure.goal:,.6g} {figure.unit}".rstrip()
        measured = f"{figure.value:,.4g} {figure.unit}".rstrip()
        rows.append((figure.name, measured, goal, figure.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if markdown:
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|---|---|---|---|")
    return "\n".join(lines)


def main() -> int:
    """Run, write build/bench.json, print the table; 1 if a benchmark broke, whatever its goals."""
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("words", nargs="*", metavar="WORD", help="part of a benchmark's name")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    chosen = [
        path
        for path in sorted(ROOT.glob("benchmarks/[!_]*.py"))
        if not arguments.words or any(word in path.stem for word in arguments.words)
    ]
    if not chosen:
        parser.error("no benchmark has such a name; see benchmarks/")
    figures: list[Figure] = []
    broken = []
    for number, path in enumerate(chosen, start=1):
        sys.stderr.write(f"bench: {number} of {len(chosen)}: {path.stem} ...\n")
        try:
            figures += run(path)
        except BenchmarkError as error:
            broken.append(str(error))
    output = ROOT / "build" / "bench.json"
    output.parent.mkdir(exist_ok=True)
    document = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(table(figures, markdown=arguments.markdown))
    print("\nTaken on: " + ", ".join(f"{key} {value}" for key, value in machine().items()))
    for reason in broken:
        sys.stderr.write(f"bench: {reason}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
