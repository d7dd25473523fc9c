"""The options of clusters mean the same to the command line, to pytest and in a rerun."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from netpol_conformance import pytest_plugin
from netpol_conformance.cli import app
from netpol_conformance.clusters import options
from netpol_conformance.clusters.options import Options, as_arguments, from_values

WORDS = st.text("abz/:. ", min_size=1).filter(str.strip)
BY_TYPE = {str: WORDS, bool: st.booleans(), tuple: st.lists(WORDS, max_size=3).map(tuple)}
ANY_OPTIONS = st.builds(
    Options,
    **{
        option.name: BY_TYPE[type(options.default_of(option))] for option in options.option_fields()
    },
)


def _read_by_pytest(arguments: tuple[str, ...]) -> Options:
    parser = argparse.ArgumentParser()
    for option in options.option_fields():
        pytest_plugin._add_cluster_option(parser.add_argument, option)
    return from_values(vars(parser.parse_args(list(arguments))))


@given(ANY_OPTIONS)
@settings(max_examples=50)
def test_a_rerun_has_the_options_of_the_run(chosen: Options) -> None:
    assert _read_by_pytest(as_arguments(chosen)) == chosen


def test_the_command_line_hands_them_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Options(cluster="kind", plugin_image=("a", "b"), keep_cluster=True)
    handed: list[list[str]] = []
    monkeypatch.setattr(pytest, "main", lambda words: handed.append(words) or 0)
    result = CliRunner().invoke(app, ["run", *as_arguments(chosen), "handbook"])
    assert result.exit_code == 0, result.output
    given_on = [word for word in handed[0] if word in as_arguments(chosen)]
    assert tuple(given_on) == as_arguments(chosen)


@pytest.mark.parametrize("installed", [True, False])
def test_options_of_pytest_kind_are_added_where_it_does_not(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: object() if installed else None)
    names = {option.name for option in options.fields_for_pytest()}
    assert ("keep_cluster" in names) is not installed
    assert "ip_family" in names
