"""``netpol-conformance reports add | index | check``: the committed reports.

Here: words to calls, and errors to text and exit codes. Not here: any work.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from netpol_conformance.app import UsageError, publishing, usage_errors
from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.app.publishing import PublishingError
from netpol_conformance.judge.outcome import ExitCode
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report
from netpol_conformance.report.formats.yaml_report import Implementation, known_implementation
from netpol_conformance.report.text import plural

app = typer.Typer(no_args_is_help=True, help="The committed reports of implementations.")

_REFERENCE = "reference"

Root = Annotated[Path, typer.Option("--reports", metavar="DIR", help="the folder of reports")]
_ROOT = Path("reports")


@app.command(epilog="Example: `netpol-conformance reports add build/kind/report.json`")
def add(  # noqa: PLR0913 - each is an option that users set
    report: Annotated[Path, typer.Argument(metavar="REPORT.json", help="of a whole run")],
    *,
    implementation: Annotated[
        str, typer.Option(metavar="NAME", help="its folder (default: of its declaration)")
    ] = "",
    version: Annotated[
        str, typer.Option(help="of the implementation (default, of the reference: the suite's)")
    ] = "",
    organization: Annotated[str, typer.Option(help="who makes it")] = "",
    project: Annotated[str, typer.Option(help="what it is called")] = "",
    url: Annotated[str, typer.Option(help="where it is found")] = "",
    contact: Annotated[list[str] | None, typer.Option(help="whom to ask (again for more)")] = None,
    reports: Root = _ROOT,
) -> None:
    """Put a report under reports/, in short, with its README and YAML, and into the index."""
    with usage_errors(ValueError, OSError):
        whole = json_report.read(report)
        name = implementation or _name(whole)
        number = version or (whole.suite_version if whole.implementation == _REFERENCE else "")
        if not number:
            raise UsageError("which version of the implementation was it? Say --version")
        known = known_implementation(whole)
        about = Implementation(
            organization=organization,
            project=project or known.project,
            url=url or known.url,
            version=number,
            contact=tuple(contact or ()),
        )
        typer.echo(publishing.add(reports, whole, name, number, about))
        typer.echo(publishing.write_index(reports))


@app.command(epilog="Example: `netpol-conformance reports index`")
def index(
    *,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="as an HTML page instead")
    ] = None,
    reports: Root = _ROOT,
) -> None:
    """Write the index page over all committed reports anew."""
    with usage_errors(PublishingError, OSError):
        if html:
            typer.echo(publishing.write_page(reports, html))
        else:
            typer.echo(publishing.write_index(reports))


@app.command(epilog="Example: `netpol-conformance reports check`")
def check(*, reports: Root = _ROOT) -> None:
    """Check every committed report and the index page; exit with 1 if something is wrong."""
    digests = {scenario.path: scenario.digest for scenario in load_corpus()}
    findings = publishing.check(reports, digests)
    for finding in findings:
        typer.echo(f"{'' if finding.wrong else 'note: '}{finding}")
    wrong = sum(finding.wrong for finding in findings)
    typer.echo(f"{plural(len(publishing.read(reports)[0]), 'report')}, {plural(wrong, 'problem')}")
    raise typer.Exit(ExitCode.NO if wrong else ExitCode.YES)


def _name(report: Report) -> str:
    """The folder of the report's implementation: its declaration is called the same."""
    if report.declaration:
        return PurePosixPath(report.declaration.file).stem
    return report.implementation
