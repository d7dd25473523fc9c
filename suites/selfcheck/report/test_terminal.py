"""The terminal: colour and a live line only where there is a terminal, never colour alone."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from netpol_conformance.report.plain.marks import BLOCKED
from netpol_conformance.report.terminal.reporter import Terminal
from netpol_conformance.run.events import Event


def shown(events: list[Event], *, encoding: str = "utf-8", **options: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    matrices = options.pop("matrices", "all")
    settings = {"width": 80, "_environ": {}} | options
    console = Console(file=stream, **settings)
    with Terminal(console, matrices=matrices) as terminal:
        for event in events:
            terminal(event)
        terminal.written({"HTML": Path("reports/report.html")})
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_elsewhere_than_on_a_terminal_lines_are_plain(events: list[Event]) -> None:
    text = shown(events)
    assert "\x1b" not in text
    assert "\r" not in text
    assert "FAIL         handbook/simple-example.yaml" in text
    assert f"busybox             {BLOCKED}                !✓      !{BLOCKED}" in text
    assert "reference does not conform" in text
    assert text.endswith("reports/report.html\n")


def test_a_terminal_gets_colour_unless_no_color_is_set(
    events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = shown(events, force_terminal=True, color_system="standard")
    assert "\x1b[1;31m" in coloured
    plain = shown(events, force_terminal=True, color_system="standard", no_color=True)
    assert "\x1b[31m" not in plain
    assert "\x1b[1;31m" not in plain


def test_the_live_line_tells_what_runs(interleaved_events: list[Event]) -> None:
    text = shown(interleaved_events, force_terminal=True, no_color=True)
    assert "0/9" in text
    assert "running hostile/broken.yaml" in text


def test_failures_only_leaves_out_the_matrices_of_what_passed(events: list[Event]) -> None:
    text = shown(events, matrices="failures")
    assert "PASS         handbook/all-pairs.yaml" in text
    assert "Every pod to every pod" not in text
    assert "!✓" in text


def test_an_encoding_without_the_marks_gets_ascii(events: list[Event]) -> None:
    text = shown(events, encoding="ascii")
    assert "!o" in text
    assert "?" in text


def test_a_run_cut_short_shows_what_was_done_of_the_unfinished(
    interleaved_events: list[Event],
) -> None:
    done = [event for event in interleaved_events if event.type != "scenario-finished"]
    text = shown(done)
    assert "The run ended after 2 of its 2 steps." in text
    assert "!✓" in text


def test_the_final_table_fits_in_80_columns(events: list[Event]) -> None:
    text = shown(events)
    table = text[text.index("pack ") :]
    assert all(len(line) <= 80 for line in table.splitlines()[:5])
    assert "handbook     2     1" in table


def test_progress_that_no_event_tells_of_is_one_plain_line() -> None:
    stream = io.StringIO()
    Terminal(Console(file=stream, width=80)).say("creating\x1b[31m the\ncluster")
    assert stream.getvalue() == "creating\\x1b[31m the cluster\n"
