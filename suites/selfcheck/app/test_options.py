"""The options of a run mean the same to the command line, to pytest and in a rerun."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from _pytest.config.argparsing import Parser
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from netpol_conformance import pytest_plugin
from netpol_conformance.app.options import PYTEST_PREFIX, RunOptions
from netpol_conformance.app.request import prepare
from netpol_conformance.cli.main import app
from netpol_conformance.clusters.options import (
    Options,
    as_arguments,
    check_driver_reads,
    flag_name,
    from_values,
    table,
)

from ..commands import python

WORDS = st.text("abz/:. ", min_size=1).filter(str.strip)
BY_TYPE = {
    str: WORDS,
    bool: st.booleans(),
    int: st.integers(0, 99),
    float: st.floats(0, 99),
    tuple: st.lists(WORDS, max_size=3).map(tuple),
}


def any_of(item) -> st.SearchStrategy:
    choices = item.metadata["choices"]
    return st.sampled_from(choices) if choices else BY_TYPE[type(item.default)]


ANY_OPTIONS = st.builds(
    RunOptions,
    **{item.name: any_of(item) for item in table(RunOptions) if not item.metadata["of_pytest"]},
)


def words_of(options: RunOptions, prefix: str = "") -> list[str]:
    """All options that are not the default, as a command line."""
    words = []
    for item in table(RunOptions):
        value = getattr(options, item.name)
        if value == item.default:
            continue
        flag = flag_name(item.name, prefix)
        several = value if isinstance(value, tuple) else [value]
        words += [flag] if value is True else [f"{flag}={one}" for one in several]
    return words


def read_by_pytest(words: list[str]) -> RunOptions:
    parser = Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    given_words = parser.parse_known_args(words)
    return from_values(RunOptions, vars(given_words), "netpol_")


def read_by_cli(words: list[str]) -> RunOptions:
    seen: list[RunOptions] = []

    def keep(options: RunOptions) -> None:
        seen.append(options)
        raise KeyboardInterrupt

    with patch("netpol_conformance.app.request.prepare", keep):
        CliRunner().invoke(app, ["run", *words])
    return seen[0]


@given(ANY_OPTIONS)
@settings(max_examples=50)
def test_pytest_reads_what_is_said(chosen: RunOptions) -> None:
    assert read_by_pytest(words_of(chosen, PYTEST_PREFIX)) == chosen


@given(ANY_OPTIONS)
@settings(max_examples=25)
def test_the_command_line_reads_the_same(chosen: RunOptions) -> None:
    words = [word for word in words_of(chosen) if not word.startswith("--scenario")]
    read = read_by_cli([*words, "--report", chosen.report, "--", *chosen.scenario])
    assert read == chosen


@given(ANY_OPTIONS)
@settings(max_examples=25)
def test_a_rerun_has_what_its_cluster_had(chosen: RunOptions) -> None:
    again = read_by_cli([*as_arguments(chosen), "handbook"])
    for item in table(RunOptions):
        if item.metadata["reruns"]:
            assert getattr(again, item.name) == getattr(chosen, item.name)


def test_all_options_of_ours_have_the_prefix_in_pytest() -> None:
    parser = Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    names = [
        name for group in parser._groups for option in group.options for name in option.names()
    ]
    assert len(names) > 30
    assert all(name.startswith("--netpol-") for name in names)


OTHER = """
def pytest_addoption(parser):
    for name in ("image", "context", "kubeconfig", "cluster", "plugin", "scenario", "jobs",
                 "implementation", "report", "profile"):
        parser.addoption(f"--{name}")
"""


def test_a_project_may_have_options_of_these_names(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(OTHER, encoding="utf-8")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    without = ("-p", "no:cacheprovider", "-p", "no:pytest-kind-ng")
    done = python("pytest", "-q", *without, "--jobs=3", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "also", "told"),
    [
        (Options(context="x"), (), "--context means nothing to --cluster embedded"),
        (Options(cluster="kind", kubeconfig="x"), (), "it is for --cluster kubeconfig"),
        (Options(ip_family="dual"), (), "it is for --cluster kind"),
        (Options(ip_family="dual"), ("ip_family",), ""),
        (Options(cluster="kind", ip_family="dual", plugin="x"), (), ""),
        (Options(cluster="kubeconfig", plugin="x", context="y"), (), ""),
        (Options(implementation="none"), (), ""),
    ],
)
def test_an_option_that_its_driver_does_not_read_is_refused(options, also, told) -> None:
    if not told:
        check_driver_reads(options, also=also)
        return
    with pytest.raises(ValueError, match="means nothing") as raised:
        check_driver_reads(options, also=also)
    assert told in str(raised.value)


def test_a_selection_is_not_the_whole(tmp_path: Path) -> None:
    def whole(**options: object) -> bool:
        return prepare(RunOptions(**options)).setting.whole

    assert whole()
    assert whole(profile="core")
    assert not whole(scenario=("handbook",))
    assert not whole(keyword="deny")
    assert not whole(marker="S1")
