"""Finding an enforcer by its name: in a module, in a file, or in a folder that is a package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from netpol_conformance.enforcer.controller import Controller, EnforcerFactory

_PACKAGE = "__init__.py"


class EnforcerError(Exception):
    """There is no such enforcer; the message says what was looked for."""


def load(name: str) -> EnforcerFactory:
    """The enforcer called ``name``: ``reference``, ``module:factory``, ``file.py:factory`` or
    ``folder:factory``.

    A folder is a package, whose modules import each other relatively. Raises EnforcerError.
    """
    if name == "reference":
        return Controller
    place, colon, factory = name.rpartition(":")
    if not colon:
        raise EnforcerError(
            f'unknown implementation "{name}": use "reference", "module:factory", '
            '"file.py:factory" or "folder:factory"'
        )
    try:
        module = _from_path(Path(place)) if is_path(place) else place
        found: EnforcerFactory = getattr(importlib.import_module(module), factory)
    except Exception as error:  # somebody's own module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise EnforcerError(f'cannot load the enforcer "{name}": {reason}') from error
    if not callable(found):
        raise EnforcerError(f'cannot load the enforcer "{name}": {factory} cannot be called')
    return found


def is_path(place: str) -> bool:
    """Whether what stands before the colon is a file or folder; a module's name has no slash."""
    return place.endswith(".py") or "/" in place


def read_source(place: str) -> dict[str, str]:
    """The files of the package that the file or folder ``place`` is, by name; raises OSError."""
    path = Path(place)
    if path.is_dir():
        files = {file.name: file.read_text(encoding="utf-8") for file in path.glob("*.py")}
        if _PACKAGE in files:
            return dict(sorted(files.items()))
        path /= _PACKAGE
    return {_PACKAGE: path.read_text(encoding="utf-8")}


def _from_path(path: Path) -> str:
    name = f"enforcer_in_{path.stem}"
    if name not in sys.modules:
        within = [str(path)] if path.is_dir() else None
        file = path / _PACKAGE if within else path
        found = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=within
        )
        if found is None or found.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        try:
            found.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return name
