"""A plugin's declaration as the rest of the suite sees it."""

from __future__ import annotations

from dataclasses import dataclass

from netpol_conformance.scenario.types import Scenario


@dataclass(frozen=True, slots=True)
class Lack:
    """A feature that the implementation does not support. ``line`` is where the file says so."""

    feature: str
    reason: str
    link: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A scenario, or of a file with cases all, that the implementation is known to fail.

    ``steps`` (from 1) and ``cells`` (as reports write them) narrow it down; empty means any.
    """

    scenario: str
    reason: str
    link: str
    steps: tuple[int, ...] = ()
    cells: tuple[str, ...] = ()
    line: int = 0

    def is_of(self, path: str) -> bool:
        """Whether it is about the scenario of this path: itself, or one of its cases."""
        return path == self.scenario or path.startswith(f"{self.scenario}#")

    def covers(self, step: int, cell: str) -> bool:
        """Whether this part of the scenario is declared to fail."""
        return (not self.steps or step in self.steps) and (not self.cells or cell in self.cells)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that changes of policies, and of pods, namespaces and their labels, may take to be
    in force; None is not said.
    """

    policies: float | None
    labels: float | None
    link: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a declaration says of one scenario. False if nothing."""

    file: str
    lacks: tuple[Lack, ...] = ()
    failures: tuple[KnownFailure, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is declared."""
        return bool(self.lacks or self.failures)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole file. ``name`` is what ``--declaration`` calls it, ``called`` what runs call the
    implementation beside that; ``versions`` and ``configuration`` are what it holds for, all if
    there are none. ``measured`` is whether this suite was ever run on it.
    """

    name: str
    file: str
    implementation: str
    link: str
    versions: tuple[str, ...] = ()
    configuration: tuple[str, ...] = ()
    measured: bool = True
    called: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()
    failures: tuple[KnownFailure, ...] = ()
    times: Times | None = None

    def declared(self, scenario: Scenario) -> Declared:
        """What it says of a scenario."""
        return Declared(
            self.file,
            tuple(lack for lack in self.lacks if lack.feature in scenario.features),
            tuple(failure for failure in self.failures if failure.is_of(scenario.path)),
        )
