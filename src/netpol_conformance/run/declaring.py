"""A scenario's events with outcomes adjusted by its plugin's declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from netpol_conformance.judge.declared import Excuse, Part, broken_promises, excuse
from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.plugins.types import Declaration, Declared, KnownFailure, Lack
from netpol_conformance.run.events import (
    CellResult,
    Consumer,
    DeclarationRecord,
    DeclaredItem,
    Event,
    HeldResult,
    Judged,
    LackRecord,
    LateResult,
    MeanwhileResult,
    RefusalResult,
    ScenarioFinished,
    StepFinished,
    StepResult,
    TimesRecord,
)
from netpol_conformance.run.results import first_reason

J = TypeVar("J", CellResult, RefusalResult, LateResult, MeanwhileResult, HeldResult)


class Declaring:
    """A consumer that hands a scenario's events on to ``emit``, excused where ``declared``.

    ``strict`` makes a failure of a scenario that passes though it needs an unsupported feature.
    """

    def __init__(self, declared: Declared, emit: Consumer, *, strict: bool = False) -> None:
        self._declared = declared
        self._emit = emit
        self._strict = strict
        self._parts: list[Part] = []
        self._steps: list[StepResult] = []

    def __call__(self, event: Event) -> None:
        """Hand one event on."""
        if self._declared and isinstance(event, StepFinished):
            event = self._step(event)
        elif self._declared and isinstance(event, ScenarioFinished):
            event = self._end(event)
        self._emit(event)

    def _step(self, event: StepFinished) -> StepFinished:
        step = event.step
        parts = list(_parts(step))
        self._parts += parts
        told_by_parts = step.outcome is combine(part.outcome for part in parts)
        step = step.model_copy(
            update={
                "cells": tuple(self._excused(step, cell) for cell in step.cells),
                "meanwhile": tuple(self._excused(step, item) for item in step.meanwhile),
                "held": tuple(self._excused(step, item) for item in step.held),
                "refusal": self._excused(step, step.refusal) if step.refusal else None,
                "late": self._excused(step, step.late) if step.late else None,
            }
        )
        if told_by_parts:
            step = step.model_copy(update={"outcome": _outcome(step)})
        self._steps.append(step)
        return event.model_copy(update={"step": step})

    def _excused(self, step: StepResult, part: J) -> J:
        if part.outcome is not Outcome.FAIL:
            return part
        found = excuse(self._declared, step.index, _cell(part))
        if found is None:
            return part
        reason = f"{part.reason} {found.reason}"
        return part.model_copy(update={"outcome": found.outcome, "reason": reason})

    def _end(self, event: ScenarioFinished) -> ScenarioFinished:
        if event.outcome in (Outcome.INCONCLUSIVE, Outcome.UNSUPPORTED):
            return event.model_copy(update={"declared": tuple(self._declarations(failed=None))})
        failed = event.outcome is Outcome.FAIL
        outcome, reason = self._judged(event) if failed else (event.outcome, event.reason)
        broken = broken_promises(self._declared, self._parts)
        if not failed and self._strict:
            broken += _too_good(self._declared)
        if broken:
            reason = " ".join([reason, *broken] if outcome is Outcome.FAIL else broken)
            outcome = Outcome.FAIL
        declared = tuple(self._declarations(failed=failed))
        return event.model_copy(update={"outcome": outcome, "reason": reason, "declared": declared})

    def _judged(self, event: ScenarioFinished) -> tuple[Outcome, str]:
        """What a scenario that failed comes to, its excused failures left out."""
        outcome = combine(step.outcome for step in self._steps)
        if outcome.is_wrong:
            return outcome, first_reason(self._steps) or event.reason
        found: Excuse | None = excuse(self._declared, *self._first_excused())
        return (found.outcome, found.reason) if found else (event.outcome, event.reason)

    def _first_excused(self) -> tuple[int, str]:
        failed = (part for part in self._parts if part.outcome is Outcome.FAIL)
        return next(((part.step, part.cell) for part in failed), (0, ""))

    def _declarations(self, *, failed: bool | None) -> Iterator[DeclaredItem]:
        """What was declared of the scenario, and whether it holds."""
        items: list[Lack | KnownFailure] = [*self._declared.failures, *self._declared.lacks]
        for item in items:
            yield DeclaredItem(
                feature=item.feature if isinstance(item, Lack) else "",
                reason=item.reason,
                link=item.link,
                holds=failed and self._happened(item),
            )

    def _happened(self, item: Lack | KnownFailure) -> bool:
        if isinstance(item, Lack):
            return True
        covered = (part for part in self._parts if item.covers(part.step, part.cell))
        return any(part.outcome is Outcome.FAIL for part in covered)


def declaration_record(declaration: Declaration | None) -> DeclarationRecord | None:
    """``declaration``, a plugin's, as events carry it; None if there is none."""
    if declaration is None:
        return None
    times = declaration.times
    return DeclarationRecord(
        file=declaration.file,
        implementation=declaration.implementation,
        link=declaration.link,
        versions=declaration.versions,
        configuration=declaration.configuration,
        measured=declaration.measured,
        unsupported=tuple(
            LackRecord(feature=lack.feature, reason=lack.reason, link=lack.link)
            for lack in declaration.lacks
        ),
        known_failures=len(declaration.failures),
        times=times and TimesRecord(policies=times.policies, labels=times.labels, link=times.link),
    )


def _parts(step: StepResult) -> Iterator[Part]:
    for part in step.parts:
        yield Part(step.index, _cell(part), part.outcome)


def _outcome(step: StepResult) -> Outcome:
    """What a step's parts come to; one in which anything was excused has not passed."""
    outcomes = {part.outcome for part in _parts(step)}
    excused = Outcome.UNSUPPORTED in outcomes
    return combine(outcomes - {Outcome.PASS} if excused else outcomes)


def _cell(part: Judged) -> str:
    if isinstance(part, RefusalResult | LateResult):
        return ""
    return f"{part.source} -> {part.destination}"


def _too_good(declared: Declared) -> list[str]:
    return [
        f"{lack.feature} is declared as unsupported, but this passes: "
        f"see {declared.file}:{lack.line}."
        for lack in declared.lacks
    ]
