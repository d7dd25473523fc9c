"""The matrix as text and its wrong cells in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Tool
from netpol_conformance.report.plain.marks import to_ascii
from netpol_conformance.report.plain.matrix import failure_text, render, wrong_cells
from netpol_conformance.report.text import clip, seconds, visible
from netpol_conformance.run.events import StepResult


@pytest.mark.parametrize("kind", ["mixed", "wide"])
def test_matrix_golden(
    kind: str, steps: dict[str, StepResult], golden: Callable[[str, str], None]
) -> None:
    golden(f"matrix-{kind}.txt", render(steps[kind]) + "\n")


def test_matrix_ascii_golden(
    steps: dict[str, StepResult], golden: Callable[[str, str], None]
) -> None:
    text = to_ascii(render(steps["mixed"]))
    assert text.isascii()
    golden("matrix-mixed-ascii.txt", text + "\n")


def test_a_narrow_matrix_is_cut_into_numbered_blocks(
    steps: dict[str, StepResult], golden: Callable[[str, str], None]
) -> None:
    golden("matrix-wide-in-24.txt", render(steps["wide"], width=24) + "\n")


@settings(max_examples=30, deadline=None)
@given(
    sources=st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True),
    destinations=st.lists(st.text(min_size=1), min_size=1, max_size=30, unique=True),
)
def test_a_matrix_fits_in_80_columns_whatever_the_names(
    open_step: StepResult, sources: list[str], destinations: list[str]
) -> None:
    pattern = open_step.cells[0]
    cells = tuple(
        pattern.model_copy(update={"source": source, "destination": destination})
        for source in sources
        for destination in destinations
    )
    step = open_step.model_copy(
        update={"cells": cells, "sources": tuple(sources), "destinations": tuple(destinations)}
    )
    lines = render(step).split("\n")
    numbered = [line for line in lines if line[:3].strip().isdigit()]
    assert all(len(line) <= 80 for line in lines if line not in numbered)
    assert "".join(lines).count("✓") >= len(cells)
    assert all(visible(line) == line for line in lines)


def test_a_step_without_cells_has_no_matrix(steps: dict[str, StepResult]) -> None:
    assert render(steps["refused"]) == ""


def test_a_pair_that_was_not_probed_is_blank(steps: dict[str, StepResult]) -> None:
    mixed = steps["mixed"]
    step = mixed.model_copy(update={"cells": mixed.cells[:1]})
    assert render(step).splitlines()[2] == "labelled"


def test_wrong_cells_golden(
    steps: dict[str, StepResult], golden: Callable[[str, str], None]
) -> None:
    rerun = "netpol-conformance run handbook/simple-example.yaml"
    text = failure_text([steps["mixed"]], rerun=rerun)
    golden("wrong-cells.txt", text[text.index("busybox -> ") :] + "\n")


def test_wrong_cells_are_few_and_say_how_many_there_are(steps: dict[str, StepResult]) -> None:
    wide = steps["wide"]
    cells = tuple(cell.model_copy(update={"outcome": Outcome.FAIL}) for cell in wide.cells)
    text = wrong_cells(wide.model_copy(update={"cells": cells}))
    assert text.count("expected ") == 10
    assert text.endswith("... and 71 more cells like these.")


def test_the_last_look_of_each_tool_is_shown(steps: dict[str, StepResult]) -> None:
    cell = next(cell for cell in steps["mixed"].cells if cell.outcome is Outcome.FAIL)
    confirm = next(look for look in cell.evidence if look.phase == "confirm")
    socket = confirm.model_copy(update={"tool": Tool.SOCKET, "command": "curl --head web"})
    doubled = cell.model_copy(update={"evidence": (*cell.evidence, socket)})
    text = wrong_cells(steps["mixed"].model_copy(update={"cells": (doubled,)}))
    assert "$ busybox wget --spider --timeout=1 web\n" in text
    assert "$ curl --head web\n" in text
    assert text.count("        $ ") == 2


def test_a_step_as_expected_has_no_wrong_cells(steps: dict[str, StepResult]) -> None:
    assert wrong_cells(steps["open"]) == ""
    assert wrong_cells(steps["refused"]) == ""


def test_a_refusal_that_did_not_come_is_told(steps: dict[str, StepResult]) -> None:
    refusal = steps["refused"].refusal
    assert refusal is not None
    accepted = refusal.model_copy(
        update={"answer": "", "outcome": Outcome.FAIL, "reason": "It was accepted."}
    )
    text = wrong_cells(steps["refused"].model_copy(update={"refusal": accepted}))
    assert text.splitlines() == [
        "It was accepted.",
        '    expected a refusal that says: Unsupported value: "tcp"',
        "    answer   accepted",
    ]


def test_hostile_text_is_spelled_out_and_cut(steps: dict[str, StepResult]) -> None:
    text = wrong_cells(steps["hostile"]) + render(steps["hostile"])
    assert visible(text) == text
    assert "\\x1b[31m" in text
    assert len(text) < 5_000


@given(st.text())
def test_visible_text_is_printable_and_changes_no_printable_text(text: str) -> None:
    shown = visible(text)
    assert "\x1b" not in shown
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text


def test_clip_says_what_is_gone() -> None:
    assert clip("a\nb\nc\n", lines=3, characters=100) == "a\nb\nc"
    assert clip("a\nb\nc", lines=2, characters=100) == "a\nb\n[2 more characters]"
    assert clip("abcdef", lines=2, characters=2) == "ab\n[4 more characters]"


def test_durations_read_well() -> None:
    told = [seconds(value) for value in (0.0004, 0.0312, 1.0021, 185.2)]
    assert told == ["0.4 ms", "31 ms", "1.00 s", "3 min 5 s"]
