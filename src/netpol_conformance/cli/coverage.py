"""``netpol-conformance coverage``: what the corpus covers.

Here: words to a call, files out, and exit codes. Not here: any counting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netpol_conformance.app import usage_errors
from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.cli.run import Paths
from netpol_conformance.judge.outcome import ExitCode


def coverage(
    paths: Paths = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="write coverage.html and coverage.json there"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print the JSON document instead")] = False,
) -> None:
    """Say which rules, API fields, pairs of values, catalogue lines and features are covered.

    What is not comes first. Exits with 0 if all is covered, and with 1 if not.
    """
    from netpol_conformance.coverage import page, records  # noqa: PLC0415 - others start faster
    from netpol_conformance.coverage.counting import coverage_of  # noqa: PLC0415
    from netpol_conformance.report.formats.files import write_text  # noqa: PLC0415

    found = coverage_of(load_corpus(paths or []))
    if output is not None:
        with usage_errors(OSError):
            write_text(output / "coverage.html", page.render(found))
            write_text(output / "coverage.json", records.dumps(found))
    if json:
        typer.echo(records.dumps(found), nl=False)
    else:
        for line in records.lines(found):
            typer.echo(line)
    raise typer.Exit(ExitCode.YES if found.complete else ExitCode.NO)
