"""Reports -> a Comparison. Pure.

Scenarios are the same if their paths are, steps if their numbers are, cells if source and
destination are. The first report is held against each of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from string import ascii_uppercase

from netpol_conformance.judge.outcome import ExitCode, Outcome
from netpol_conformance.report.compare.notes import notes
from netpol_conformance.report.compare.places import Place, of_scenario, of_step
from netpol_conformance.report.compare.records import (
    EXIT_CODES,
    Absent,
    Change,
    Compared,
    Comparison,
    Difference,
    ScenarioComparison,
    StepComparison,
    gravest,
)
from netpol_conformance.report.compare.weighing import manner, weigh
from netpol_conformance.report.document.enforcing import times
from netpol_conformance.report.document.report import Report, ScenarioReport

MOST = len(ascii_uppercase)
"""Reports that one comparison can hold: each has a letter."""


@dataclass(frozen=True)
class _Scenario:
    """One scenario in all reports, compared, not yet told."""

    path: str
    reports: tuple[ScenarioReport | None, ...]
    steps: tuple[StepComparison, ...]
    changes: tuple[Change, ...]

    @property
    def outcomes(self) -> tuple[Outcome | None, ...]:
        return tuple(report.outcome if report else None for report in self.reports)

    @property
    def first(self) -> ScenarioReport:
        """The first report that has it."""
        return next(report for report in self.reports if report is not None)


def compare(reports: Mapping[str, Report], *, common: bool = False) -> Comparison:
    """Compare reports, the first with each of the others; keys are the files they are from.

    A scenario that the first has and another lacks makes that one's verdict unknown, unless only
    what is ``common`` to all is to be judged. Raises ValueError for fewer than two, or too many.
    """
    if not 2 <= len(reports) <= MOST:
        raise ValueError(f"compare takes 2 to {MOST} different reports, not {len(reports)}")
    documents = tuple(reports.values())
    scenarios = tuple(_scenarios(documents))
    judged = [item for item in scenarios if not common or None not in item.reports]
    changes = tuple(
        _verdict(documents, index, [item.changes[index - 1] for item in judged])
        for index in range(1, len(documents))
    )
    differing = [item for item in scenarios if item.steps]
    differing.sort(key=lambda item: list(Change).index(gravest(item.changes)))
    absent = [item for item in scenarios if not item.steps and None in item.reports]
    whole = gravest(changes)
    return Comparison(
        reports=tuple(
            _compared(index, source, report, (Change.SAME, *changes)[index], scenarios)
            for index, (source, report) in enumerate(reports.items())
        ),
        change=whole,
        exit_code=int(EXIT_CODES.get(whole, ExitCode.YES)),
        notes=notes(documents),
        differing=tuple(_comparison_of(item) for item in differing),
        absent=tuple(
            Absent(path=item.path, title=item.first.title, outcomes=item.outcomes)
            for item in absent
        ),
        same=len(scenarios) - len(differing) - len(absent),
    )


def _scenarios(documents: Sequence[Report]) -> Iterator[_Scenario]:
    held = [{item.path: item for item in report.scenarios} for report in documents]
    paths = dict.fromkeys(path for report in held for path in report)
    for path in paths:
        yield _scenario(path, tuple(report.get(path) for report in held))


def _scenario(path: str, reports: tuple[ScenarioReport | None, ...]) -> _Scenario:
    changes = [[Change.SAME] for _ in reports[1:]]

    def differences(places: Iterable[Place]) -> Iterator[Difference]:
        for place in places:
            weighed = weigh(place.kind, place.found)
            for column, change in zip(changes, weighed, strict=True):
                column.append(change)
            if _differs(place):
                yield _difference(place, weighed)

    steps = []
    for row in zip_longest(*(report.steps if report else () for report in reports)):
        differing = tuple(differences(of_step(reports, row)))
        if differing:
            step = next(item for item in row if item is not None)
            steps.append(StepComparison(index=step.index, title=step.title, differences=differing))
    if not steps:
        # Without other differences the outcomes of the scenarios decide.
        differing = tuple(differences([of_scenario(reports)]))
        steps += [StepComparison(index=0, title="", differences=differing)] if differing else []
    return _Scenario(path, reports, tuple(steps), tuple(gravest(column) for column in changes))


def _differs(place: Place) -> bool:
    """Whether those reports that should have the place do not all say the same of it."""
    said = {
        (item.outcome, manner(place.kind, item), item.expected) if item else None
        for item, asked in zip(place.found, place.asked, strict=True)
        if asked
    }
    return len(said) > 1


def _difference(place: Place, changes: tuple[Change, ...]) -> Difference:
    differing = place._asdict()
    del differing["asked"]
    return Difference(**differing, changes=changes)


def _comparison_of(item: _Scenario) -> ScenarioComparison:
    digests = {report.digest for report in item.reports if report and report.digest}
    return ScenarioComparison(
        path=item.path,
        title=item.first.title,
        pack=item.first.pack,
        edited=len(digests) > 1,
        outcomes=item.outcomes,
        changes=item.changes,
        steps=item.steps,
    )


def _verdict(documents: Sequence[Report], index: int, changes: Sequence[Change]) -> Change:
    """The verdict on a later report: never better than unknown for an incomplete run."""
    sound = all(
        report.probes_work and not report.partial for report in (documents[0], documents[index])
    )
    return gravest(changes if sound and changes else [*changes, Change.UNKNOWN])


def _compared(
    index: int, source: str, report: Report, change: Change, scenarios: Sequence[_Scenario]
) -> Compared:
    cells = [cell for item in report.scenarios for step in item.steps for cell in step.cells]
    blocked = [cell.blocked for cell in cells]
    took = times(report.scenarios)
    return Compared(
        label=ascii_uppercase[index],
        source=source,
        dropped=blocked.count("dropped"),
        rejected=blocked.count("rejected"),
        median_seconds_to_enforce=took and took.median,
        p90_seconds_to_enforce=took and took.p90,
        max_seconds_to_enforce=took and took.max,
        change=change,
        changes=Counter(item.changes[index - 1] for item in scenarios) if index else {},
        **report.model_dump(include=set(Compared.model_fields) & set(Report.model_fields)),
    )
