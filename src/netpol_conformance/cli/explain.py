"""``netpol-conformance explain``: who reaches whom, in a scenario or by manifests."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from netpol_conformance.app import UsageError
from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.cli.text import echo
from netpol_conformance.judge.outcome import ExitCode
from netpol_conformance.model.problems import ManifestError
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.scenario.types import Scenario

_DIVIDER = "\n---\n"
"""Makes one multi-document text of several files."""


def explain(  # noqa: PLR0913, PLR0917 - each is an option that users set
    source: Annotated[str, typer.Argument(help="who asks: POD, NAMESPACE/POD, outside/NAME, IP")],
    destination: Annotated[
        str,
        typer.Argument(help="whom: POD:PORT, NAMESPACE/POD:PORT/UDP, service/NAME:PORT, IP:PORT"),
    ],
    scenario: Annotated[
        str,
        typer.Option("--scenario", "-s", metavar="PATH", help="a scenario, at one of its steps"),
    ] = "",
    step: Annotated[
        int, typer.Option(min=0, help="after which step, from 1 (0: before the first)")
    ] = 1,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="plain manifests instead of a scenario; - is stdin"),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="for manifests and names without one")
    ] = "default",
    kubernetes_version: Annotated[
        str, typer.Option(metavar="1.N", help="whose semantics and API hold for manifests")
    ] = str(LATEST),
) -> None:
    """Say whether one pod can reach another, by which policy, rule and sentence of the API.

    Exits with 0 if it can, 1 if it cannot, and 3 if that is unspecified or depends.
    """
    # Here, for the other commands start faster without.
    from netpol_conformance.expectation import explaining  # noqa: PLC0415

    if bool(scenario) == bool(file):
        raise UsageError("explain needs either --scenario PATH or --file MANIFESTS")
    texts: dict[str, str] = {}
    try:
        if scenario:
            found = explaining.explain_step(_one(scenario), step, source, destination)
        else:
            texts = {str(path): _read(path) for path in file or []}
            found = explaining.explain_manifests(
                _DIVIDER.join(texts.values()),
                source,
                destination,
                version=KubernetesVersion.parse(kubernetes_version),
                namespace=namespace,
            )
    except ManifestError as error:
        raise UsageError("\n".join([str(error), *_placed(error, texts)])) from error
    except (LookupError, ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    echo(found.text)
    codes = {"allowed": ExitCode.YES, "denied": ExitCode.NO}
    raise typer.Exit(codes.get(found.answer, ExitCode.NO_ANSWER))


def _one(path: str) -> Scenario:
    corpus = load_corpus([path])
    if len(corpus) != 1:
        raise UsageError(
            f"{path} holds {len(corpus)} scenarios; name one of them: {corpus[0].path}, say"
        )
    return corpus[0]


def _read(path: Path) -> str:
    return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")


def _placed(error: ManifestError, texts: Mapping[str, str]) -> Iterator[str]:
    """Each problem of manifests that were read as one text, with its file and line in it."""
    lengths = {name: (text + _DIVIDER).count("\n") for name, text in texts.items()}
    for problem in error.problems:
        line = problem.line
        for name, length in lengths.items():
            if line <= length:
                hint = f"; {problem.suggestion}" if problem.suggestion else ""
                yield f"{name}:{line}: {problem}{hint}"
                break
            line -= length
