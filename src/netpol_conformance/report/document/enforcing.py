"""How long changes took to be in force, and what was not waited for: numbers and words. Pure.

What took longer than SLOW is shown as slow, and never as failed: no time is promised (S50).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from netpol_conformance.report.document.report import Report, ScenarioReport, TimeToEnforce
from netpol_conformance.report.text import one_line, plural, seconds
from netpol_conformance.run.events import StepResult, WaitsShortened

SLOW = 5.0
"""Seconds."""
_MOST_SLOW = 5
"""Slow changes that are named where there is little room."""


class Enforced(NamedTuple):
    """A change, and the seconds until every cell was as expected."""

    path: str
    step: StepResult
    seconds: float


def enforced(scenarios: Iterable[ScenarioReport]) -> list[Enforced]:
    """Every change that was enforced, the quickest first."""
    found = [
        Enforced(scenario.path, step, step.seconds_to_enforce)
        for scenario in scenarios
        for step in scenario.steps
        if step.seconds_to_enforce is not None and changes(step)
    ]
    return sorted(found, key=lambda item: item.seconds)


def changes(step: StepResult) -> bool:
    """Whether there was something to be enforced."""
    return bool(step.applied or step.deleted) and step.refusal is None


def times(scenarios: Iterable[ScenarioReport]) -> TimeToEnforce | None:
    """The times to enforce of all changes together; None if there were none."""
    found = [item.seconds for item in enforced(scenarios)]
    if not found:
        return None
    return TimeToEnforce(
        changes=len(found),
        median=quantile(found, 0.5),
        p90=quantile(found, 0.9),
        max=found[-1],
        slow=sum(duration > SLOW for duration in found),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed, one of them."""
    place = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[place]


def time_to_enforce(step: StepResult) -> str:
    """How long the plugin took, for people; empty where nothing changed that it had to enforce."""
    if not changes(step) or step.seconds_to_enforce is None:
        return ""
    slow = " (slow)" if step.seconds_to_enforce > SLOW else ""
    return f"{seconds(step.seconds_to_enforce)}{slow}"


def slow(report: Report) -> list[Enforced]:
    """What was slow, the slowest first."""
    return [item for item in reversed(enforced(report.scenarios)) if item.seconds > SLOW]


def slow_in_words(report: Report) -> Iterator[str]:
    """A sentence, and a line for each of the slowest; nothing if nothing was slow."""
    found = slow(report)
    if not found:
        return
    yield f"Slow, not failed: {plural(len(found), 'change')} took longer than {SLOW:g} s."
    for item in found[:_MOST_SLOW]:
        yield f"  {one_line(item.path)}, step {item.step.index}: {seconds(item.seconds)}"
    if len(found) > _MOST_SLOW:
        yield f"  and {len(found) - _MOST_SLOW:,} more"


def shortened_in_words(waits: WaitsShortened) -> str:
    """What is waited for briefly, and why; or was, for it came after all."""
    vain = f"{plural(len(waits.scenarios), 'scenario')} that waited in vain"
    if not waits.ended_by:
        return (
            f"After {vain}, and none that saw any, {waits.what} are waited for "
            f"{waits.seconds:g} s only."
        )
    return (
        f"After {vain}, {waits.what} were waited for {waits.seconds:g} s only, until "
        f"{waits.ended_by} saw them come after all: run again what failed meanwhile and says so."
    )
