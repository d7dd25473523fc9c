"""Watch events -> reconcile: keeps one node's nftables at what the cluster's objects say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.compilation import Compilation
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.model.objects import KubernetesObject, ObjectKey
from netpol_conformance.model.version import LATEST, KubernetesVersion


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change of one object, as the API's watch tells it; DELETED carries its last state."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: KubernetesObject


class Controller:
    """The enforcer of one node.

    ``apply`` takes nft text and puts it in force as one transaction or raises NftError
    (``apply.Nft.run``). Each of ``start`` and ``handle`` is one transaction: there is no moment
    at which a part of it is in force, and no moment, at a restart neither, at which the node is
    open. A node is open before its first ``start``.
    """

    def __init__(
        self,
        node: str,
        apply: Callable[[str], object],
        version: KubernetesVersion = LATEST,
        compiler: Callable[[KubernetesVersion], Compiler] = Compiler,
    ) -> None:
        self._node = node
        self._apply = apply
        self._compiler = compiler(version)
        self._compilation = Compilation(node, self._compiler)

    @property
    def problems(self) -> dict[ObjectKey, str]:
        """The policies that deny because they can't be enforced as written, and why."""
        return self._compilation.problems

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Put the state of a whole cluster in force in place of whatever there was.

        Raises NftError; the kernel is then as it was.
        """
        self._compilation = Compilation(self._node, self._compiler)
        for item in objects:
            self._compilation.put(item)
        self._load()

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Put changes in force, all at once.

        Where nft refuses (somebody else changed the table, say) everything is loaded afresh.
        Raises NftError if that fails too; the next call tries these changes again.
        """
        for event in events:
            if event.type == "DELETED":
                self._compilation.remove(event.object.key)
            else:
                self._compilation.put(event.object)
        change = self._compilation.change()
        if change.added or change.removed:
            try:
                self._apply(ruleset.change(change.removed, change.added))
            except NftError:
                self._load()
                return
        self._compilation.settle(change)

    def _load(self) -> None:
        change = self._compilation.change()
        self._apply(self._compiler.skeleton() + ruleset.change({}, self._compilation.after(change)))
        self._compilation.settle(change)


EnforcerFactory = Callable[[str, Callable[[str], object], KubernetesVersion], Controller]
"""What makes a node's enforcer: ``Controller`` itself, or a deliberately wrong one."""
