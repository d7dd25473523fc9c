"""Deliberately wrong enforcers: each breaks one rule and is otherwise the reference.

A module a theme, a few lines a mutant, against the enforcer's own seams. A mutant is an
``EnforcerFactory``: name it ``suites/selfcheck/mutants:<name>`` where an implementation is asked
for. Here are mutants and nothing else, for all of the folder goes to a real cluster; the tests and
the mutation matrix are in ``suites/selfcheck/mutation``.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .registry import MUTANTS, Mutant

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")


def __getattr__(name: str) -> Mutant:
    try:
        return MUTANTS[name]
    except KeyError:
        raise AttributeError(f"no mutant is called {name}") from None
