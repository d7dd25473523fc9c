"""The lock files pin everything pyproject.toml asks for, with hashes, and tell no more than that.

They can be compared to pyproject.toml without a package index; ``script/lock`` makes them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUN = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
DEV = [*RUN, *PROJECT["project"]["optional-dependencies"]["dev"]]


def _entries(name: str) -> list[str]:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return re.split(r"\n(?=\S)", text.strip())


def _pins(name: str) -> dict[str, str]:
    pins = {}
    for entry in _entries(name):
        requirement = Requirement(entry.split("\\\n")[0].strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", entry
        pins[canonicalize_name(requirement.name)] = specifier.version
    return pins


@pytest.mark.parametrize(("name", "wanted"), [("run.txt", RUN), ("dev.txt", DEV)])
def test_everything_wanted_is_pinned_within_its_range(name: str, wanted: list[str]) -> None:
    pins = _pins(name)
    for requirement in map(Requirement, wanted):
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement} isn't in requirements/{name}: run script/lock"
        assert requirement.specifier.contains(pinned), f"{requirement}, not {pinned}: script/lock"


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "lock.txt"])
def test_every_pin_has_hashes_and_nothing_else(name: str) -> None:
    for entry in _entries(name):
        first, *hashes = [line.strip().removesuffix("\\").strip() for line in entry.splitlines()]
        assert re.fullmatch(r"[\w.\[\]-]+==[\w.]+( ; [\w .!<>='()]+)?", first), first
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes)


def test_what_runs_is_what_was_tested() -> None:
    run, dev = _pins("run.txt"), _pins("dev.txt")
    assert run.items() <= dev.items()
