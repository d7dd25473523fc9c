"""The options of clusters for a command of the command line, from the table in ``clusters``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from netpol_conformance.clusters.options import default_of, flag_name, option_fields

P = ParamSpec("P")
R = TypeVar("R")

_PANEL = "Cluster"


def cluster_options(command: Callable[P, R]) -> Callable[P, R]:
    """Give ``command``, which takes ``**values``, a parameter for each option of clusters.

    Typer reads a command's signature and annotations; both are completed here.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    complete = [*own, *map(_parameter, option_fields())]
    command.__signature__ = signature.replace(parameters=complete)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in complete} | {"return": None}
    return command


def _parameter(option: Field[Any]) -> inspect.Parameter:
    default = default_of(option)
    kind = list[str] if isinstance(default, tuple) else type(default)
    how = typer.Option(
        flag_name(option.name),
        metavar=option.metadata.get("metavar"),
        help=option.metadata["help"],
        rich_help_panel=_PANEL,
        show_default=False,
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=list(default) if isinstance(default, tuple) else default,
        annotation=Annotated[kind, how],
    )
