"""The report as the page's templates want it: ready to print. Pure.

What a scenario's matrices and evidence hold is not here but in ``packing``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import (
    FeatureResult,
    ProfileResult,
    Report,
    ScenarioReport,
    Tally,
)
from netpol_conformance.report.document.summary import (
    MEANINGS,
    WORDS,
    PackSummary,
    headline,
    packs,
    sentence,
    verdict,
)
from netpol_conformance.report.html import plots, timing
from netpol_conformance.report.html.tones import TONES, anchor, safe_link
from netpol_conformance.report.plain.marks import mark
from netpol_conformance.report.text import one_line, plural, seconds
from netpol_conformance.run.events import Phase, StepResult
from netpol_conformance.scenario.features import Profile

_MOST_WRONG, _FEWEST_WRONG = 4, 1
"""Wrong cells of one scenario in the list at the top: where few scenarios are wrong, and many."""

_MANY_WRONG = 5

_LISTED_WRONG = 12
"""Scenarios in the list at the top before the rest is folded away."""

_FEW_SCENARIOS = 3
"""A page of no more scenarios than this has all of them open."""

_SLOWEST = 3

_HISTORY = Profile.HISTORY.value
"""What clusters of old did is nothing to conform to."""

_PHASES: dict[Phase, str] = {
    "control": "Controls",
    "converge": "Until as expected",
    "hold": "Full look",
    "confirm": "Second look",
    "witness": "Witnesses",
    "meanwhile": "During changes",
    "held": "Held connections",
}


@dataclass(frozen=True, slots=True)
class LinkView:
    """Something to jump to, and words beside it."""

    anchor: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class ScenarioView:
    """A scenario in the list; ``number`` is its place in the packed evidence, ``words`` what a
    search finds it by besides its title and path. ``wrong`` are the first of what is wrong in it,
    ``more_wrong`` how many there are besides.
    """

    number: int
    anchor: str
    of: ScenarioReport
    tone: str
    took: str
    words: str
    open: bool
    wrong: tuple[LinkView, ...]
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
class ProfileView:
    """Whether it conforms to a profile, in words."""

    tone: str
    word: str
    words: str


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature; ``link`` is empty unless it is safe to follow."""

    of: FeatureResult
    tone: str
    tally: str
    note: str
    link: str


@dataclass(frozen=True, slots=True)
class TimingView:
    """The plots, and the changes that took longest to be enforced."""

    enforced: plots.Plot
    sentence: str
    slowest: tuple[LinkView, ...]
    phases: plots.Plot


@dataclass(frozen=True, slots=True)
class PageView:
    """The whole page."""

    title: str
    sentence: str
    origin: str
    tone: str
    report: Report
    facts: tuple[tuple[str, str], ...]
    outcomes: tuple[OutcomeView, ...]
    wrong: tuple[ScenarioView, ...]
    more_wrong: tuple[ScenarioView, ...]
    timing: TimingView | None
    profiles: tuple[ProfileView, ...]
    features: tuple[FeatureView, ...]
    features_open: bool
    packs: tuple[PackView, ...]


def page(report: Report) -> PageView:
    """What the page says of this report."""
    wrong = [scenario for scenario in report.scenarios if _is_wrong(scenario)]
    cells = _MOST_WRONG if len(wrong) <= _MANY_WRONG else _FEWEST_WRONG
    numbers = {scenario.path: place for place, scenario in enumerate(ordered(report))}
    few = len(report.scenarios) <= _FEW_SCENARIOS
    views = tuple(
        _pack(
            group,
            tuple(
                _scenario(item, numbers[item.path], cells=cells, few=few)
                for item in group.scenarios
            ),
        )
        for group in packs(report)
    )
    listed = tuple(item for pack in views for item in pack.scenarios if _is_wrong(item.of))
    features = tuple(_feature(feature) for feature in report.features)
    return PageView(
        title=headline(report),
        sentence=sentence(report),
        origin=_origin(report),
        tone=TONES[verdict(report)],
        report=report,
        facts=_facts(report),
        outcomes=_outcomes(report),
        wrong=listed[:_LISTED_WRONG],
        more_wrong=listed[_LISTED_WRONG:],
        timing=_timing(report),
        profiles=tuple(_profile(item) for item in report.profiles if item.profile != _HISTORY),
        features=features,
        features_open=any(item.tone != TONES[Outcome.PASS] or item.note for item in features),
        packs=views,
    )


def ordered(report: Report) -> tuple[ScenarioReport, ...]:
    """All scenarios in the order of the page; a ``ScenarioView.number`` is an index into this."""
    return tuple(scenario for pack in packs(report) for scenario in pack.scenarios)


def _is_wrong(scenario: ScenarioReport) -> bool:
    return scenario.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)


def _pack(group: PackSummary, scenarios: tuple[ScenarioView, ...]) -> PackView:
    return PackView(
        anchor("pack", group.name), group.name, _tally_words(group.counts.scenarios), scenarios
    )


def _profile(result: ProfileResult) -> ProfileView:
    words = {"yes": "conforms", "no": "does not conform", "unknown": "no verdict"}
    tones = {"yes": TONES[Outcome.PASS], "no": TONES[Outcome.FAIL], "unknown": "silent"}
    sentence = f"{words[result.conforms]}: {result.reason}"
    return ProfileView(tones[result.conforms], result.profile, sentence)


def _feature(result: FeatureResult) -> FeatureView:
    note = f"Declared as not supported: {result.reason}" if result.declared_unsupported else ""
    if result.passes_though_unsupported:
        note += " It passes all the same."
    return FeatureView(
        result, TONES[result.outcome], _tally_words(result.scenarios), note, safe_link(result.link)
    )


def _tally_words(tally: Tally) -> str:
    """A tally in words: ``12 passed, 1 failed``."""
    return ", ".join(
        f"{tally[outcome]} {word}" for outcome, word in WORDS.items() if tally[outcome]
    )


def _scenario(scenario: ScenarioReport, number: int, *, cells: int, few: bool) -> ScenarioView:
    wrong = tuple(link for step in scenario.steps for link in _wrong(scenario.path, step))
    return ScenarioView(
        number=number,
        anchor=anchor(scenario.path),
        of=scenario,
        tone=TONES[scenario.outcome],
        took="" if scenario.duration is None else seconds(scenario.duration),
        words=_words(scenario),
        open=few and bool(scenario.steps),
        wrong=wrong[:cells],
        more_wrong=max(len(wrong) - cells, 0),
    )


def _words(scenario: ScenarioReport) -> str:
    """What a search may be for: rules, catalogue, features, steps, pods and where to."""
    found = [*scenario.rules, *scenario.covers, *scenario.features, one_line(scenario.documented)]
    for step in scenario.steps:
        found += [one_line(step.title), *step.sources, *step.destinations]
    return " ".join(dict.fromkeys(one_line(item)[:200] for item in found)).lower()


def _wrong(path: str, step: StepResult) -> Iterator[LinkView]:
    """All that is wrong in a step: refusals, cells, gaps."""
    wrong = (Outcome.FAIL, Outcome.INCONCLUSIVE)
    whole = anchor(path, step.index)
    if step.refusal and step.refusal.outcome in wrong:
        yield LinkView(whole, f"Step {step.index}", step.refusal.reason)
    rows = {name: number for number, name in enumerate(step.sources, 1)}
    columns = {name: number for number, name in enumerate(step.destinations, 1)}
    for cell in step.cells:
        if cell.outcome in wrong:
            place = f"{rows.get(cell.source, 0)}.{columns.get(cell.destination, 0)}"
            name = f"Step {step.index}: {cell.source} → {cell.destination}"
            yield LinkView(anchor(path, step.index, place), name, mark(cell).words)
    for during in step.meanwhile:
        if during.outcome in wrong:
            name = f"Step {step.index}, meanwhile: {during.source} → {during.destination}"
            yield LinkView(whole, name, during.reason)


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


def _timing(report: Report) -> TimingView | None:
    found, phases = timing.enforced(report), timing.by_phase(report)
    if not found or not phases:
        return None
    durations = [item.seconds for item in found]
    sentence = (
        f"Half of {plural(len(found), 'change')} were enforced within "
        f"{seconds(timing.quantile(durations, 0.5))}, 95 of 100 within "
        f"{seconds(timing.quantile(durations, 0.95))}, the last within {seconds(durations[-1])}."
    )
    slowest = tuple(
        LinkView(
            anchor(item.path, item.step.index), item.step.title or item.path, seconds(item.seconds)
        )
        for item in reversed(found[-_SLOWEST:])
    )
    named = {_PHASES[phase]: duration for phase, duration in phases.items()}
    return TimingView(plots.distribution(durations), sentence, slowest, plots.rows(named))


def _origin(report: Report) -> str:
    """What was asked, where and when, in a line."""
    on = f"{report.implementation} on {report.cluster}"
    version = f"Kubernetes {report.kubernetes_version}" if report.kubernetes_version else ""
    at = f"{datetime.fromtimestamp(report.started, UTC):%Y-%m-%d}"
    return " · ".join(filter(None, (on, version, at)))


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
        ("Profile", report.profile),
        ("Plugin's own profile", report.plugin_profile.file if report.plugin_profile else ""),
        ("Run", report.run_id),
    ]
    return tuple((name, value) for name, value in facts if value)
