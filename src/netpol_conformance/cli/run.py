"""``netpol-conformance run``: scenarios on a cluster, shown as they end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from netpol_conformance.app import UsageError
from netpol_conformance.app.options import RunOptions
from netpol_conformance.cli.options import options_of
from netpol_conformance.clusters.options import from_values

if TYPE_CHECKING:
    from netpol_conformance.report.terminal.reporter import Terminal
    from netpol_conformance.run.events import Event

T = TypeVar("T")

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="packs, folders or scenario files; default: all"),
]


@options_of(RunOptions, report="build/conformance")
def run(
    scenario: Paths = None,
    *,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="show the matrices of failures only")
    ] = False,
    **values: Any,  # noqa: ANN401 - see options_of
) -> None:
    """Run scenarios and show their matrices."""
    # Imported here: the other commands start faster without.
    from netpol_conformance.app.logs import Verbosity  # noqa: PLC0415
    from netpol_conformance.app.request import prepare  # noqa: PLC0415
    from netpol_conformance.app.running import run as run_request  # noqa: PLC0415
    from netpol_conformance.report.terminal.reporter import Terminal  # noqa: PLC0415

    request = prepare(from_values(RunOptions, {**values, "scenario": scenario}))
    if not request.scenarios:
        raise UsageError("no scenario matches; list them with: netpol-conformance list")
    live = request.verbosity is Verbosity.QUIET  # or the log's lines would go through it
    with Terminal(matrices="failures" if quiet else "all", live=live) as terminal:
        screen = _Screen(terminal)
        finished = run_request(
            request,
            screen,
            progress=screen.shows(terminal.say),
            annotate=screen.shows(terminal.plain),
        )
        for words in finished.unwritten:
            screen.shows(terminal.say)(words)
        if not finished.unwritten:
            log = {"log": request.log / "run.log"} if request.log else {}
            screen.shows(terminal.written)({**request.files, **log})
    raise typer.Exit(finished.exit_code)


class _Screen:
    """A consumer: the terminal until it takes nothing more, which ends no run."""

    def __init__(self, terminal: Terminal) -> None:
        self._show_event = self.shows(terminal)
        self._works = True

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._show_event(event)

    def shows(self, show: Callable[[T], object]) -> Callable[[T], None]:
        """``show``, as long as anything can be shown."""

        def tolerant(what: T) -> None:
            if not self._works:
                return
            try:
                show(what)
            except OSError as error:
                self._works = False
                with suppress(OSError):
                    typer.echo(f"Nothing more can be shown: {error}", err=True)

        return tolerant
