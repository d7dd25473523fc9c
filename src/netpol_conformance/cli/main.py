"""The entry point: all commands, and what becomes of what nobody caught."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netpol_conformance import __version__
from netpol_conformance.app import MachineError, UsageError
from netpol_conformance.cli import (
    compare,
    coverage,
    doctor,
    enforcer,
    explain,
    fuzz,
    images,
    reports,
    run,
    scenarios,
)
from netpol_conformance.clusters.interrupting import Terminable, ignore_signals
from netpol_conformance.image.build import ImageError
from netpol_conformance.judge.outcome import ExitCode
from netpol_conformance.scenario.errors import ScenarioError

_WORDS_ERRORS: Any = typer.BadParameter.__mro__[2]
"""click's ClickException, which newer versions of typer bring along under a name of their own."""

app = typer.Typer(
    name="netpol-conformance",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(command: object, *examples: str, name: str | None = None) -> None:
    shown = "\n\n".join(f"`netpol-conformance {example}`" for example in examples)
    title = "Examples:\n\n" if len(examples) > 1 else "Example: "
    app.command(name=name, epilog=f"{title}{shown}")(command)  # type: ignore[type-var]


_add(
    run.run,
    "run handbook",
    "run handbook/simple-example.yaml --implementation none",
    "run -k 'egress and not dns' --maxfail 1",
)
_add(scenarios.list_scenarios, "list handbook", name="list")
_add(scenarios.show, "show handbook/simple-example.yaml")
_add(scenarios.lint, "lint handbook")
_add(
    explain.explain,
    "explain busybox service/nginx:80 --scenario handbook/simple-example.yaml --step 2",
    "explain shop/web shop/db:6379 -f pods.yaml -f policies.yaml",
)
_add(doctor.rights, "rights | kubectl apply -f -")
_add(doctor.doctor, "doctor")
_add(compare.compare, "compare old.json new.json --html diff.html")
_add(coverage.coverage, "coverage --output build/coverage")
_add(fuzz.fuzz, "fuzz --seconds 60", "fuzz --seed 7 --cases 2000 --ip-family dual")
app.add_typer(enforcer.app, name="enforcer")
app.add_typer(images.app, name="images")
app.add_typer(reports.app, name="reports")


@app.callback(invoke_without_command=True)
def root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[  # noqa: ARG001 - read by _unexpected, which the arguments reach anyhow
        bool, typer.Option("--debug", help="Show the traceback of what goes wrong unexpectedly.")
    ] = False,
) -> None:
    """Test whether a Kubernetes network plugin enforces NetworkPolicy as the API says.

    Every command exits with 0 if the answer is yes (conformant, allowed, no worse), 1 if it is no,
    2 for wrong usage or input that cannot be read, and 3 if there is no answer.
    """
    if version:
        typer.echo(f"netpol-conformance {__version__}")
        raise typer.Exit


def main() -> None:
    """The entry point of the command ``netpol-conformance``."""
    code = _ending(sys.argv[1:])
    ignore_signals()
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        # Nobody can read the answer; and Python is not to try once more.
        code = code or ExitCode.NO_ANSWER
        _discard_output()
    sys.exit(code)


def _ending(arguments: Sequence[str]) -> int:
    """Carry out the command; what it exits with, whatever happens."""
    signals = Terminable()
    signals.begin()
    try:
        return _code(arguments)
    except KeyboardInterrupt:
        _complain("Interrupted.")
    except BrokenPipeError:
        pass  # who read the answer has gone, and so has whom to tell
    except Exception as error:  # noqa: BLE001 - no answer is one of the answers
        _complain(_unexpected(error, debug="--debug" in arguments))
    finally:
        signals.end()
    return ExitCode.NO_ANSWER


def _code(arguments: Sequence[str]) -> int:
    # Not app(): it takes Ctrl-C and a closed pipe into its own hands, and exits with 1.
    command = typer.main.get_command(app)
    try:
        with command.make_context(str(app.info.name), list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except _WORDS_ERRORS as error:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            error.show()
        return ExitCode.USAGE
    except (UsageError, ScenarioError) as error:
        _complain(str(error))
        return ExitCode.USAGE
    except (MachineError, ImageError) as error:
        _complain(str(error))
        return ExitCode.NO_ANSWER
    return ExitCode.YES


def _unexpected(error: BaseException, *, debug: bool) -> str:
    """What went wrong and where, in a line; with the traceback for who asks for it."""
    if debug:
        return "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere known"
    what = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
    return f"Unexpected, at {where}: {what}; --debug shows how it came to that"


def _complain(words: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        typer.echo(words, err=True)


def _discard_output() -> None:
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
