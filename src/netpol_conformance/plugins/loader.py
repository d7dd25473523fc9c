"""The text of a plugin's declaration -> a Declaration, or every problem in it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from netpol_conformance.model.yaml import Document
from netpol_conformance.plugins.schema import PluginFile
from netpol_conformance.plugins.types import Declaration, KnownFailure, Lack, Times
from netpol_conformance.scenario.errors import Complaints, did_you_mean
from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.types import Scenario
from netpol_conformance.scenario.validation import read_document, validate

Find = Callable[[str], Sequence[Scenario]]
"""The scenarios that a path names; raises LookupError, whose message is a suggestion."""


def load(text: str, file: str, find: Find) -> Declaration:
    """The declaration that ``text`` holds; raises ScenarioError with all problems.

    ``find`` looks up the scenarios that known failures name.
    """
    document = read_document(text, file, "declaration")
    complaints = Complaints(file, document.line)
    part = validate(PluginFile, document, complaints)
    for feature in part.unsupported:
        if feature not in FEATURES:
            hint = did_you_mean(feature, FEATURES)
            complaints.add(("unsupported", feature), f'no feature is called "{feature}"', hint)
    if part.enforce and part.enforce.policies is None and part.enforce.labels is None:
        complaints.add(("enforce",), "says no time", "give policies or labels, in seconds")
    declaration = _declaration(part, file, document)
    for number, failure in enumerate(declaration.failures):
        _check(declaration, number, failure, find, complaints)
    complaints.raise_if_any()
    return declaration


def _declaration(part: PluginFile, file: str, document: Document) -> Declaration:
    times = part.enforce
    return Declaration(
        name=PurePosixPath(file).stem,
        file=file,
        implementation=part.implementation,
        link=part.link,
        versions=tuple(part.versions),
        configuration=tuple(part.configuration),
        measured=part.measured,
        called=tuple(part.called),
        lacks=tuple(
            Lack(feature, lack.reason, lack.link, document.line(("unsupported", feature)))
            for feature, lack in part.unsupported.items()
        ),
        failures=tuple(
            KnownFailure(
                item.scenario,
                item.reason,
                item.link,
                tuple(item.steps),
                tuple(item.cells),
                document.line(("knownFailures", number)),
            )
            for number, item in enumerate(part.known_failures)
        ),
        times=Times(times.policies, times.labels, times.link) if times else None,
    )


def _check(
    declaration: Declaration, number: int, failure: KnownFailure, find: Find, complaints: Complaints
) -> None:
    """Whether the scenario, steps and cells exist, and no other declaration is about them."""
    where = ("knownFailures", number)
    before = declaration.failures[:number]
    if any(other.is_of(failure.scenario) or failure.is_of(other.scenario) for other in before):
        reason = f"{failure.scenario} is declared twice"
        complaints.add((*where, "scenario"), reason, "make one of the two")
    try:
        scenarios = find(failure.scenario)
    except LookupError as error:
        reason = f'"{failure.scenario}" names no scenario'
        complaints.add((*where, "scenario"), reason, str(error.args[0]))
        return
    lacks = {lack.feature for lack in declaration.lacks}
    for scenario in scenarios:
        for feature in lacks.intersection(scenario.features):
            reason = f"{scenario.path} needs {feature}, which is declared as unsupported already"
            complaints.add((*where, "scenario"), reason, "keep one of the two")
    for index, step in enumerate(failure.steps):
        if not any(step <= len(scenario.steps) for scenario in scenarios):
            reason = f"{failure.scenario} has no step {step}"
            complaints.add((*where, "steps", index), reason)
    known = set(_cells(scenarios)) if failure.cells else set()
    for index, cell in enumerate(failure.cells):
        if cell not in known:
            reason = f'{failure.scenario} has no cell "{cell}"'
            near = did_you_mean(cell, known)
            complaints.add((*where, "cells", index), reason, near)


def _cells(scenarios: Iterable[Scenario]) -> Iterable[str]:
    for scenario in scenarios:
        for source in scenario.sources:
            for destination in scenario.destinations:
                yield f"{source} -> {destination}"
