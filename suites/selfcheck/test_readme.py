"""The commands that README and CONTRIBUTING tell people to type exist and do as they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from netpol_conformance.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md")
CHEAP = ("list", "show", "lint", "explain")  # these start no cluster


def _commands(program: str) -> list[list[str]]:
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    lines = [
        shlex.split(line, comments=True)
        for page in pages
        for block in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    return [words for words in lines if words and re.fullmatch(program, words[0])]


def _options(words: list[str]) -> list[str]:
    return [word for word in words if re.fullmatch("--?[a-z][a-z-]*", word)]


@pytest.mark.parametrize("words", _commands("netpol-conformance"), ids=shlex.join)
def test_a_command_shown_works(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    command, *rest = words[1:]
    arguments = [command, *rest] if command in CHEAP else [command, "--help"]
    result = CliRunner().invoke(app, arguments)
    # What explain is asked of there is denied.
    assert result.exit_code == (1 if command == "explain" else 0), result.output
    if command not in CHEAP:
        for option in _options(rest):
            assert option in result.output
        for path in (word for word in rest if word.endswith(".yaml")):
            assert (ROOT / "scenarios" / path).is_file()


@pytest.mark.parametrize("words", _commands("script/.*"), ids=shlex.join)
def test_a_script_shown_explains_itself(words: list[str]) -> None:
    script = ROOT / words[0]
    assert os.access(script, os.X_OK)
    told = subprocess.run([script, "--help"], check=True, capture_output=True, text=True).stdout
    assert words[0] in told
    for option in _options(words[1:]):
        assert option in told


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_the_readme_opens_with_the_two_commands() -> None:
    assert [words[0] for words in _commands("script/.*")][:2] == ["script/run", "script/test"]
