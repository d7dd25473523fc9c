"""The consumer that gathers a run's events into a Report. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from netpol_conformance.judge.outcome import Outcome, combine, exit_code
from netpol_conformance.report.document.conformance import feature_results, profile_results, tally
from netpol_conformance.report.document.enforcing import times
from netpol_conformance.report.document.report import (
    Counts,
    Report,
    ScenarioReport,
)
from netpol_conformance.run.events import (
    Event,
    NetworkMeasured,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    SelfTested,
    StepFinished,
    StepResult,
    WaitsShortened,
)


class Collector:
    """A consumer that keeps the events of one run and can make a report of them at any moment.

    Scenarios may interleave; events may stop anywhere. What was not seen to end is
    INCONCLUSIVE (or FAIL, if a step had failed), and the report then is ``partial``.
    """

    def __init__(self) -> None:
        self._run: RunStarted | None = None
        self._self_test: SelfTested | None = None
        self._network: NetworkMeasured | None = None
        self._end: RunFinished | None = None
        self._paths: dict[str, None] = {}
        self._started: dict[str, ScenarioStarted] = {}
        self._steps: dict[str, list[StepResult]] = {}
        self._finished: dict[str, ScenarioFinished] = {}
        self._shortened: dict[str, WaitsShortened] = {}

    def __call__(self, event: Event) -> None:
        """Keep one event."""
        match event:
            case RunStarted():
                self._run = event
                self._paths = dict.fromkeys((*event.scenarios, *self._paths))
            case SelfTested():
                self._self_test = event
            case NetworkMeasured():
                self._network = event
            case ScenarioStarted():
                self._paths[event.path] = None
                self._started[event.path] = event
            case StepFinished():
                self._paths[event.path] = None
                self._steps.setdefault(event.path, []).append(event.step)
            case ScenarioFinished():
                self._paths[event.path] = None
                self._finished[event.path] = event
            case WaitsShortened():
                self._shortened[event.what] = event
            case RunFinished():
                self._end = event

    def scenario(self, path: str) -> ScenarioReport:
        """One scenario as far as it has come."""
        start, end = self._started.get(path), self._finished.get(path)
        steps = tuple(self._steps.get(path, ()))
        about = start.model_dump(exclude={"type", "steps", "cluster"}) if start else {}
        outcome, reason = _judged(start, steps, end)
        return ScenarioReport(
            **{"path": path, "pack": path.partition("/")[0], **about},
            planned_steps=start.steps if start else None,
            cluster=start.cluster if start else None,
            state="finished" if end else "unfinished" if start else "not run",
            outcome=outcome,
            reason=reason,
            not_carried=end.not_carried if end else False,
            declared=end.declared if end else (),
            rerun=end.rerun if end else "",
            duration=end.duration if end else None,
            steps=steps,
        )

    def report(self) -> Report:
        """The report of what was seen so far; raises ValueError before the run's start."""
        if self._run is None:
            raise ValueError("no report can be made: no event said that a run started")
        scenarios = tuple(self.scenario(path) for path in self._paths)
        outcome = self._end.outcome if self._end else self._outcome(scenarios)
        run = self._run.model_dump(exclude={"type", "scenarios"})
        partial = self._is_partial(scenarios)
        tested = self._self_test is not None and self._self_test.outcome is Outcome.PASS
        return Report(
            **run,
            finished=self._end.finished if self._end else None,
            duration=self._end.duration if self._end else None,
            outcome=outcome,
            exit_code=self._end.exit_code if self._end else int(exit_code(outcome)),
            partial=partial,
            reason=self._end.reason if self._end else "The run ended before it could say so.",
            self_test=self._self_test,
            network=self._network,
            shortened_waits=tuple(self._shortened.values()),
            time_to_enforce=times(scenarios),
            profiles=profile_results(
                scenarios, whole=self._run.whole, sound=tested and not partial
            ),
            features=feature_results(scenarios, self._run.declaration),
            counts=count(scenarios),
            scenarios=scenarios,
        )

    def _is_partial(self, scenarios: Iterable[ScenarioReport]) -> bool:
        ended = self._end is not None and not self._end.partial
        return not ended or any(scenario.state != "finished" for scenario in scenarios)

    def _outcome(self, scenarios: Iterable[ScenarioReport]) -> Outcome:
        # Without the run's own last word nothing better than INCONCLUSIVE can be said.
        return combine([*(scenario.outcome for scenario in scenarios), Outcome.INCONCLUSIVE])


def count(scenarios: Iterable[ScenarioReport]) -> Counts:
    """The tallies of these scenarios and of their cells."""
    scenarios = tuple(scenarios)
    cells = (cell for item in scenarios for step in item.steps for cell in step.cells)
    return Counts(
        scenarios=tally(scenario.outcome for scenario in scenarios),
        cells=tally(cell.outcome for cell in cells),
    )


def _judged(
    start: ScenarioStarted | None, steps: tuple[StepResult, ...], end: ScenarioFinished | None
) -> tuple[Outcome, str]:
    if end:
        return end.outcome, end.reason
    if start is None:
        return Outcome.INCONCLUSIVE, "It was not run: the run ended before its turn."
    outcome = combine([*(step.outcome for step in steps), Outcome.INCONCLUSIVE])
    return outcome, f"The run ended after {len(steps)} of its {start.steps} steps."
