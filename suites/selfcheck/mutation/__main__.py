"""The command behind ``script/mutants``: fill the mutation matrix, or test the owners only."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.scenario.types import Scenario

from ..mutants import MUTANTS
from .judging import faults
from .matrix import EMPTY, MutationMatrix, columns
from .page import render
from .running import Pair, ends
from .sweep import sweep

ROOT = Path(__file__).parents[3]
MATRIX = ROOT / "reports" / "mutants" / "mutation-matrix.json"
PAGE = ROOT / "build" / "mutation-matrix.html"


def main(words: list[str]) -> int:
    """Do what the command line says; 0 if nothing is wrong."""
    given = _options().parse_args(words)
    corpus = load_corpus()
    wrong = _owners(corpus) if given.owners else _whole(corpus, given)
    for fault in wrong:
        print(fault)
    print(f"{len(MUTANTS)} mutants, {len(corpus)} scenarios, {len(wrong)} faults")
    return 1 if wrong else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script/mutants", description=__doc__)
    parser.add_argument("--owners", action="store_true", help="each mutant against its owner only")
    parser.add_argument("--afresh", action="store_true", help="forget what the matrix has")
    parser.add_argument("--output", type=Path, default=MATRIX, metavar="FILE", help="the matrix")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="the HTML page")
    parser.add_argument("--page-only", action="store_true", help="run nothing, write the page")
    return parser


def _whole(corpus: tuple[Scenario, ...], given: argparse.Namespace) -> list[str]:
    """Bring the matrix up to date, write it and its page; what is wrong by it."""
    began = time.monotonic()
    known = given.output.exists() and not given.afresh
    matrix = MutationMatrix.load(given.output.read_text(encoding="utf-8")) if known else EMPTY
    if not given.page_only:
        matrix = sweep(matrix, corpus, _print)
        _write(given.output, matrix.dump())
        _print(f"{given.output}: {time.monotonic() - began:.0f} s")
    _write(given.page, render(matrix, corpus))
    return faults(matrix, corpus)


def _owners(corpus: Iterable[Scenario]) -> list[str]:
    """Run each mutant against its owner; the mutants that survive."""
    known = {scenario.path: scenario for scenario in corpus}
    owners = {name: column.owner for name, column in columns().items()}
    lost = [f"{name}: there is no {owner}" for name, owner in owners.items() if owner not in known]
    pairs = [Pair(known[owner], name) for name, owner in owners.items() if owner in known]
    return lost + [
        f"{name} survives {path}: {end.outcome.value} {end.reason}".rstrip()
        for (path, name), end in ends(pairs).items()
        if end.outcome is not Outcome.FAIL
    ]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _print(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
