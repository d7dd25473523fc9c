"""The mutation matrix as data: which scenario notices which broken enforcer. Pure.

``reports/mutants/mutation-matrix.json`` is one: a line a mutant, a line a scenario, sorted, so that
a change of either is a change of a line. Each has a digest of what was run; words for the reader
may change without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from hashlib import sha256
from inspect import getsource
from typing import Any

from netpol_conformance.model.encode import manifest
from netpol_conformance.scenario.types import Scenario, Step

from ..mutants import MUTANTS, Mutant, registry

NOBODY = "none"
"""As if a mutant: nobody enforces, so that every scenario that denies anything must fail."""

_MUTANTS = registry.__name__.rpartition(".")[0]
_WORDS = (
    "path title rules documented covers features version_pinned about case axes digest lines "
    "neighbour_of same_because line expected_lines continuous_lines"
)
"""The fields of scenarios and steps that no run depends on."""


@dataclass(frozen=True, slots=True)
class Column:
    """A mutant, or NOBODY. ``owner`` is the path of the scenario that must notice it."""

    says: str
    rule: str
    owner: str
    bug: str
    digest: str


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario: the mutants with which it fails, and those for which runs were inconclusive."""

    digest: str
    kills: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MutationMatrix:
    """Mutants and scenarios by name; a scenario's path is its name."""

    mutants: Mapping[str, Column]
    scenarios: Mapping[str, Row]

    def dump(self) -> str:
        """As the file has it."""
        mutants, scenarios = _lines(self.mutants), _lines(self.scenarios)
        return f'{{\n"mutants": {mutants},\n"scenarios": {scenarios}\n}}\n'

    @classmethod
    def load(cls, text: str) -> MutationMatrix:
        """The matrix of a file's text."""
        data: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
        rows = data["scenarios"].items()
        return cls(
            {name: Column(**column) for name, column in data["mutants"].items()},
            {
                path: Row(row["digest"], tuple(row["kills"]), tuple(row["open"]))
                for path, row in rows
            },
        )


EMPTY = MutationMatrix({}, {})


def columns(mutants: Mapping[str, Mutant] = MUTANTS) -> dict[str, Column]:
    """Who may enforce, as of now: the registered mutants, and nobody."""
    known = {
        name: Column(
            mutant.description, mutant.rule, mutant.owner_path, mutant.bug, _source(mutant)
        )
        for name, mutant in mutants.items()
    }
    nobody = Column("Nobody enforces.", "S1", "handbook/web-deny-all.yaml", "", "")
    return dict(sorted({**known, NOBODY: nobody}.items()))


def digest(scenario: Scenario) -> str:
    """Of all that a run of ``scenario`` depends on."""
    whole = _said(scenario)
    whole["objects"] = [manifest(item) for item in scenario.objects]
    whole["steps"] = [_said(step) for step in scenario.steps]
    return _hash(json.dumps(whole, sort_keys=True, default=str))


def outdated(matrix: MutationMatrix, corpus: Iterable[Scenario]) -> list[str]:
    """What the matrix has not seen as it is now, and what it has and is gone."""
    mutants, rows = columns(), {scenario.path: digest(scenario) for scenario in corpus}
    seen = {path: row.digest for path, row in matrix.scenarios.items()}
    names = [*_different(mutants, matrix.mutants), *_different(rows, seen)]
    return sorted(names)


def _different(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]


def _said(part: Scenario | Step) -> dict[str, Any]:
    """What a scenario or step says, beyond words and what goes without saying."""
    values = {field.name: (getattr(part, field.name), field.default) for field in fields(part)}
    return {
        name: value
        for name, (value, default) in values.items()
        if name not in _WORDS.split() and (default is MISSING or value != default)
    }


def _source(mutant: Mutant) -> str:
    """A digest of the mutant's source, and of what it inherits from others here."""
    classes = [kind for kind in mutant.enforcer.__mro__ if kind.__module__.startswith(_MUTANTS)]
    return _hash("".join(getsource(kind) for kind in classes))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _lines(part: Mapping[str, Column | Row]) -> str:
    items = (
        f"{json.dumps(name)}: {json.dumps(asdict(part[name]), ensure_ascii=False)}"
        for name in sorted(part)
    )
    return "{\n" + ",\n".join(items) + "\n}"
