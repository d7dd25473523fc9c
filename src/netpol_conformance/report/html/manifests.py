"""Where in the manifests that were applied a deciding field of a policy stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netpol_conformance.model.yaml import Document, Path, Value, YAMLError, load_all
from netpol_conformance.run.events import StepResult

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Place(NamedTuple):
    """Lines (from 1) of the manifests of the step at ``step`` (from 0): those of the field, and
    those of the whole policy.
    """

    step: int
    first: int
    last: int
    top: int
    bottom: int


class _Policy(NamedTuple):
    step: int
    document: Document
    path: Path


class Manifests:
    """What a scenario's steps applied, step after step; the latest text of a policy counts."""

    def __init__(self) -> None:
        self._policies: dict[str, _Policy] = {}
        self._steps = 0

    def apply(self, step: StepResult) -> None:
        """Take in the manifests of the next step."""
        if step.refusal is None:
            for name, document, path in _policies(step.applied):
                self._policies[name] = _Policy(self._steps, document, path)
        self._steps += 1

    def place(self, name: str, field: str) -> Place | None:
        """Where the field of the policy ``name`` stands, or its nearest parent that was written;
        None if no step applied such a policy.
        """
        policy = self._policies.get(name)
        if policy is None:
            return None
        lines = policy.document.line_range((*policy.path, *_path(field)))
        return Place(policy.step, *lines, *policy.document.line_range(policy.path))


def _policies(text: str) -> Iterator[tuple[str, Document, Path]]:
    """Every NetworkPolicy of a text: its name, and where it is."""
    try:
        documents: Sequence[Document] = load_all(text)
    except YAMLError:
        return
    for document in documents:
        for path, value in _objects(document.data):
            name = _policy_name(value)
            if name:
                yield name, document, path


def _objects(data: Value) -> Iterator[tuple[Path, Value]]:
    """A document's object, or those of the list that it is."""
    items = data.get("items") if isinstance(data, dict) else None
    if isinstance(items, list):
        yield from ((("items", number), item) for number, item in enumerate(items))
    else:
        yield (), data


def _policy_name(value: Value) -> str:
    """``namespace/name`` of a NetworkPolicy, as decisions name it; empty if it is none."""
    if not isinstance(value, dict) or value.get("kind") != "NetworkPolicy":
        return ""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return ""
    return f"{metadata.get('namespace') or 'default'}/{metadata['name']}"


def _path(field: str) -> Path:
    """``spec.ingress[0].from[1]`` as keys and indices."""
    return tuple(int(index) if index else key for index, key in _STEP.findall(field))
