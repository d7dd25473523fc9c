"""What is wrong with a scenario file: where, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from netpol_conformance.model import problems


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. ``field`` is its path in the file, ``steps[0].expect``; ``line`` counts from 1."""

    file: str
    line: int
    field: str
    reason: str
    suggestion: str = ""

    def __str__(self) -> str:
        """``handbook/x.yaml:12: pods.db: reason; suggestion``, as editors can jump to."""
        field = f"{self.field}: " if self.field else ""
        suggestion = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}: {field}{self.reason}{suggestion}"


class ScenarioError(Exception):
    """A scenario is malformed, and nothing may start; ``problems`` are all that were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion for a word that is not among ``known``: the nearest, else all if few."""
    names = sorted(set(known))
    near = problems.did_you_mean(word, names)
    return near or ("known are " + ", ".join(names) if 0 < len(names) <= 12 else "")


FieldPath = tuple[str | int, ...]
"""A path into the file's data: ``("steps", 0, "expect")``."""

LineOf = Callable[[FieldPath], int]
"""Finds the line, from 1, of a path or of its nearest known parent."""


def dotted(path: FieldPath) -> str:
    """``steps[0].expect["service/nginx:80"]``: a path as a person writes it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "").isalnum():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


@dataclass(slots=True)
class Complaints:
    """Collects the problems of one file; ``line_of`` finds the line of a path in it.

    ``place`` finds where in the file a path is, for a part that is read as a file of its own.
    """

    file: str
    line_of: LineOf
    problems: list[Problem] = field(default_factory=list)
    place: Callable[[FieldPath], FieldPath] = field(default=lambda path: path)

    def add(self, path: FieldPath, reason: str, suggestion: str = "", *, line: int = 0) -> None:
        """Note a problem at ``path``, or at ``line`` where the caller knows better."""
        at = line or self.line_of(path)
        where = dotted(self.place(path))
        self.problems.append(Problem(self.file, at, where, reason, suggestion))

    def at(self, place: Callable[[FieldPath], FieldPath]) -> Complaints:
        """Complaints of their own for a part of this file, which ``place`` finds in it."""
        return Complaints(self.file, lambda path: self.line_of(place(path)), place=place)

    def raise_if_any(self) -> None:
        """Raise ScenarioError if a problem was noted; problems come in the file's order."""
        if self.problems:
            raise ScenarioError(sorted(self.problems, key=lambda problem: problem.line))
