"""The names of a matrix's rows and columns in parts: where something is, what it is, its port.

Pure. Names are a scenario's (``secondary/web``, ``service/nginx:80``); a name that is none of
those is taken whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from netpol_conformance.scenario.names import destination as read_destination
from netpol_conformance.scenario.names import source as read_source

_BEYOND = {"outside": "outside the cluster", "node": "nodes"}


class End(NamedTuple):
    """One end of a connection. ``group`` is its namespace, or where else it is; ``what`` its name
    there, ``service/web`` for a Service; ``port`` is empty for a source.
    """

    group: str
    what: str
    port: str = ""


def source(name: str) -> End:
    """A row."""
    ref = read_source(name)
    return End(ref.namespace or _BEYOND.get(ref.kind, ref.kind), ref.name)


def destination(name: str) -> End:
    """A column."""
    try:
        where = read_destination(name, 4)
    except ValueError:
        return End("", name)
    here = str(replace(where, namespace="default" if where.namespace else ""))
    what, colon, port = here.partition(":")
    if not where.namespace:
        what = where.name
    return End(where.namespace or _BEYOND.get(where.via.value, ""), what, f"{colon}{port}")


def grouped(names: Iterable[str], read: Callable[[str], End]) -> list[tuple[int, End]]:
    """Every name in parts with its place (from 0), those of a group together, in order."""
    groups: dict[str, list[tuple[int, End]]] = {}
    for place, name in enumerate(names):
        end = read(name)
        groups.setdefault(end.group, []).append((place, end))
    return [item for members in groups.values() for item in members]
