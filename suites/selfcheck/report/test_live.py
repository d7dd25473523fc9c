"""The live view: how far, how long, what runs, in lines that fit; and real terminals."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from netpol_conformance.cli.text import wrapped
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Counts, Report
from netpol_conformance.report.terminal.live import view
from netpol_conformance.report.terminal.progress import Progress, about
from netpol_conformance.report.terminal.totals import table
from netpol_conformance.run.events import Event, RunStarted, ScenarioFinished, ScenarioStarted

from .screen import Screen, output_of

SCENARIO = "handbook/web-deny-all.yaml"


class Clock:
    """Time that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def progress_of(events: list[Event], clock: Clock | None = None) -> Progress:
    progress = Progress(clock or Clock())
    for event in events:
        progress(event)
    return progress


def run_of(events: list[Event], total: int, done: int, clock: Clock) -> Progress:
    """A run of ``total`` scenarios in two packs of which ``done`` have passed after 60 s."""
    begin = next(event for event in events if isinstance(event, RunStarted))
    start = next(event for event in events if isinstance(event, ScenarioStarted))
    end = next(event for event in events if isinstance(event, ScenarioFinished))
    paths = [f"{'ab'[number % 2]}/{number}.yaml" for number in range(total)]
    told: list[Event] = [begin.model_copy(update={"scenarios": tuple(paths)})]
    for path in paths[:done]:
        told.append(start.model_copy(update={"path": path}))
        told.append(end.model_copy(update={"path": path, "outcome": Outcome.PASS}))
    progress = progress_of(told, clock)
    clock.now += 60
    return progress


@pytest.mark.parametrize(
    ("total", "done", "left"),
    [
        (100, 0, None),
        (100, 4, None),  # under a twentieth
        (100, 5, 19 * 60),
        (100, 50, 60),
        (100, 100, 0),
        (6, 2, None),  # under three
        (6, 3, 60),
    ],
)
def test_the_time_left_is_told_when_enough_is_done(events, total, done, left) -> None:
    assert run_of(events, total, done, Clock()).left() == pytest.approx(left)


def test_what_runs_counts_half(events: list[Event]) -> None:
    progress = run_of(events, 100, 40, Clock())
    start = next(event for event in events if isinstance(event, ScenarioStarted))
    for number in range(40, 60):
        progress(start.model_copy(update={"path": f"a/{number}.yaml"}))
    assert progress.left() == pytest.approx(60)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, ""),
        (0, "a few seconds left"),
        (11, "about 20 s left"),
        (60, "about 60 s left"),
        (61, "about 2 min left"),
        (3600, "about 60 min left"),
    ],
)
def test_the_time_left_promises_no_more_than_it_can(left, words) -> None:
    assert about(left) == words


def test_the_view_tells_how_far_which_packs_and_what_runs(interleaved_events) -> None:
    seen = next(
        number
        for number, event in enumerate(interleaved_events)
        if isinstance(event, ScenarioFinished) and event.outcome is Outcome.INCONCLUSIVE
    )
    first, second, third = view(progress_of(interleaved_events[: seen + 1]), 100).plain.splitlines()
    assert re.match(r"\d/9 ━+─+  .*1 inconclusive", first)
    assert "handbook 0/3" in second
    assert third.startswith("running hostile/strings.yaml, ")


def rendered(progress: Progress, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, _environ={})
    lines = console.render_lines(view(progress, width), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_every_moment_of_the_view_is_three_lines_that_fit(interleaved_events, width) -> None:
    progress = Progress(Clock())
    for event in interleaved_events:
        progress(event)
        lines = rendered(progress, width)
        assert len(lines) == 3
        assert max(map(len, lines)) <= width
        assert not any("\x1b" in line for line in lines)


def test_packs_that_are_not_done_come_first(events: list[Event]) -> None:
    progress = run_of(events, 10, 10, Clock())
    assert "a 5/5  b 5/5" in view(progress, 80).plain
    half = run_of(events, 10, 9, Clock())
    assert "b 4/5  a 5/5" in view(half, 80).plain


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_the_final_table_fits_whatever_occurs(report: Report, width: int) -> None:
    many = report.counts.scenarios | dict.fromkeys(report.counts.scenarios, 1234)
    big = report.model_copy(update={"counts": Counts(scenarios=many, cells=many)})
    stream = io.StringIO()
    Console(file=stream, width=width, _environ={}).print(table(big, width))
    lines = stream.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    if width >= 80:
        assert "cells" in lines[1]
        assert "time" in lines[1]


# -- real terminals ------------------------------------------------------------------------------


def run_on_terminal(width: int, tmp_path: Path, *words: str, **environment: str) -> str:
    return terminal(width, tmp_path, "run", "--report", str(tmp_path / "r"), *words, **environment)


def terminal(width: int, tmp_path: Path, *words: str, **environment: str) -> str:
    command = [sys.executable, "-m", "netpol_conformance", *words]
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CI")}
    return output_of(command, width, kept | environment)


@pytest.mark.parametrize("width", [80, 40])
def test_a_run_on_a_terminal_leaves_no_trace_of_its_live_view(tmp_path: Path, width: int) -> None:
    output = run_on_terminal(width, tmp_path, SCENARIO, "-q")
    assert "0/1 " in output
    assert f"running {SCENARIO}"[: width - 1] in output
    assert "\x1b[32m" in output
    lines = Screen(width).feed(output).lines
    text = "\n".join(lines)
    assert "0/1" not in text
    assert "running" not in text
    assert "reference conforms" in text
    assert re.search(r"^pack +pass +cells +time", text, re.MULTILINE)
    head = next(number for number, line in enumerate(lines) if line.startswith("PASS"))
    assert not any(lines[head - 1 : head])


def test_titles_and_matrices_stay_within_80_columns(tmp_path: Path) -> None:
    output = run_on_terminal(80, tmp_path, "handbook/simple-example.yaml")
    assert "enforced in" in output
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "\n", output).replace("\r", "")
    told, _, _ = plain.partition(str(tmp_path))  # whose name is the tests' and may be long
    assert max(map(len, told.split("\n"))) <= 80


def test_no_color_is_respected_on_a_terminal(tmp_path: Path) -> None:
    output = run_on_terminal(80, tmp_path, SCENARIO, "-q", NO_COLOR="1")
    assert "1/1 " in output
    assert not re.search(r"\x1b\[[\d;]*3\d", output)


@pytest.mark.parametrize("width", [80, 40])
def test_show_and_explain_break_sentences_between_words(tmp_path: Path, width: int) -> None:
    for words in (
        ["show", SCENARIO],
        ["explain", "web-dev", "service/web:80", "--scenario", SCENARIO, "--step", "2"],
    ):
        output = terminal(width, tmp_path, *words)
        long = [line for line in output.splitlines() if len(line) > width]
        assert all(" " not in line.strip() or ":" in line for line in long), long
        assert any(len(line) > width - 15 for line in output.splitlines())


def test_manifests_keep_their_lines() -> None:
    text = "   metadata: {name: a, labels: {app: web, tier: front}}\n   a sentence of many words"
    assert wrapped(text, 20).splitlines() == [
        "   metadata: {name: a, labels: {app: web, tier: front}}",
        "   a sentence of",
        "   many words",
    ]
