"""The evidence of a whole report as one compact JSON value, for the page's script. Pure.

A run repeats itself: the same command, output and explanation stand behind most cells. So strings
are kept once, as are looks and judgements that are equal but for their times; a cell is a few
numbers. The script reads exactly this shape, where *text* is an index into ``strings``:

- ``strings``: the texts;
- ``looks``: ``[phase, source, tool, command, output, exit code, verdict, identity]``;
- ``judgements``: ``[outcome, expected, stated, explanation, [rule...], [[policy, field,
  reason]...], reason, seen, sign, words, tone]``;
- ``scenarios``: in page order, each an object of ``_scenario`` with its ``steps``, each an object
  of ``_step``. A row of cells holds null or ``[judgement, look, start, duration, look, ...]``, the
  start in milliseconds from the step's and the duration in tenths of one.

All but exit codes (number or null), ``stated`` (0 or 1) and times are *texts*. ``packed`` is the
same compressed, as the page holds it.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from netpol_conformance.report.document.enforcing import time_to_enforce
from netpol_conformance.report.document.report import ScenarioReport
from netpol_conformance.report.html import ends
from netpol_conformance.report.html.manifests import Manifests
from netpol_conformance.report.html.tones import safe_link, tone
from netpol_conformance.report.plain.marks import expected, legend, mark, seen
from netpol_conformance.report.text import clip, plural, visible
from netpol_conformance.run.events import (
    CellResult,
    Evidence,
    HeldResult,
    MeanwhileResult,
    StepResult,
)

_LINES, _CHARACTERS = 200, 4000
"""The most of one text that the page keeps; the JSON report has it whole."""

_Packed = list[Any]
_Object = dict[str, Any]


def packed(scenarios: Iterable[ScenarioReport]) -> str:
    """``pack`` as the page holds it: JSON, deflated (RFC 1950), in base64."""
    text = json.dumps(pack(scenarios), separators=(",", ":"), ensure_ascii=True)
    return b64encode(zlib.compress(text.encode(), 9)).decode()


def pack(scenarios: Iterable[ScenarioReport]) -> _Object:
    """The value that the script reads."""
    packer = _Packer()
    items = [packer.scenario(scenario) for scenario in scenarios]
    return {
        "strings": packer.strings.items,
        "looks": packer.looks.items,
        "judgements": packer.judgements.items,
        "scenarios": items,
    }


class _Pool:
    """Distinct items in order of arrival; ``put`` gives an item's index, made if its key is new."""

    def __init__(self) -> None:
        self.items: _Packed = []
        self._index: dict[Hashable, int] = {}

    def put(self, key: Hashable, make: Callable[[], object]) -> int:
        if key not in self._index:
            item = make()
            self._index[key] = len(self.items)
            self.items.append(item)
        return self._index[key]


class _Packer:
    def __init__(self) -> None:
        self.strings = _Pool()
        self.looks = _Pool()
        self.judgements = _Pool()

    # -- scenarios and steps ---------------------------------------------------------------------

    def scenario(self, scenario: ScenarioReport) -> _Object:
        manifests = Manifests()
        return {
            "about": self._text(scenario.about),
            "documented": self._text(scenario.documented),
            "link": self._text(safe_link(scenario.link)),
            "facts": [self._texts(name, value) for name, value in _facts(scenario)],
            "declared": [self._texts(*declared) for declared in _declared(scenario)],
            "rerun": self._text(scenario.rerun),
            "steps": [self._step(step, manifests) for step in scenario.steps],
        }

    def _step(self, step: StepResult, manifests: Manifests) -> _Object:
        manifests.apply(step)
        rows = ends.grouped(step.sources, ends.source)
        columns = ends.grouped(step.destinations, ends.destination)
        return {
            "index": step.index,
            "title": self._text(step.title),
            "outcome": self._text(step.outcome),
            "enforced": self._text(time_to_enforce(step)),
            "applied": self._manifests(step.applied),
            "notes": [self._texts(name, value) for name, value in _changes(step)],
            "refusal": self._refusal(step),
            "late": step.late and self._texts(step.late.outcome, step.late.reason),
            "rows": [self._end(step.sources, step.labels, row) for row in rows],
            "columns": [self._end(step.destinations, step.labels, column) for column in columns],
            "cells": self._cells(step),
            "legend": [self._texts(*sign, tone(sign, by)) for sign, by in legend(step.cells)],
            "places": self._places(step, manifests),
            "meanwhile": [self._meanwhile(item, step.started) for item in step.meanwhile],
            "held": [self._held(item, step.started) for item in step.held],
        }

    def _end(
        self,
        names: Sequence[str],
        labels: Mapping[str, Mapping[str, str]],
        item: tuple[int, ends.End],
    ) -> _Packed:
        """``[place, name, group, what, port, its labels, its namespace's]``."""
        place, end = item
        pod = end.what if end.group == "default" else f"{end.group}/{end.what}"
        declared = [_labels(labels.get(name, {})) for name in (pod, f"namespace/{end.group}")]
        return [place, *self._texts(names[place], *end, *declared)]

    def _refusal(self, step: StepResult) -> _Packed | None:
        """``[expected, answer, outcome, reason]``."""
        if step.refusal is None:
            return None
        refusal = step.refusal
        return self._texts(refusal.expected, refusal.answer, refusal.outcome, refusal.reason)

    def _places(self, step: StepResult, manifests: Manifests) -> _Packed:
        """``[policy, field, step, first, last, top, bottom]`` for each field that decided."""
        fields = dict.fromkeys(
            (field.policy, field.field) for cell in step.cells for field in cell.decided_by
        )
        places = ((field, manifests.place(*field)) for field in fields)
        return [[*self._texts(*field), *place] for field, place in places if place]

    # -- what was seen ---------------------------------------------------------------------------

    def _cells(self, step: StepResult) -> _Packed:
        cells = {(cell.source, cell.destination): cell for cell in step.cells}
        return [
            [self._cell(cells.get((source, column)), step.started) for column in step.destinations]
            for source in step.sources
        ]

    def _cell(self, cell: CellResult | None, started: float) -> _Packed | None:
        if cell is None:
            return None
        return [self._judgement(cell), *self._looks(cell.evidence, started)]

    def _meanwhile(self, item: MeanwhileResult, started: float) -> _Object:
        return self._lasting(item, started) | {
            "expected": self._text(item.expected),
            "explanation": self._text(item.explanation),
            "rules": self._texts(*item.rules),
            "probes": item.probes,
            "seconds": round(item.seconds, 3),
            "rate": round(item.rate, 1),
            "resolution": item.resolution,
            "unexpected": item.unexpected,
            "first": item.first_unexpected,
            "gap": item.gap,
        }

    def _held(self, item: HeldResult, started: float) -> _Object:
        fate = self._text(item.fate or "could not be told")
        return self._lasting(item, started) | {"fate": fate}

    def _lasting(self, item: MeanwhileResult | HeldResult, started: float) -> _Object:
        """What is told of both: of a cell asked during a change, and of a connection held."""
        return {
            "source": self._text(item.source),
            "destination": self._text(item.destination),
            "outcome": self._text(item.outcome),
            "reason": self._text(item.reason),
            "looks": self._looks(item.evidence, started),
        }

    def _looks(self, evidence: Iterable[Evidence], started: float) -> _Packed:
        result: _Packed = []
        for look in evidence:
            start = round((look.started - started) * 1000)
            result += [self._look(look), start, round(look.duration * 10_000)]
        return result

    def _look(self, look: Evidence) -> int:
        asked = (look.phase, look.source, look.tool, look.command)
        came = (look.output, look.exit_code, look.verdict, look.identity)

        def make() -> _Packed:
            identity = None if look.identity is None else self._text(look.identity)
            result = [self._text(look.output), look.exit_code, self._text(look.verdict), identity]
            return [*self._texts(*asked), *result]

        return self.looks.put((*asked, *came), make)

    def _judgement(self, cell: CellResult) -> int:
        sign = mark(cell)
        heads = (cell.outcome, expected(cell), cell.stated, cell.explanation)
        tails = (cell.rules, cell.decided_by, cell.reason, seen(cell), sign)

        def make() -> _Packed:
            outcome, wanted, explanation = self._texts(*heads[:2], cell.explanation)
            fields = [self._texts(item.policy, item.field, item.reason) for item in cell.decided_by]
            ending = self._texts(cell.reason, seen(cell), *sign, tone(sign, cell.outcome))
            stated = int(cell.stated)
            return [outcome, wanted, stated, explanation, self._texts(*cell.rules), fields, *ending]

        return self.judgements.put((*heads, *tails), make)

    # -- texts -----------------------------------------------------------------------------------

    def _text(self, text: str) -> int:
        return self.strings.put(
            text, lambda: clip(visible(text), lines=_LINES, characters=_CHARACTERS)
        )

    def _manifests(self, text: str) -> int:
        # Whole, if it is a person's: places are lines of it.
        whole = text.rstrip("\n")
        return self.strings.put(
            ("manifests", whole), lambda: clip(visible(whole), lines=2_000, characters=60_000)
        )

    def _texts(self, *texts: str) -> _Packed:
        return [self._text(text) for text in texts]


def _facts(scenario: ScenarioReport) -> list[tuple[str, str]]:
    """What to know of a scenario, by name."""
    facts = [
        ("Rules", ", ".join(scenario.rules)),
        ("Covers", ", ".join(scenario.covers)),
        ("Profile", scenario.profile),
        ("Features", ", ".join(scenario.features)),
    ]
    if scenario.cluster:
        cluster = scenario.cluster
        details = [f"{name} {value}" for name, value in cluster.details.items()]
        shape = [plural(cluster.nodes, "node"), *cluster.families, *details]
        facts.append(("Cluster", f"Kubernetes {cluster.kubernetes_version}, {', '.join(shape)}"))
    return [(name, value) for name, value in facts if value]


def _declared(scenario: ScenarioReport) -> list[tuple[str, str, str]]:
    """What the plugin's declaration says of it: what, whether it is so and why, and a link."""
    holds = {True: "it is so", False: "but it passes", None: "which was not shown"}
    return [
        (
            f"{item.feature} is not supported" if item.feature else "Known to fail",
            f"{holds[item.holds]}: {item.reason}",
            safe_link(item.link),
        )
        for item in scenario.declared
    ]


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _changes(step: StepResult) -> list[tuple[str, str]]:
    """What a step changed besides applying manifests, by name."""
    changes = [
        ("Deleted", ", ".join(step.deleted)),
        ("Ran to their end", ", ".join(step.finished)),
        ("Took over", ", ".join(f"{new} the address of {old}" for new, old in step.reused.items())),
        ("Enforcer", step.enforcer or ""),
    ]
    return [(name, value) for name, value in changes if value]
