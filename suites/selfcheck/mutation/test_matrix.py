"""The mutation matrix as data and as a page, and what is wrong by it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome

from . import sweep as sweeping
from .judging import faults, idle, redundant, strange_neighbours, survivors
from .matrix import EMPTY, NOBODY, Column, MutationMatrix, Row, columns, digest, outdated
from .page import render
from .running import End
from .sweep import sweep

CORPUS = load_corpus(["handbook"])
ONE, TWO, THREE = (replace(item, neighbour_of="") for item in CORPUS[:3])


def column(owner=ONE.path):
    return Column("It is wrong.", "S1", owner, "", "0")


def matrix(rows, mutants=("A", "B")):
    kills = {path: Row(path, tuple(names)) for path, names in rows.items()}
    return MutationMatrix({name: column() for name in mutants}, kills)


def test_a_matrix_is_read_as_it_was_written():
    known = MutationMatrix({"A": column()}, {"p/é.yaml": Row("1", ("A",), ("B",))})
    assert MutationMatrix.load(known.dump()) == known
    assert known.dump().count("\n") == 8


def test_every_mutant_has_a_column_and_nobody_too():
    names = columns()
    assert list(names) == sorted(names)
    assert NOBODY in names
    assert names["EndPortIgnored"].owner == "semantics/end-port.yaml"
    assert len({column.digest for column in names.values()}) == len(names)


def test_words_for_the_reader_change_no_digest_and_all_else_does():
    first = ONE.steps[0]
    words = replace(
        ONE, title="Another", about="x", steps=(replace(first, title="y"), *ONE.steps[1:])
    )
    assert digest(words) == digest(ONE)
    assert digest(replace(ONE, nodes=3)) != digest(ONE)
    changed = replace(first, apply=f"{first.apply}\n# more")
    assert digest(replace(ONE, steps=(changed, *ONE.steps[1:]))) != digest(ONE)
    assert digest(replace(ONE, objects=ONE.objects[1:])) != digest(ONE)


def test_what_the_matrix_has_not_seen_is_told():
    rows = {item.path: Row(digest(item)) for item in CORPUS}
    whole = MutationMatrix(columns(), rows)
    assert outdated(whole, CORPUS) == []
    assert outdated(whole, CORPUS[1:]) == [ONE.path]
    assert outdated(whole, [replace(CORPUS[0], nodes=9), *CORPUS[1:]]) == [ONE.path]
    few = {name: known for name, known in columns().items() if name != "AndIsOr"}
    assert outdated(MutationMatrix(few, rows), CORPUS) == ["AndIsOr"]


def test_a_mutant_survives_unless_its_owner_notices_it():
    assert survivors(matrix({ONE.path: ["A", "B"]})) == {}
    told = survivors(matrix({ONE.path: ["A"], TWO.path: ["B"]}))
    assert told == {"B": f"{ONE.path} doesn't notice it"}
    told = survivors(matrix({ONE.path: ["A"]}))
    assert told == {"B": f"{ONE.path} doesn't notice it, nor does any other scenario"}
    assert survivors(matrix({}, ["A"])) == {"A": f"there is no {ONE.path}"}


def test_a_scenario_that_notices_nothing_is_idle():
    assert idle(matrix({ONE.path: ["A", "B"], TWO.path: []})) == [TWO.path]


def test_a_scenario_needs_a_mutant_of_its_own_or_a_reason():
    twins = matrix({ONE.path: ["A"], TWO.path: ["A", "B"], THREE.path: ["B"]})
    assert redundant(twins, [ONE, TWO, THREE]) == [TWO.path, THREE.path]
    beside = replace(THREE, neighbour_of=TWO.path)
    assert redundant(twins, [ONE, TWO, beside]) == []


def test_neighbours_notice_the_same():
    known = matrix({ONE.path: ["A"], TWO.path: ["B"]})
    (told,) = strange_neighbours(known, [ONE, replace(TWO, neighbour_of=ONE.path)])
    assert told == f"{TWO.path} and its neighbour {ONE.path} notice no mutant in common"


def test_all_faults_are_told_together():
    known = matrix({ONE.path: ["A"], TWO.path: ["A"], THREE.path: []})
    assert [fault.split()[0] for fault in faults(known, [ONE, TWO, THREE])] == [
        "B", THREE.path, TWO.path,
    ]  # fmt: skip


@pytest.fixture
def runs(monkeypatch):
    """The runs that a sweep asks for; all fail."""
    asked = []

    def ends(pairs, on_progress):
        for pair in pairs:
            asked.append(pair.name)
            on_progress(pair, End(Outcome.FAIL))

    monkeypatch.setattr(sweeping, "ends", ends)
    return asked


def test_a_sweep_runs_what_is_new_and_keeps_the_rest(runs):
    whole = sweep(EMPTY, CORPUS[:2], lambda _: None)
    assert outdated(whole, CORPUS[:2]) == []
    assert runs
    assert {path for path, _ in runs} <= {ONE.path, TWO.path}
    runs.clear()
    assert sweep(whole, CORPUS[:2], lambda _: None) == whole
    assert runs == []
    changed = replace(whole.mutants["NothingEnforced"], digest="older")
    older = MutationMatrix({**whole.mutants, "NothingEnforced": changed}, whole.scenarios)
    assert sweep(older, CORPUS[:2], lambda _: None) == whole
    assert {name for _, name in runs} == {"NothingEnforced"}


def test_a_sweep_that_is_cut_short_keeps_whole_rows(monkeypatch):
    def ends(pairs, on_progress):
        first, *_ = pairs
        on_progress(first, End(Outcome.FAIL))
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "ends", ends)
    assert sweep(EMPTY, CORPUS[:1], lambda _: None).scenarios == {}


def test_the_page_shows_every_pair_and_loads_nothing():
    hostile = MutationMatrix(
        {"A": replace(column(), says="<script>alert(1)</script>"), "B": column(TWO.path)},
        {ONE.path: Row("1", ("A",), ("B",)), TWO.path: Row("2", ("A",))},
    )
    text = render(hostile, [replace(ONE, title='"><img src=x>'), TWO])
    assert "<script" not in text
    assert "<img" not in text
    assert "default-src &#39;none&#39;" in text
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    assert text.count('class="owner"') == 1
    assert text.count('class="open"') == 1
    assert text.count('class="kill"') == 1
    assert "B survives" in text
