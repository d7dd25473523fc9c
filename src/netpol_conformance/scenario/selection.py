"""Which files and cases a user means by ``handbook``, ``x.yaml`` or ``x.yaml#case``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from netpol_conformance.scenario.errors import Problem, ScenarioError, did_you_mean
from netpol_conformance.scenario.loader import CASE
from netpol_conformance.scenario.types import Scenario

SUFFIX = ".yaml"

Selected = dict[Path, frozenset[str]]
"""The files that are meant, sorted, and of each the cases; all of them where none is named."""


def select(root: Path, selections: Sequence[str] = ()) -> Selected:
    """What ``selections`` name.

    A selection is a folder, a file, or a case of one: relative to ``root``, to the working
    directory, or absolute; without any, all files. Raises ScenarioError for one that names
    nothing; ``chosen`` checks whether a case exists.
    """
    if not selections:
        return dict.fromkeys(sorted(root.rglob(f"*{SUFFIX}")), frozenset())
    found: dict[Path, frozenset[str]] = {}
    for selection in selections:
        files, case = _selected(root, selection)
        for path in files:
            others = found.get(path)
            whole = not case or others == frozenset()
            found[path] = frozenset() if whole else frozenset({case, *(others or ())})
    return dict(sorted(found.items()))


def chosen(scenarios: Sequence[Scenario], cases: frozenset[str]) -> tuple[Scenario, ...]:
    """Those of a file's ``scenarios`` that are meant; raises ScenarioError for a wrong name."""
    known = [scenario.case for scenario in scenarios if scenario.case]
    problems = []
    for case in sorted(cases - set(known)):
        hint = did_you_mean(case, known) if known else "it has no cases"
        hint = hint or "list them with: netpol-conformance list"
        problems.append(Problem(scenarios[0].file, 1, "", f'there is no case "{case}"', hint))
    if problems:
        raise ScenarioError(problems)
    return tuple(item for item in scenarios if not cases or item.case in cases)


def _selected(root: Path, selection: str) -> tuple[list[Path], str]:
    """The files, and the case if the selection ends in one."""
    if files := list(_files(root, selection)):
        return files, ""
    file, mark, case = selection.rpartition(CASE)
    if mark and case and len(files := list(_files(root, file))) == 1:
        return files, case
    known = [item.relative_to(root).as_posix() for item in root.rglob("*")]
    hint = did_you_mean(file if mark else selection, known)
    hint = hint or "list them with: netpol-conformance list"
    raise ScenarioError([Problem(selection, 1, "", "names no scenario file or folder", hint)])


def _files(root: Path, selection: str) -> Iterable[Path]:
    for candidate in (root / selection, Path(selection), root / f"{selection}{SUFFIX}"):
        if candidate.is_file():
            return [candidate]
        if candidate.is_dir() and any(candidate.rglob(f"*{SUFFIX}")):
            return candidate.rglob(f"*{SUFFIX}")
    return []
