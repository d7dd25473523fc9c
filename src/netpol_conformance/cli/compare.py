"""``netpol-conformance compare``: what differs between reports.

Here: words to a call, files in and out, and exit codes. Not here: any comparing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netpol_conformance.app import usage_errors


def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B [C]...", help="reports, or their folders; the first is the measure"
        ),
    ],
    *,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write a page of all differences")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="write the comparison; - prints just that"),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="judge only by scenarios that all reports have")
    ] = False,
) -> None:
    """Compare reports of plugins or versions: what differs, and whether a later one is worse.

    Exits with 0 if no report is worse than the first, 1 if one is, 2 for wrong usage, and 3 if
    that cannot be told: a report is partial, inconclusive, or lacks scenarios.
    """
    from rich.console import Console  # noqa: PLC0415 - other commands start faster without

    from netpol_conformance.report.compare import page, records, table  # noqa: PLC0415
    from netpol_conformance.report.compare.comparing import compare as compared  # noqa: PLC0415
    from netpol_conformance.report.formats import json_report  # noqa: PLC0415
    from netpol_conformance.report.formats.files import write_text  # noqa: PLC0415

    with usage_errors(ValueError, OSError):
        read = {str(path): json_report.read(_file(path)) for path in reports}
        comparison = compared(read, common=common)
        if html:
            write_text(html, page.render(comparison))
        if json and str(json) != "-":
            write_text(json, records.dumps(comparison))
    if str(json) == "-":
        typer.echo(records.dumps(comparison), nl=False)
    else:
        table.show(comparison, Console(highlight=False))
    raise typer.Exit(comparison.exit_code)


def _file(path: Path) -> Path:
    """The report itself, where a folder of reports is named."""
    return path / "report.json" if path.is_dir() else path
