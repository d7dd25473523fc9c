"""Watch events -> reconcile: keeps one node's nftables at what the cluster's objects say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.compilation import Change, Compilation
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.enforcer.ruleset import Elements
from netpol_conformance.model.objects import KubernetesObject, ObjectKey, WatchEvent
from netpol_conformance.model.version import LATEST, KubernetesVersion

_log = logging.getLogger(__name__)


class Controller:
    """The enforcer of one node.

    ``apply`` takes nft text and puts it in force as one transaction or raises NftError
    (``apply.Nft.run``). Each of ``start`` and ``handle`` takes effect at one moment, and there is
    none, at a restart neither, at which the node is open. Before its first ``start`` it is.
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
        self._table: str | None = None

    @property
    def problems(self) -> dict[ObjectKey, str]:
        """The policies that deny because they can't be enforced as written, and why."""
        return self._compilation.problems

    @property
    def size(self) -> int:
        """How many set elements are in force."""
        return self._compilation.settled_size

    @property
    def is_enforcing(self) -> bool:
        """Whether rules of ours are in force, from this process or an earlier one."""
        return any(map(self._in_force, ruleset.TABLES))

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Put the state of a whole cluster in force in place of whatever there was.

        Raises NftError; the kernel is then as it was.
        """
        self._compilation = Compilation(self._node, self._compiler)
        for item in objects:
            self._compilation.put(item)
        self._load()

    def lose_api(self) -> None:
        """The API cannot be reached: what is in force stays in force."""

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
        if not change.added and not change.removed:
            self._compilation.settle(change)
        elif self._table and change.size <= ruleset.LARGEST:
            self._alter(self._table, change)
        else:
            self._load()

    def _alter(self, table: str, change: Change) -> None:
        try:
            self._apply(ruleset.change(table, change.removed, change.added))
        except NftError as error:
            _log.warning("%s: loading everything afresh: nft refused: %s", self._node, error)
            self._load()
        else:
            self._compilation.settle(change)
            _log.debug("%s: %d elements changed", self._node, change.size)

    def _load(self) -> None:
        change = self._compilation.change()
        elements = self._compilation.after(change)
        if ruleset.size(elements) <= ruleset.LARGEST:
            self._load_at_once(elements)
        else:
            self._load_aside(elements)
        self._compilation.settle(change)
        _log.debug("%s: loaded afresh, %d elements in force", self._node, self.size)

    def _load_at_once(self, elements: Elements) -> None:
        table, spare = ruleset.TABLES
        self._apply(
            ruleset.clear(spare)
            + ruleset.clear(table)
            + self._compiler.chains(table)
            + self._compiler.hook(table)
            + ruleset.change(table, {}, elements)
        )
        self._table = table

    def _load_aside(self, elements: Elements) -> None:
        """Build the spare table in batches, then switch to it."""
        old, new = ruleset.TABLES if not self._in_force(ruleset.TABLES[1]) else ruleset.TABLES[::-1]
        self._apply(ruleset.clear(new) + self._compiler.chains(new))
        for portion in ruleset.portions(elements):
            self._apply(ruleset.change(new, {}, portion))
        self._apply(ruleset.clear(old) + self._compiler.hook(new))
        self._table = new

    def _in_force(self, table: str) -> bool:
        try:
            self._apply(ruleset.hooked(table))
        except NftError:
            return False
        return True


EnforcerFactory = Callable[[str, Callable[[str], object], KubernetesVersion], Controller]
"""What makes a node's enforcer: ``Controller`` itself, or a deliberately wrong one."""
