"""``netpol-conformance list | show | lint``: the scenarios themselves; nothing runs."""

from __future__ import annotations

from collections import Counter

import typer

from netpol_conformance.app.corpus import load_agreed, load_corpus
from netpol_conformance.cli.run import Paths
from netpol_conformance.cli.text import echo
from netpol_conformance.judge.outcome import ExitCode


def list_scenarios(paths: Paths = None) -> None:
    """List scenarios: path, the rules they rest on, what they cover, title."""
    for scenario in load_corpus(paths or []):
        covers = f"; {' '.join(scenario.covers)}" if scenario.covers else ""
        typer.echo(f"{scenario.path}  {' '.join(scenario.rules)}{covers}\n  {scenario.title}")


def show(paths: Paths = None) -> None:
    """Show scenarios: each step, and who must and must not connect, and why."""
    from netpol_conformance.expectation.explaining import show_scenario  # noqa: PLC0415

    for scenario in load_agreed(paths or []):
        echo(show_scenario(scenario))


def lint(paths: Paths = None) -> None:
    """Check scenario files, each and as a corpus, against the format and the oracle."""
    # Here, for the other commands start faster without them.
    from netpol_conformance.expectation.matrix import expectation  # noqa: PLC0415
    from netpol_conformance.expectation.needs import needed_features  # noqa: PLC0415
    from netpol_conformance.scenario.lint import lint as check  # noqa: PLC0415
    from netpol_conformance.scenario.lint import lost_neighbours, uncovered  # noqa: PLC0415

    corpus = load_corpus(paths or [])
    problems = check(corpus, expectation, needed_features)
    if not paths:
        problems += lost_neighbours(corpus)
    for problem in problems:
        typer.echo(str(problem))
    if not paths:
        for line, title in uncovered(corpus).items():
            typer.echo(f"nothing covers {line}: {title}")
    packs = Counter(scenario.pack for scenario in corpus)
    by_pack = ", ".join(f"{pack} {number}" for pack, number in packs.items())
    typer.echo(f"{len(corpus)} scenarios ({by_pack}), {len(problems)} problems")
    raise typer.Exit(ExitCode.NO if problems else ExitCode.YES)
