"""A scenario file -> the scenarios in it, each as a file of its own would state it.

A case adds to what stands beside ``cases``: its workloads are further ones, its lists are
appended; its title, and its cluster and neighbour if it has them, stand instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from netpol_conformance.scenario.errors import Complaints, FieldPath
from netpol_conformance.scenario.schema import CasePart, ScenarioFile

_LISTS = ("rules", "covers", "features")
_MAPPINGS = ("axes", "namespaces", "pods", "outside")


@dataclass(frozen=True, slots=True)
class Whole:
    """One scenario, whole: ``case`` is its name in the file, empty for the only one there.

    ``complaints`` are for it alone, and find its fields where they stand in the file.
    """

    case: str
    file: ScenarioFile
    complaints: Complaints


def scenarios_in(file: ScenarioFile, complaints: Complaints) -> Iterator[Whole]:
    """The scenarios of ``file``, in its order; what is wrong between them goes to complaints."""
    if file.cases and file.steps:
        complaints.add(("cases",), "stand beside steps", "give one or the other")
    elif not file.cases and not file.steps:
        complaints.add(("steps",), "is missing", "give steps, or cases")
    if not file.cases:
        _check_pods(file, complaints)
        yield Whole("", file, complaints)
    for name, case in file.cases.items():
        _check_workloads(name, file, case, complaints)
        whole = _whole(file, case)
        own = complaints.at(partial(_place, name, case))
        _check_pods(whole, own)
        yield Whole(name, whole, own)


def _place(name: str, case: CasePart, path: FieldPath) -> FieldPath:
    """From a field of the whole to where it stands in the file."""
    if not path or path[0] not in case.model_fields_set:
        return path
    own = getattr(case, str(path[0]))
    if isinstance(own, Mapping) and path[1:] and path[1] not in own:
        return path
    return ("cases", name, *path)


def _whole(file: ScenarioFile, case: CasePart) -> ScenarioFile:
    update: dict[str, Any] = {"title": case.title, "steps": case.steps, "cases": {}}
    update["about"] = "\n\n".join(filter(None, (file.about.strip(), case.about.strip())))
    update["cluster"] = case.cluster or file.cluster
    update["neighbour_of"] = case.neighbour_of or file.neighbour_of
    for key in _LISTS:
        update[key] = list(dict.fromkeys([*getattr(file, key), *getattr(case, key)]))
    for key in _MAPPINGS:
        update[key] = {**getattr(file, key), **getattr(case, key)}
    return file.model_copy(update=update)


def _check_workloads(name: str, file: ScenarioFile, case: CasePart, complaints: Complaints) -> None:
    """Check that nothing is declared twice."""
    for key in _MAPPINGS:
        for item in sorted(set(getattr(case, key)) & set(getattr(file, key))):
            where = ("cases", name, key, item)
            complaints.add(where, "stands beside cases already, for all of them")


def _check_pods(file: ScenarioFile, complaints: Complaints) -> None:
    if not file.pods:
        complaints.add(("pods",), "is missing", "a scenario has workloads")
