"""A scenario file -> a Scenario, or every problem in it at once. Nothing starts with a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.model.yaml import Document, YAMLError, load_all
from netpol_conformance.scenario.errors import (
    Complaints,
    Problem,
    ScenarioError,
    did_you_mean,
)
from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.schema import ClusterPart, ScenarioFile
from netpol_conformance.scenario.steps import read_steps
from netpol_conformance.scenario.types import Documented, Scenario, SourceRef
from netpol_conformance.scenario.validation import explain
from netpol_conformance.scenario.workloads import Workloads, expand

SUFFIX = ".yaml"


def discover(root: Path, selections: Sequence[str] = ()) -> list[Path]:
    """The scenario files under ``root`` that ``selections`` name, sorted, each once.

    A selection is a file or a folder: relative to ``root``, to the working directory, or
    absolute; without any, all files. Raises ScenarioError for one that names nothing.
    """
    if not selections:
        return sorted(root.rglob(f"*{SUFFIX}"))
    found: set[Path] = set()
    for selection in selections:
        found.update(_selected(root, selection))
    return sorted(found)


def load_file(root: Path, path: Path) -> Scenario:
    """Load one file; its name is its path below ``root``, or as given if it is not there.

    Raises ScenarioError.
    """
    absolute_root, absolute = root.resolve(), path.resolve()
    inside = absolute.is_relative_to(absolute_root)
    name = absolute.relative_to(absolute_root).as_posix() if inside else path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([Problem(name, 1, "", f"cannot be read: {error}")]) from error
    return load(text, name)


def load(text: str, path: str) -> Scenario:
    """The scenario that ``text`` holds, called ``path``; raises ScenarioError with all problems."""
    document = _document(text, path)
    complaints = Complaints(path, document.line)
    file = _validate(document, complaints)
    version = _version(file.cluster, complaints)
    for number, feature in enumerate(file.features):
        if feature not in FEATURES:
            hint = did_you_mean(feature, FEATURES)
            complaints.add(("features", number), f'no feature is called "{feature}"', hint)
    workloads = expand(file, version, complaints)
    complaints.raise_if_any()
    bare = _scenario(path, file, version, workloads, document)
    scenario = read_steps(bare, file, workloads.groups, complaints)
    complaints.raise_if_any()
    return replace(scenario, digest=sha256(text.encode()).hexdigest()[:16])


def _selected(root: Path, selection: str) -> Iterable[Path]:
    for candidate in (root / selection, Path(selection), root / f"{selection}{SUFFIX}"):
        if candidate.is_file():
            return [candidate]
        if candidate.is_dir() and any(candidate.rglob(f"*{SUFFIX}")):
            return candidate.rglob(f"*{SUFFIX}")
    known = [item.relative_to(root).as_posix() for item in root.rglob("*")]
    hint = did_you_mean(selection, known) or "list them with: netpol-conformance list"
    raise ScenarioError([Problem(selection, 1, "", "names no scenario file or folder", hint)])


def _document(text: str, path: str) -> Document:
    try:
        documents = load_all(text, source=path)
    except YAMLError as error:
        raise ScenarioError([Problem(path, error.line, "", error.reason)]) from error
    if len(documents) != 1:
        reason = f"holds {len(documents)} YAML documents; a scenario is one"
        raise ScenarioError([Problem(path, 1, "", reason)])
    return documents[0]


def _validate(document: Document, complaints: Complaints) -> ScenarioFile:
    try:
        return ScenarioFile.model_validate(document.data)
    except ValidationError as error:
        explain(error, complaints)
        complaints.raise_if_any()
        raise


def _version(cluster: ClusterPart, complaints: Complaints) -> KubernetesVersion:
    if not cluster.kubernetes:
        return LATEST
    try:
        return KubernetesVersion.parse(cluster.kubernetes)
    except ValueError as error:
        complaints.add(("cluster", "kubernetes"), str(error))
        return LATEST


def _scenario(
    path: str,
    file: ScenarioFile,
    version: KubernetesVersion,
    workloads: Workloads,
    document: Document,
) -> Scenario:
    """The scenario less its steps and what only steps tell."""
    families = tuple(6 if family == "IPv6" else 4 for family in file.cluster.families)
    return Scenario(
        path=path,
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
        lines=_lines(file, workloads, document),
    )


def _lines(file: ScenarioFile, workloads: Workloads, document: Document) -> dict[str, int]:
    """The line of each field that a check of the corpus may point at."""
    lines = {field: document.line((field,)) for field in ("title", "rules", "documented", "covers")}
    for key, names in zip(file.pods, workloads.groups.items(), strict=True):
        (namespace, _), replicas = names
        for name in replicas:
            lines[f"pods.{SourceRef('pod', namespace, name)}"] = document.line(("pods", key))
    for name in file.outside:
        lines[f"outside.{name}"] = document.line(("outside", name))
    return lines
