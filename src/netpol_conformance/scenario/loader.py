"""A scenario file -> a Scenario, or every problem in it at once. No cluster starts for an invalid
file.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.model.yaml import Document
from netpol_conformance.scenario.cases import Whole, scenarios_in
from netpol_conformance.scenario.errors import (
    Complaints,
    LineOf,
    Problem,
    ScenarioError,
    did_you_mean,
)
from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.schema import ClusterPart, ScenarioFile
from netpol_conformance.scenario.steps import read_steps
from netpol_conformance.scenario.types import Documented, Scenario, SourceRef
from netpol_conformance.scenario.validation import read_document, validate
from netpol_conformance.scenario.workloads import Workloads, expand

CASE = "#"
"""Between a file and a case of it: ``semantics/pairwise.yaml#ingress-tcp``."""


def load_file(root: Path, path: Path) -> tuple[Scenario, ...]:
    """Load the scenarios of one file, called by its path below ``root``, or as it is given.

    Raises ScenarioError.
    """
    absolute_root, absolute = root.resolve(), path.resolve()
    inside = absolute.is_relative_to(absolute_root)
    name = absolute.relative_to(absolute_root).as_posix() if inside else path.as_posix()
    return load_all(read_text(path, name), name)


def read_text(path: Path, name: str) -> str:
    """The text of a file that users know as ``name``; raises ScenarioError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([Problem(name, 1, "", f"cannot be read: {error}")]) from error


def load(text: str, path: str) -> Scenario:
    """The only scenario that ``text`` holds, called ``path``; raises ScenarioError."""
    scenarios = load_all(text, path)
    if scenarios[0].case:
        reason = f"holds {len(scenarios)} cases, where one scenario is wanted"
        raise ScenarioError([Problem(path, 1, "cases", reason, f"name one: {scenarios[0].path}")])
    return scenarios[0]


def load_all(text: str, path: str) -> tuple[Scenario, ...]:
    """The scenarios that the file called ``path`` holds: one, or one for each of its cases.

    Raises ScenarioError with all problems.
    """
    document = read_document(text, path, "scenario")
    complaints = Complaints(path, document.line)
    file = validate(ScenarioFile, document, complaints)
    scenarios, problems = [], complaints.problems
    for whole in scenarios_in(file, complaints):
        try:
            scenarios.append(_load(path, whole, _digest(text, document, whole.case)))
        except ScenarioError as error:
            problems.extend(each for each in error.problems if each not in problems)
    complaints.raise_if_any()
    return tuple(scenarios)


def _load(path: str, whole: Whole, digest: str) -> Scenario:
    file, complaints = whole.file, whole.complaints
    version = _version(file.cluster, complaints)
    for number, feature in enumerate(file.features):
        if feature not in FEATURES:
            hint = did_you_mean(feature, FEATURES)
            complaints.add(("features", number), f'no feature is called "{feature}"', hint)
    workloads = expand(file, version, complaints)
    complaints.raise_if_any()
    bare = _scenario(path, whole, version, workloads)
    scenario = read_steps(bare, file, workloads.groups, complaints)
    complaints.raise_if_any()
    return replace(scenario, digest=digest)


def _digest(text: str, document: Document, case: str) -> str:
    """Of the file's text; for a case, of what is left of the file without the others."""
    if case:
        data = cast("dict[str, Any]", document.data)
        text = json.dumps({**data, "cases": {case: data["cases"][case]}})
    return sha256(text.encode()).hexdigest()[:16]


def _version(cluster: ClusterPart, complaints: Complaints) -> KubernetesVersion:
    if not cluster.kubernetes:
        return LATEST
    try:
        return KubernetesVersion.parse(cluster.kubernetes)
    except ValueError as error:
        complaints.add(("cluster", "kubernetes"), str(error))
        return LATEST


def _scenario(
    path: str, whole: Whole, version: KubernetesVersion, workloads: Workloads
) -> Scenario:
    """The scenario without its steps and what follows from them."""
    file = whole.file
    families = tuple(6 if family == "IPv6" else 4 for family in file.cluster.families)
    return Scenario(
        path=f"{path}{CASE}{whole.case}" if whole.case else path,
        case=whole.case,
        title=file.title,
        rules=tuple(file.rules),
        documented=Documented(file.documented.where, file.documented.section, file.documented.link),
        covers=tuple(file.covers),
        steps=(),
        objects=workloads.objects,
        sources=(),
        destinations=(),
        outside=workloads.outside,
        features=tuple(file.features),
        nodes=file.cluster.nodes,
        families=families,
        version=version,
        version_pinned=bool(file.cluster.kubernetes),
        about=file.about.strip(),
        neighbour_of=file.neighbour_of,
        axes=dict(file.axes),
        lines=_lines(file, workloads, whole.complaints.line_of),
    )


def _lines(file: ScenarioFile, workloads: Workloads, line_of: LineOf) -> dict[str, int]:
    """The line of each field that a check of the corpus may point at."""
    fields = ("title", "rules", "documented", "covers", "features", "neighbourOf")
    lines = {field: line_of((field,)) for field in fields}
    for key, names in zip(file.pods, workloads.groups.items(), strict=True):
        (namespace, _), replicas = names
        for name in replicas:
            lines[f"pods.{SourceRef(SourceKind.POD, namespace, name)}"] = line_of(("pods", key))
    for name in file.outside:
        lines[f"outside.{name}"] = line_of(("outside", name))
    return lines
