"""The run on a terminal, or as plain lines in a log: a consumer that prints with rich."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.conformance import in_words, surprises
from netpol_conformance.report.document import Collector, Report, ScenarioReport
from netpol_conformance.report.lasting import remarks
from netpol_conformance.report.marks import encodable, to_ascii
from netpol_conformance.report.matrix import WIDTH, lines, wrong_cells
from netpol_conformance.report.styles import STYLES
from netpol_conformance.report.summary import (
    WORDS,
    headline,
    packs,
    sentence,
    time_to_enforce,
    verdict,
)
from netpol_conformance.report.text import clip, one_line, plural, seconds, visible
from netpol_conformance.run.events import (
    Event,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    SelfTested,
    StepResult,
)

Matrices = Literal["all", "failures"]
"""For which scenarios the matrices are shown; ``failures`` means all but the passed."""

_GOOD = (Outcome.PASS, Outcome.XFAIL, Outcome.UNSUPPORTED, Outcome.UNSPECIFIED)
_HEADS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCONCLUSIVE: "incon-\nclusive",
    Outcome.XFAIL: "xfail",
    Outcome.UNSUPPORTED: "unsup-\nported",
    Outcome.UNSPECIFIED: "unspec-\nified",
}
_INDENT = "  "
_MOST_WRONG = 5
"""Wrong cells explained of one step; the reports in files have all."""


class Terminal:
    """A consumer that shows a run as it goes: each scenario when it ends, and a summary.

    On a terminal a live line at the bottom tells what is running. Use it as a context manager,
    so that an exception leaves the terminal as it was. ``console`` decides on colour: rich obeys
    NO_COLOR, and prints no escape sequence to what is not a terminal.
    """

    def __init__(self, console: Console | None = None, *, matrices: Matrices = "all") -> None:
        self._console = console or Console(highlight=False)
        self._ascii = not encodable(self._console.encoding)
        self._matrices = matrices
        self._collector = Collector()
        self._running: dict[str, None] = {}
        self._done: list[Outcome] = []
        self._total = 0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Nothing yet; the live line begins with the run."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the live line."""
        self._stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._collector(event)
        match event:
            case RunStarted():
                self._start(event)
            case SelfTested() if event.outcome is not Outcome.PASS:
                self._print(
                    Text(f"The probe's own test failed: {visible(event.reason)}", "bold red")
                )
            case ScenarioStarted():
                self._running[event.path] = None
            case ScenarioFinished():
                self._running.pop(event.path, None)
                self._done.append(event.outcome)
                self._scenario(self._collector.scenario(event.path))
            case RunFinished():
                self._stop()
                self._finish()
        if self._live:
            self._live.update(self._status(), refresh=True)

    def say(self, words: str) -> None:
        """Show a line of progress that no event tells of."""
        self._print(Text(one_line(words), "dim"))

    def plain(self, line: str) -> None:
        """Show a line for programs that read the output: no style, no break."""
        self._console.out(line, style=None, highlight=False)

    def written(self, files: Mapping[str, Path]) -> None:
        """Say where reports were written: ``{"HTML": path, ...}``, a line for each folder."""
        folders: dict[Path, list[str]] = {}
        for path in files.values():
            folders.setdefault(path.parent, []).append(path.name)
        for folder, (first, *others) in folders.items():
            beside = f", and beside it {', '.join(others)}" if others else ""
            self._print(Text(f"{folder / first}{beside}"))

    def _start(self, event: RunStarted) -> None:
        self._total = len(event.scenarios)
        version = f", Kubernetes {event.kubernetes_version}" if event.kubernetes_version else ""
        told = (
            f"{plural(self._total, 'scenario')} on {event.implementation} "
            f"({event.cluster} cluster{version})"
        )
        self._print(Text(one_line(told), "bold"), Text())
        if self._console.is_terminal:
            # Whoever captures the standard streams goes on undisturbed.
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _status(self) -> Text:
        """``12/36  2 failed  running handbook/a.yaml, handbook/b.yaml``, one line."""
        status = Text(no_wrap=True, overflow="ellipsis")
        status.append(f"{len(self._done)}/{self._total}", "bold")
        for outcome, words in WORDS.items():
            number = self._done.count(outcome)
            if number and outcome is not Outcome.PASS:
                status.append(f"  {number} {words}", STYLES[outcome])
        if self._running:
            status.append(f"  running {one_line(', '.join(self._running))}", "dim")
        return self._fitting(status)

    def _scenario(self, scenario: ScenarioReport) -> None:
        short = self._matrices == "failures" and scenario.outcome in _GOOD
        head = _head(scenario)
        width = min(self._console.width, WIDTH)
        # At once: on a terminal every print draws the live line anew.
        self._print(*([head] if short else [head, *_body(scenario, width)]))

    def _finish(self) -> None:
        report = self._collector.report()
        for scenario in report.scenarios:
            if scenario.state == "unfinished":
                self._scenario(scenario)
        self._console.print(_table(report))
        self._print(
            Text(),
            Text(headline(report), f"{STYLES[verdict(report)]} bold"),
            Text(sentence(report)),
            *([Text(visible(report.reason))] if report.reason else []),
            *(Text(visible(line)) for line in in_words(report.profiles, report.features)),
        )

    def _print(self, *rows: Text) -> None:
        """Print whole lines; where they are long it is the terminal that breaks them."""
        text = self._fitting(Text("\n").join(rows))
        self._console.print(text, soft_wrap=True, highlight=False)

    def _fitting(self, text: Text) -> Text:
        """``text`` with what the terminal's encoding lacks replaced, length and styles kept."""
        if self._console.encoding.startswith("utf"):
            return text
        plain = to_ascii(text.plain) if self._ascii else text.plain
        encoding = self._console.encoding
        text.plain = plain.encode(encoding, "replace").decode(encoding)
        return text


def _head(scenario: ScenarioReport) -> Text:
    took = f"  {seconds(scenario.duration)}" if scenario.duration is not None else ""
    return Text.assemble(
        (f"{scenario.outcome.value:<12} ", STYLES[scenario.outcome]),
        (one_line(scenario.path), "bold"),
        (took, "dim"),
    )


def _body(scenario: ScenarioReport, width: int) -> Iterator[Text]:
    """All of a scenario below its first line."""
    good = scenario.outcome in _GOOD
    yield Text(f"{_INDENT}{one_line(scenario.title)}")
    if scenario.reason:
        yield Text(f"{_INDENT}{visible(scenario.reason)}", "" if good else "red")
    for surprise in surprises(scenario):
        yield Text(f"{_INDENT}{visible(surprise)}", "magenta")
    for step in scenario.steps:
        yield Text()
        yield from _step(step, width - len(_INDENT))
    if not good and scenario.rerun:
        yield Text()
        yield Text(f"{_INDENT}run it again: {one_line(scenario.rerun)}")
    yield Text()


def _step(step: StepResult, width: int) -> Iterator[Text]:
    """A step's title, matrix and wrong cells."""
    took = time_to_enforce(step)
    yield Text.assemble(
        (f"{_INDENT}{step.index}. {one_line(step.title)}", "bold"),
        (f"  enforced in {took}" if took else "", "dim"),
    )
    if step.refusal:
        answer = one_line(step.refusal.answer) or "accepted"
        yield Text(f"{_INDENT}API: {answer}", STYLES[step.refusal.outcome])
    for line in lines(step, width=width):
        pieces = [(piece.text, STYLES[piece.outcome] if piece.outcome else "") for piece in line]
        yield Text.assemble(_INDENT if line else "", *pieces)
    for remark in remarks(step, width=width):
        style = STYLES[remark.outcome] if remark.outcome else ""
        yield Text()
        yield from (Text(f"{_INDENT}{row}", style) for row in remark.text.splitlines())
    told = wrong_cells(step, limit=_MOST_WRONG, width=width)
    if told:
        yield Text()
    for row in told.splitlines():
        yield Text(f"{_INDENT}{row}".rstrip())


def _table(report: Report) -> Table:
    """A row a pack; a column for every outcome that occurs."""
    occurring = [outcome for outcome in WORDS if report.counts.scenarios[outcome]]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("pack", overflow="fold")
    for outcome in occurring:
        table.add_column(_HEADS[outcome], justify="right")
    table.add_column("cells", justify="right")
    table.add_column("time", justify="right")
    for pack in packs(report):
        numbers = [pack.counts.scenarios[outcome] for outcome in occurring]
        took = sum(scenario.duration or 0 for scenario in pack.scenarios)
        table.add_row(
            Text(clip(one_line(pack.name), lines=1, characters=24)),
            *(
                Text(str(number) if number else "-", STYLES[outcome] if number else "dim")
                for outcome, number in zip(occurring, numbers, strict=True)
            ),
            f"{sum(pack.counts.cells.values()):,}",
            seconds(took),
        )
    return table
