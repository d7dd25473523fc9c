"""The report as the page's templates want it: nothing left to work out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document import Report, ScenarioReport
from netpol_conformance.report.marks import CONNECTED, Mark, legend, mark
from netpol_conformance.report.summary import (
    MEANINGS,
    WORDS,
    PackSummary,
    headline,
    packs,
    sentence,
    time_to_enforce,
    verdict,
)
from netpol_conformance.report.text import plural, seconds
from netpol_conformance.run.events import CellResult, RefusalResult, StepResult

_WIDEST_HEADS, _FEW_HEADS = 64, 7
"""Characters of column names that fit side by side; beyond them names are set upright, unless they
are so few that they can rather be broken.
"""

_MOST_OPEN = 8
"""Scenarios that went wrong are open from the start, unless there are more than this."""

_FEW_SCENARIOS = 3
"""A page of no more scenarios than this has all of them open."""

_MOST_WRONG = 4
"""Wrong cells of one scenario in the list at the top."""

TONES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCONCLUSIVE: "unknown",
    Outcome.XFAIL: "declared",
    Outcome.UNSUPPORTED: "silent",
    Outcome.UNSPECIFIED: "silent",
}
"""The class that colours an outcome."""


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell: where links find it, its sign, the same in words, and its class."""

    anchor: str
    sign: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class RowView:
    """A source and its cells; None where nothing was probed."""

    source: str
    cells: tuple[CellView | None, ...]


@dataclass(frozen=True, slots=True)
class LegendView:
    """A sign that occurs in a matrix."""

    sign: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A step; ``number`` counts steps through the whole page, as the packed evidence does."""

    anchor: str
    number: int
    index: int
    title: str
    outcome: Outcome
    tone: str
    enforced: str
    applied: str
    deleted: tuple[str, ...]
    refusal: RefusalResult | None
    destinations: tuple[str, ...]
    upright: bool
    rows: tuple[RowView, ...]
    legend: tuple[LegendView, ...]


@dataclass(frozen=True, slots=True)
class WrongView:
    """A cell that went wrong, for the list at the top."""

    anchor: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class ScenarioView:
    """A scenario; ``link`` is empty unless it is safe to follow. ``wrong`` are the first of its
    wrong cells, ``more_wrong`` how many there are besides.
    """

    anchor: str
    of: ScenarioReport
    tone: str
    open: bool
    took: str
    link: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[StepView, ...]
    wrong: tuple[WrongView, ...]
    more_wrong: int


@dataclass(frozen=True, slots=True)
class PackView:
    """A pack and what became of it in words."""

    anchor: str
    name: str
    tally: str
    scenarios: tuple[ScenarioView, ...]


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """An outcome that occurs: its numbers, its meaning, and its part of the bar (0 to 1000)."""

    name: str
    words: str
    tone: str
    scenarios: int
    cells: int
    meaning: str
    bar_start: float
    bar_width: float


@dataclass(frozen=True, slots=True)
class PageView:
    """The whole page."""

    title: str
    sentence: str
    tone: str
    report: Report
    facts: tuple[tuple[str, str], ...]
    outcomes: tuple[OutcomeView, ...]
    wrong: tuple[ScenarioView, ...]
    packs: tuple[PackView, ...]


def page(report: Report) -> PageView:
    """What the page says of this report."""
    wrong = [scenario for scenario in report.scenarios if _went_wrong(scenario)]
    opened = wrong if len(wrong) <= _MOST_OPEN else []
    if len(report.scenarios) <= _FEW_SCENARIOS:
        opened = list(report.scenarios)
    open_paths = {scenario.path for scenario in opened}
    views, number = [], 0
    for group in packs(report):
        scenarios = []
        for scenario in group.scenarios:
            scenarios.append(_scenario(scenario, number, is_open=scenario.path in open_paths))
            number += len(scenario.steps)
        views.append(_pack(group, tuple(scenarios)))
    return PageView(
        title=headline(report),
        sentence=sentence(report),
        tone=TONES[verdict(report)],
        report=report,
        facts=_facts(report),
        outcomes=_outcomes(report),
        wrong=tuple(item for pack in views for item in pack.scenarios if _went_wrong(item.of)),
        packs=tuple(views),
    )


def ordered_steps(report: Report) -> tuple[StepResult, ...]:
    """All steps in the order of the page; a ``StepView.number`` is an index into this."""
    return tuple(
        step for pack in packs(report) for scenario in pack.scenarios for step in scenario.steps
    )


def anchor(*parts: str | int) -> str:
    """A fragment that survives being typed: no blanks, nothing that needs escaping again."""
    return ":".join(
        quote(str(part).encode("utf-8", "backslashreplace"), safe="/") for part in parts
    )


def safe_link(link: str) -> str:
    """The link if it leads to a web page, else nothing: a report may hold ``javascript:``."""
    try:
        return link if urlsplit(link).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _went_wrong(scenario: ScenarioReport) -> bool:
    return scenario.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)


def _pack(group: PackSummary, scenarios: tuple[ScenarioView, ...]) -> PackView:
    told = [
        f"{group.counts.scenarios[outcome]} {words}"
        for outcome, words in WORDS.items()
        if group.counts.scenarios[outcome]
    ]
    return PackView(anchor("pack", group.name), group.name, ", ".join(told), scenarios)


def _scenario(scenario: ScenarioReport, number: int, *, is_open: bool) -> ScenarioView:
    steps = tuple(
        _step(scenario.path, step, number + place) for place, step in enumerate(scenario.steps)
    )
    wrong = _wrong(steps)
    return ScenarioView(
        anchor=anchor(scenario.path),
        of=scenario,
        tone=TONES[scenario.outcome],
        open=is_open,
        took="" if scenario.duration is None else seconds(scenario.duration),
        link=safe_link(scenario.link),
        facts=_scenario_facts(scenario),
        steps=steps,
        wrong=wrong[:_MOST_WRONG],
        more_wrong=max(len(wrong) - _MOST_WRONG, 0),
    )


def _wrong(steps: tuple[StepView, ...]) -> tuple[WrongView, ...]:
    wrong_tones = (TONES[Outcome.FAIL], TONES[Outcome.INCONCLUSIVE])
    return tuple(
        WrongView(cell.anchor, f"Step {step.index}: {row.source} → {destination}", cell.words)
        for step in steps
        for row in step.rows
        for destination, cell in zip(step.destinations, row.cells, strict=True)
        if cell and cell.tone in wrong_tones
    )


def _scenario_facts(scenario: ScenarioReport) -> tuple[tuple[str, str], ...]:
    facts = [
        ("Rules", ", ".join(scenario.rules)),
        ("Covers", ", ".join(scenario.covers)),
        ("Features", ", ".join(scenario.features)),
    ]
    if scenario.cluster:
        cluster = scenario.cluster
        details = [f"{name} {value}" for name, value in cluster.details.items()]
        shape = [plural(cluster.nodes, "node"), *cluster.families, *details]
        facts.append(("Cluster", f"Kubernetes {cluster.kubernetes_version}, {', '.join(shape)}"))
    return tuple((name, value) for name, value in facts if value)


def _step(path: str, step: StepResult, number: int) -> StepView:
    cells = {(cell.source, cell.destination): cell for cell in step.cells}
    rows = tuple(
        RowView(
            source,
            tuple(
                _cell(cells.get((source, destination)), anchor(path, step.index, f"{row}.{column}"))
                for column, destination in enumerate(step.destinations, 1)
            ),
        )
        for row, source in enumerate(step.sources, 1)
    )
    heads = sum(len(destination) + 3 for destination in step.destinations)
    return StepView(
        anchor=anchor(path, step.index),
        number=number,
        index=step.index,
        title=step.title,
        outcome=step.outcome,
        tone=TONES[step.outcome],
        enforced=time_to_enforce(step),
        applied=step.applied.strip("\n"),
        deleted=step.deleted,
        refusal=step.refusal,
        destinations=step.destinations,
        upright=heads > _WIDEST_HEADS and len(step.destinations) > _FEW_HEADS,
        rows=rows,
        legend=tuple(
            LegendView(sign.text, sign.words, _tone(sign, outcome))
            for sign, outcome in legend(step.cells)
        ),
    )


def _cell(cell: CellResult | None, where: str) -> CellView | None:
    if cell is None:
        return None
    sign = mark(cell)
    return CellView(where, sign.text, sign.words, _tone(sign, cell.outcome))


def _tone(sign: Mark, outcome: Outcome) -> str:
    if outcome is not Outcome.PASS:
        return TONES[outcome]
    return "open" if sign.text == CONNECTED else "shut"


def _outcomes(report: Report) -> tuple[OutcomeView, ...]:
    counts, total, start = report.counts, max(len(report.scenarios), 1), 0.0
    views = []
    for outcome, words in WORDS.items():
        number, cells = counts.scenarios[outcome], counts.cells[outcome]
        if not number and not cells:
            continue
        width = round(number * 1000 / total, 2)
        views.append(
            OutcomeView(
                outcome.value,
                words,
                TONES[outcome],
                number,
                cells,
                MEANINGS[outcome],
                round(start, 2),
                width,
            )
        )
        start += width
    return tuple(views)


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    at = datetime.fromtimestamp(report.started, UTC)
    facts = [
        ("Implementation", report.implementation),
        ("Cluster", report.cluster),
        ("Kubernetes", report.kubernetes_version or ""),
        ("Started", f"{at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", "" if report.duration is None else seconds(report.duration)),
        ("Suite", f"netpol-conformance {report.suite_version}"),
        ("Machine", ", ".join(f"{name} {value}" for name, value in report.machine.items())),
        ("Run", report.run_id),
    ]
    return tuple((name, value) for name, value in facts if value)
