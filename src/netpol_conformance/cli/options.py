"""Options for a command of the command line, from the tables in ``clusters`` and ``app``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import typer

from netpol_conformance.clusters.options import Options, flag_name, table

P = ParamSpec("P")
R = TypeVar("R")

_PANEL = "Cluster"


def options_of(
    kind: type[Options], **defaults: object
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command that takes ``**values`` a parameter for each option of ``kind``.

    But for those that it names itself. ``defaults`` are the command line's own. Typer reads a
    command's signature and annotations; both are completed here.
    """

    def complete(command: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        named = {parameter.name for parameter in own}
        fields = [item for item in table(kind) if item.name not in named]
        all_of_them = [*own, *(_parameter(item, defaults) for item in fields)]
        command.__signature__ = signature.replace(parameters=all_of_them)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in all_of_them} | {"return": None}
        return command

    return complete


def _parameter(item: Field[Any], defaults: dict[str, object]) -> inspect.Parameter:
    default = defaults.get(item.name, item.default)
    several, about = isinstance(default, tuple), item.metadata
    one = Literal[about["choices"]] if about["choices"] else type(default)
    short = [f"-{about['short']}"] if about["short"] else []
    how = typer.Option(
        *short,
        flag_name(item.name),
        metavar=about["metavar"],
        help=about["help"],
        rich_help_panel=_PANEL if item in table(Options) else None,
        show_default=item.name in defaults,
    )
    return inspect.Parameter(
        item.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=list(default) if isinstance(default, tuple) else default,
        annotation=Annotated[list[str] if several else one, how],
    )
