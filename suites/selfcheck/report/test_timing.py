"""The numbers behind the plots, and where bars and labels stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.report.document import enforcing
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.html import plots, timing


def test_only_changes_that_were_enforced_count(report: Report) -> None:
    found = enforcing.enforced(report.scenarios)
    assert [(item.path, item.step.index) for item in found] == [
        ("handbook/simple-example.yaml", 2),
        ("handbook/all-pairs.yaml", 1),
        ("hostile/strings.yaml", 1),
    ]
    assert {item.seconds for item in found} == {0.031}


def test_time_by_phase_counts_no_moment_twice(tame_report: Report) -> None:
    phases = timing.by_phase(tame_report)
    # Every control of a scenario of the fixtures is sent at the same moment.
    scenarios = [item for item in tame_report.scenarios if any(step.cells for step in item.steps)]
    assert phases["control"] == pytest.approx(0.00213 * len(scenarios), abs=1e-5)
    assert phases["confirm"] == pytest.approx(1.0021, abs=1e-5)
    assert "meanwhile" not in phases


@pytest.mark.parametrize(
    ("intervals", "length"),
    [([], 0), ([(1, 3)], 2), ([(1, 3), (2, 4)], 3), ([(5, 6), (1, 2)], 2), ([(1, 9), (2, 3)], 8)],
)
def test_covered(intervals: list[tuple[float, float]], length: float) -> None:
    assert timing.covered(intervals) == length


def test_quantiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(1, 101)]
    assert enforcing.quantile(values, 0.5) == 50
    assert enforcing.quantile(values, 0.95) == 95
    assert enforcing.quantile([7.0], 0.5) == 7
    assert enforcing.quantile([1.0, 2.0], 0.95) == 2


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_distribution_shows_everything_inside_its_frame(durations: list[float]) -> None:
    plot = plots.distribution(durations)
    assert sum(int(bar.text) for bar in plot.bars) == len(durations)
    for bar in plot.bars:
        assert 0 <= bar.x < bar.x + bar.width <= plots.WIDTH
        assert 0 < bar.y < bar.y + bar.height <= plot.base + 0.01
    assert all(0 <= label.x < plots.WIDTH for label in plot.labels)


def test_bars_say_what_they_are() -> None:
    plot = plots.distribution([0.0004, 0.012, 0.013, 1.5])
    assert [bar.words for bar in plot.bars] == [
        "1 step under 2 ms",
        "2 steps from 10 ms to 20 ms",
        "1 step from 1 s to 2 s",
    ]


@given(st.dictionaries(st.text(), st.floats(0, 1e6)))
def test_rows_fit(values: dict[str, float]) -> None:
    plot = plots.rows(values)
    assert len(plot.bars) == len(plot.labels) == len(values)
    assert all(bar.x + bar.width <= plots.WIDTH for bar in plot.bars)
