"""Selections: which files and cases a user means, and what they are called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load_file
from netpol_conformance.scenario.selection import chosen, select

from .scenario_texts import CASES, SOUND

FILES = {
    "errata/h1.yaml": SOUND,
    "handbook/a.yaml": SOUND,
    "handbook/b.yaml": SOUND,
    "semantics/other.yaml": CASES,
    "semantics/some.yaml": CASES,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "scenarios"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def files(root: Path, *selections: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in select(root, selections)]


def paths(root: Path, *selections: str) -> list[str]:
    found = select(root, selections).items()
    return [item.path for file, cases in found for item in chosen(load_file(root, file), cases)]


def test_all_are_found_in_order(root):
    assert files(root) == list(FILES)


@pytest.mark.parametrize("selection", ["handbook", "handbook/"])
def test_a_folder(root, selection):
    assert files(root, selection) == ["handbook/a.yaml", "handbook/b.yaml"]


def test_a_file_with_or_without_suffix_and_each_once(root):
    selected = files(root, "handbook/a.yaml", "handbook/a", str(root / "handbook/a.yaml"))
    assert selected == ["handbook/a.yaml"]


def test_a_folder_of_ones_own(root, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    mine = tmp_path / "own" / "mine.yaml"
    mine.write_text(SOUND)
    assert list(select(root, [str(tmp_path / "own")])) == [mine]
    monkeypatch.chdir(tmp_path)
    (found,) = select(root, ["own"])
    (scenario,) = load_file(root, found)
    assert scenario.path == "own/mine.yaml"
    assert scenario.pack == "own"


def test_a_folder_without_scenarios(root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScenarioError, match="names no scenario"):
        select(root, [str(tmp_path / "empty")])


def test_a_file_is_called_by_its_path(root):
    (scenario,) = load_file(root, root / "handbook/a.yaml")
    assert scenario.path == scenario.file == "handbook/a.yaml"


def test_an_unreadable_file(root):
    (root / "bad.yaml").write_bytes(b"title: \xff")
    for name in ("handbook/none.yaml", "bad.yaml"):
        with pytest.raises(ScenarioError, match="cannot be read"):
            load_file(root, root / name)


@pytest.mark.parametrize("selection", ["semantics/some.yaml#sctp", "semantics/some#sctp"])
def test_a_case(root, selection):
    for words in (selection, f"{root}/{selection}"):
        assert paths(root, words) == ["semantics/some.yaml#sctp"]


def test_several_cases_come_in_the_order_of_the_file(root):
    both = ["semantics/some.yaml#tcp", "semantics/some.yaml#sctp"]
    assert paths(root, *reversed(both)) == both


@pytest.mark.parametrize("order", [1, -1])
def test_a_case_beside_its_whole_file(root, order):
    words = ["semantics/some.yaml", "semantics/some.yaml#tcp"][::order]
    assert len(paths(root, *words)) == 2


def test_a_file_is_all_its_cases(root):
    assert len(paths(root, "semantics/some.yaml")) == 2
    assert len(paths(root, "semantics")) == 4
    assert len(paths(root)) == 3 + 4


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ("handbok", 'did you mean "handbook"?'),
        ("semantics/some.yaml#sct", 'there is no case "sct"; did you mean "sctp"?'),
        ("semantics/some.yaml#", "names no scenario"),
        ("semantics/sone.yaml#tcp", 'did you mean "semantics/some.yaml"?'),
        ("semantics#tcp", "names no scenario"),
    ],
)
def test_what_names_nothing(root, selection, told):
    with pytest.raises(ScenarioError, match=re.escape(told)):
        paths(root, selection)


def test_a_file_with_the_mark_in_its_own_name(root):
    (root / "semantics" / "a#b.yaml").write_text(CASES)
    assert len(select(root, ["semantics/a#b.yaml"])) == 1
    assert paths(root, "semantics/a#b.yaml#tcp") == ["semantics/a#b.yaml#tcp"]
