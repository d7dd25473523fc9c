"""Finding an enforcer by its name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from netpol_conformance.enforcer.controller import Controller, EnforcerFactory


class EnforcerError(Exception):
    """There is no such enforcer; the message says what was looked for."""


def load(name: str) -> EnforcerFactory:
    """The enforcer ``reference``, ``module:factory`` or ``file.py:factory``.

    Raises EnforcerError.
    """
    if name == "reference":
        return Controller
    place, colon, factory = name.rpartition(":")
    if not colon:
        raise EnforcerError(
            f'unknown implementation "{name}": use "reference", "module:factory" '
            'or "file.py:factory"'
        )
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else place
        found: EnforcerFactory = getattr(importlib.import_module(module), factory)
    except Exception as error:  # somebody's own module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise EnforcerError(f'cannot load the enforcer "{name}": {reason}') from error
    if not callable(found):
        raise EnforcerError(f'cannot load the enforcer "{name}": {factory} cannot be called')
    return found


def _from_file(path: Path) -> str:
    name = f"enforcer_in_{path.stem}"
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, path)
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
