"""What the page's templates show of a report besides what its records say. Pure.

What a scenario's matrices and evidence hold is not here but in ``packing``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document import enforcing
from netpol_conformance.report.document.report import FeatureResult, Report, ScenarioReport, Tally
from netpol_conformance.report.document.summary import (
    CONFORMS,
    MEANINGS,
    WORDS,
    headline,
    network_words,
    packs,
    sentence,
    verdict,
    went_by,
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

_SLOWEST, _MOST_SLOW = 3, 20
"""Changes named below the plot: where none was slow, and of those that were."""

_HISTORY = Profile.HISTORY.value
"""What clusters of old did is nothing to conform to."""

_CONFORMS_TONES = {"yes": TONES[Outcome.PASS], "no": TONES[Outcome.FAIL], "unknown": "silent"}

_PHASES: dict[Phase, str] = {
    "control": "Controls",
    "converge": "Until as expected",
    "hold": "Full look",
    "confirm": "Second look",
    "witness": "Witnesses",
    "meanwhile": "During changes",
    "held": "Held connections",
}


class Link(NamedTuple):
    """Something to jump to, and words beside it."""

    anchor: str
    name: str
    words: str


class Timing(NamedTuple):
    """The plots, and the changes that took longest to be enforced: the slow ones, or a few.

    A short report has no probes, and so no phases.
    """

    enforced: plots.Plot
    sentence: str
    head: str
    slowest: tuple[Link, ...]
    phases: plots.Plot | None


def context(report: Report) -> dict[str, Any]:
    """What ``page.html.j2`` is given, and what it calls."""
    scenarios = ordered(report)
    wrong = [scenario for scenario in scenarios if scenario.outcome.is_wrong]
    return {
        "title": headline(report),
        "sentence": sentence(report),
        "network_words": network_words(report.network),
        "origin": _origin(report),
        "verdict": verdict(report),
        "report": report,
        "facts": _facts(report),
        "outcomes": [item for item in WORDS if _occurs(report, item)],
        "meanings": MEANINGS,
        "outcome_words": WORDS,
        "tones": TONES,
        "wrong": wrong[:_LISTED_WRONG],
        "more_wrong": wrong[_LISTED_WRONG:],
        "wrong_links": wrong_links,
        "most_links": _MOST_WRONG if len(wrong) <= _MANY_WRONG else _FEWEST_WRONG,
        "timing": _timing(report),
        "shortened": [enforcing.shortened_in_words(item) for item in report.shortened_waits],
        "profiles": [item for item in report.profiles if item.profile != _HISTORY],
        "conforms": CONFORMS,
        "conforms_tones": _CONFORMS_TONES,
        "features_open": any(map(_is_notable, report.features)),
        "packs": packs(report),
        "numbers": {scenario.path: number for number, scenario in enumerate(scenarios)},
        "few": len(scenarios) <= _FEW_SCENARIOS,
        "anchor": anchor,
        "safe_link": safe_link,
        "seconds": seconds,
        "search_words": search_words,
        "tally_words": tally_words,
    }


def ordered(report: Report) -> tuple[ScenarioReport, ...]:
    """All scenarios in the order of the page, which is that of the packed evidence."""
    return tuple(scenario for pack in packs(report) for scenario in pack.scenarios)


def tally_words(tally: Tally) -> str:
    """A tally in words: ``12 passed, 1 failed``."""
    return ", ".join(
        f"{tally[outcome]} {word}" for outcome, word in WORDS.items() if tally[outcome]
    )


def search_words(scenario: ScenarioReport) -> str:
    """What a search may be for: rules, catalogue, features, steps, pods and where to."""
    found = [*scenario.rules, *scenario.covers, *scenario.features, one_line(scenario.documented)]
    for step in scenario.steps:
        found += [one_line(step.title), *step.sources, *step.destinations]
    return " ".join(dict.fromkeys(one_line(item)[:200] for item in found)).lower()


def wrong_links(scenario: ScenarioReport) -> list[Link]:
    """All that is wrong in a scenario."""
    return [link for step in scenario.steps for link in _wrong(scenario.path, step)]


def _wrong(path: str, step: StepResult) -> Iterator[Link]:
    """All that is wrong in a step: refusals, lateness, cells, gaps."""
    whole = anchor(path, step.index)
    if step.refusal and step.refusal.outcome.is_wrong:
        yield Link(whole, f"Step {step.index}", step.refusal.reason)
    rows = {name: number for number, name in enumerate(step.sources, 1)}
    columns = {name: number for number, name in enumerate(step.destinations, 1)}
    if step.late and step.late.outcome.is_wrong:
        yield Link(whole, f"Step {step.index}", step.late.reason)
    for cell in step.cells:
        if cell.outcome.is_wrong:
            place = f"{rows.get(cell.source, 0)}.{columns.get(cell.destination, 0)}"
            name = f"Step {step.index}: {cell.source} → {cell.destination}"
            yield Link(anchor(path, step.index, place), name, mark(cell).words)
    for during in step.meanwhile:
        if during.outcome.is_wrong:
            name = f"Step {step.index}, meanwhile: {during.source} → {during.destination}"
            yield Link(whole, name, during.reason)


def _is_notable(feature: FeatureResult) -> bool:
    return feature.outcome is not Outcome.PASS or feature.declared_unsupported


def _occurs(report: Report, outcome: Outcome) -> bool:
    return bool(report.counts.scenarios[outcome] or report.counts.cells[outcome])


def _timing(report: Report) -> Timing | None:
    found, took = enforcing.enforced(report.scenarios), enforcing.times(report.scenarios)
    if took is None:
        return None
    sentence = (
        f"Half of {plural(took.changes, 'change')} were enforced within {seconds(took.median)}, "
        f"90 of 100 within {seconds(took.p90)}, the last within {seconds(took.max)}."
    )
    slow = enforcing.slow(report)
    shown = slow[:_MOST_SLOW] or found[: -_SLOWEST - 1 : -1]
    slowest = tuple(
        Link(
            anchor(item.path, item.step.index), item.step.title or item.path, seconds(item.seconds)
        )
        for item in shown
    )
    head = f"Slow, not failed ({len(slow):,} over {enforcing.SLOW:g} s)" if slow else "Slowest"
    named = {_PHASES[phase]: duration for phase, duration in timing.by_phase(report).items()}
    durations = [item.seconds for item in found]
    phases = plots.rows(named) if named else None
    return Timing(plots.distribution(durations), sentence, head, slowest, phases)


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
        ("Waits", _waits(report)),
        ("Plugin's declaration", went_by(report.declaration)),
        ("Run", report.run_id),
    ]
    return tuple((name, value) for name, value in facts if value)


def _waits(report: Report) -> str:
    """How long changes were waited for, and were allowed to take."""
    policies, labels = (report.timeouts.get(name, 0.0) for name in ("enforce", "labels"))
    words = [f"{policies:g} s for a change to be in force"] if policies else []
    words += [f"{labels:g} s for one of labels"] if labels > policies else []
    within = report.enforce_within
    words += [f"{within:g} s demanded (--enforce-within)"] if within else []
    return ", ".join(words)
