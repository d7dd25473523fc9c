"""What a mutant is, and the table of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc

from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.version import LATEST, KubernetesVersion


@dataclass(frozen=True)
class Mutant:
    """A wrong enforcer and what is known of it.

    ``rule`` is the S- or H-number it breaks, ``bug`` a public report of the same mistake
    (owner/repo#number, or empty), ``owner`` the scenario, as pack/name or pack/name#case, that
    must fail with it.
    """

    name: str
    description: str
    rule: str
    owner: str
    bug: str
    enforcer: type[Compiler | Controller]

    @property
    def owner_path(self) -> str:
        """The owner by the name it has everywhere: ``pack/name.yaml``."""
        name, case, which = self.owner.partition("#")
        return f"{name}.yaml{case}{which}"

    def __call__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> Controller:
        """The node's enforcer, as ``EnforcerFactory``."""
        if issubclass(self.enforcer, Controller):
            return self.enforcer(node, apply, version)
        return Controller(node, apply, version, self.enforcer)


MUTANTS: dict[str, Mutant] = {}


def mutant(rule: str, owner: str, bug: str = "") -> Callable[[type[Compiler | Controller]], Mutant]:
    """Put the decorated enforcer into MUTANTS; its docstring says what it gets wrong."""

    def register(enforcer: type[Compiler | Controller]) -> Mutant:
        name = enforcer.__name__
        if name in MUTANTS:
            raise ValueError(f"two mutants are called {name}")
        MUTANTS[name] = Mutant(name, getdoc(enforcer) or "", rule, owner, bug, enforcer)
        return MUTANTS[name]

    return register


def later(seconds: float, work: Callable[[], object]) -> None:
    """Do ``work`` after so long, other things going on; at once where no event loop runs."""
    try:
        asyncio.get_running_loop().call_later(seconds, work)
    except RuntimeError:
        work()


def swapped(text: str, old: str, new: str) -> str:
    """``text`` with ``old`` replaced; fails where the rules no longer have it."""
    if old not in text:
        raise ValueError(f"the rules have no {old!r} any more: the mutant must be written anew")
    return text.replace(old, new)
