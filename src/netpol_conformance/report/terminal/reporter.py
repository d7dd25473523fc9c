"""The run on a terminal, or as plain lines in a log: a consumer that prints with rich."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.collector import Collector
from netpol_conformance.report.document.conformance import in_words, surprises
from netpol_conformance.report.document.enforcing import (
    shortened_in_words,
    slow_in_words,
    time_to_enforce,
)
from netpol_conformance.report.document.report import ScenarioReport
from netpol_conformance.report.document.summary import (
    headline,
    network_words,
    sentence,
    verdict,
    went_by,
)
from netpol_conformance.report.plain.continuous import remarks
from netpol_conformance.report.plain.marks import encodable, to_ascii
from netpol_conformance.report.plain.matrix import WIDTH, lines, wrong_cells
from netpol_conformance.report.terminal.console import STYLES
from netpol_conformance.report.terminal.live import view
from netpol_conformance.report.terminal.progress import Progress
from netpol_conformance.report.terminal.totals import table
from netpol_conformance.report.text import one_line, plural, seconds, visible, wrap
from netpol_conformance.run.events import (
    Event,
    NetworkMeasured,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    SelfTested,
    StepResult,
    WaitsShortened,
)

Matrices = Literal["all", "failures"]
"""For which scenarios the matrices are shown; ``failures`` means all but the passed."""

_INDENT = "  "
_MOST_WRONG = 5
"""Wrong cells explained of one step; the reports in files have all."""


class Terminal:
    """A consumer that shows a run as it goes: each scenario when it ends, and a summary.

    On a terminal a ``live`` view at the bottom tells how far the run is. Use it as a context
    manager, so that an exception leaves the terminal as it was. ``console`` decides on colour: rich
    obeys NO_COLOR, and prints no escape sequence to what is not a terminal.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        matrices: Matrices = "all",
        live: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console(highlight=False)
        self._ascii = not encodable(self._console.encoding)
        self._matrices = matrices
        self._collector = Collector()
        self._progress = Progress(clock)
        self._wants_live = live
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Nothing yet; the live line begins with the run."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End the live line."""
        self._stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._collector(event)
        self._progress(event)
        match event:
            case RunStarted():
                self._start(event)
            case SelfTested() if event.outcome is not Outcome.PASS:
                self._print(
                    Text(f"The probe's own test failed: {visible(event.reason)}", "bold red")
                )
            case NetworkMeasured():
                words = (row for text in network_words(event) for row in _prose(text, self._room))
                self._print(*words)
            case ScenarioFinished():
                self._scenario(self._collector.scenario(event.path))
            case WaitsShortened():
                self._print(*_prose(shortened_in_words(event), self._room, "bold yellow"))
            case RunFinished():
                self._stop()
                self._finish()
        if self._live:
            live = self._fitting(view(self._progress, self._console.width))
            self._live.update(live, refresh=True)

    def say(self, words: str) -> None:
        """Show a line of progress without an event."""
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
            self._print(*_prose(f"{folder / first}{beside}", self._room))

    def _start(self, event: RunStarted) -> None:
        version = f", Kubernetes {event.kubernetes_version}" if event.kubernetes_version else ""
        words = (
            f"{plural(len(event.scenarios), 'scenario')} on {event.implementation} "
            f"({event.cluster} cluster{version})"
        )
        rows = [Text(one_line(words), "bold")]
        if event.declaration:
            rows += _prose(f"Held to {went_by(event.declaration)}", self._room)
        self._print(*rows, Text())
        if self._wants_live and self._console.is_terminal:
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

    def _scenario(self, scenario: ScenarioReport) -> None:
        short = self._matrices == "failures" and not scenario.outcome.is_wrong
        head = _head(scenario)
        width = min(self._console.width, WIDTH)
        # At once: on a terminal every print draws the live line anew.
        self._print(*([head] if short else [head, *_body(scenario, width, self._room)]))

    def _finish(self) -> None:
        report = self._collector.report()
        for scenario in report.scenarios:
            if scenario.state == "unfinished":
                self._scenario(scenario)
        self._console.print(table(report, self._console.width))
        words = [
            sentence(report),
            report.reason,
            *in_words(report.profiles, report.features),
            *network_words(report.network),
        ]
        self._print(
            Text(),
            Text(headline(report), f"{STYLES[verdict(report)]} bold"),
            *(row for text in words if text for row in _prose(text, self._room)),
            *(Text(visible(line)) for line in slow_in_words(report)),
        )

    @property
    def _room(self) -> int | None:
        """The width for sentences; elsewhere than on a terminal a line is as long as it is."""
        return self._console.width if self._console.is_terminal else None

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


def _prose(text: str, room: int | None, style: str = "", indent: str = "") -> Iterator[Text]:
    """Sentences, each of their lines broken between words where there is no more room."""
    for line in visible(text).splitlines():
        rows = [f"{indent}{line}"]
        if room is not None and len(rows[0]) > room:
            rows = wrap(line, room, indent, indent)
        yield from (Text(row, style) for row in rows)


def _body(scenario: ScenarioReport, width: int, room: int | None) -> Iterator[Text]:
    """All of a scenario below its first line; ``room`` is for sentences, None if unlimited."""
    wrong = scenario.outcome.is_wrong
    yield from _prose(one_line(scenario.title), room, indent=_INDENT)
    yield from _prose(scenario.reason, room, "red" if wrong else "", _INDENT)
    for surprise in surprises(scenario):
        yield from _prose(surprise, room, "magenta", _INDENT)
    for step in scenario.steps:
        yield Text()
        yield from _step(step, width - len(_INDENT), room)
    if wrong and scenario.rerun:
        yield Text()
        yield Text(f"{_INDENT}run it again: {one_line(scenario.rerun)}")
    yield Text()


def _step(step: StepResult, width: int, room: int | None) -> Iterator[Text]:
    """A step's title, matrix and wrong cells."""
    took = time_to_enforce(step)
    title = f"{step.index}. {one_line(step.title)}"
    *rows, last = _prose(title, room, "bold", _INDENT)
    yield from rows
    tail = f"  enforced in {took}" if took else ""
    if room is not None and len(last) + len(tail) > room:
        yield last
        last, tail = Text(_INDENT), tail.strip()
    yield last.append(tail, "dim")
    if step.refusal:
        answer = one_line(step.refusal.answer) or "accepted"
        yield from _prose(f"API: {answer}", room, STYLES[step.refusal.outcome], _INDENT)
    for line in lines(step, width=width):
        pieces = [(piece.text, STYLES[piece.outcome] if piece.outcome else "") for piece in line]
        yield Text.assemble(_INDENT if line else "", *pieces)
    for remark in remarks(step, width=width):
        style = STYLES[remark.outcome] if remark.outcome else ""
        yield Text()
        yield from (Text(f"{_INDENT}{row}", style) for row in remark.text.splitlines())
    words = wrong_cells(step, limit=_MOST_WRONG, width=width)
    if words:
        yield Text()
    for row in words.splitlines():
        yield Text(f"{_INDENT}{row}".rstrip())
