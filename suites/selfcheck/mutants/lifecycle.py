"""Restarts, an API out of reach, changes that are not made at once, bursts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.ruleset import TABLES
from netpol_conformance.model.objects import KubernetesObject, NetworkPolicy, ObjectKey, WatchEvent

from .registry import later, mutant

_GAP = 0.12
"""Seconds for which an enforcer that is not careful is open: a little longer than the longest time
without a probe with which a scenario can pass.
"""
_CUT = 2.0
"""Seconds for which one that is careful in the wrong way lets nothing through."""
_FLUSHED = "".join(map(ruleset.clear, TABLES))
_SHUT = "inet mutant_shut"


@mutant("S50", "lifecycle/enforcer-restarted")
class FlushesAtStart(Controller):
    """At the start the rules are flushed, and written when everything has been read."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        self._apply(_FLUSHED)
        time.sleep(_GAP)
        super().start(objects)


@mutant("S51", "lifecycle/enforcer-restarted")
class DoesNotCatchUp(Controller):
    """Rules that are there at the start are taken for right."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        if not self._in_force(TABLES[0]):
            super().start(objects)


@mutant("S51", "lifecycle/enforcer-restarted")
class RestoresDeletedPolicies(Controller):
    """A policy deleted while nobody listened is restored at the start."""

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        known = _STORES.setdefault(self._node, {}) if self._in_force(TABLES[0]) else {}
        there = tuple(objects)
        known |= {item.key: item for item in there if isinstance(item, NetworkPolicy)}
        _STORES[self._node] = known
        super().start((*there, *known.values()))

    def handle(self, events: Sequence[WatchEvent]) -> None:
        known = _STORES.setdefault(self._node, {})
        for event in events:
            if isinstance(event.object, NetworkPolicy):
                known.pop(event.object.key, None)
                if event.type != "DELETED":
                    known[event.object.key] = event.object
        super().handle(events)


_STORES: dict[str, dict[ObjectKey, NetworkPolicy]] = {}
"""What RestoresDeletedPolicies has on its disk, by node."""


@mutant("S2", "lifecycle/pod-relabelled")
class OpensAtEachChange(Controller):
    """At each change the rules are taken away and written anew."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        self._apply(_FLUSHED)
        time.sleep(_GAP)
        super().handle(events)
        self._load()


@mutant("S2", "lifecycle/selector-edited")
class ShutsAtEachChange(Controller):
    """At each change of a policy everything is denied for two seconds."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        if any(isinstance(event.object, NetworkPolicy) for event in events):
            self._apply(_shut())
            later(_CUT, partial(self._apply, ruleset.clear(_SHUT)))
        super().handle(events)


@mutant("S50", "lifecycle/api-unreachable")
class OpensWithoutApi(Controller):
    """Without the API nothing is enforced."""

    def lose_api(self) -> None:
        self._apply(_FLUSHED)


@mutant("S50", "lifecycle/api-unreachable")
class ShutsWithoutApi(Controller):
    """Without the API everything is denied."""

    def lose_api(self) -> None:
        self._apply(_shut())

    def handle(self, events: Sequence[WatchEvent]) -> None:
        self._apply(ruleset.clear(_SHUT))
        super().handle(events)


@mutant("S51", "lifecycle/api-unreachable")
class MissesWhatChangedWithoutApi(Controller):
    """What changed while the API was out of reach is never read."""

    _lost = False

    def lose_api(self) -> None:
        self._lost = True

    def handle(self, events: Sequence[WatchEvent]) -> None:
        if not self._lost:
            super().handle(events)
        self._lost = False


@mutant("S51", "lifecycle/burst")
class LosesTheEndOfABurst(Controller):
    """Of many changes at once only the first 64 are made."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        super().handle(events[:64])


@mutant("S51", "lifecycle/burst")
class TakesABurstForOne(Controller):
    """Of many changes at once only the last is made."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        super().handle(events if len(events) < 50 else events[-1:])


def _shut() -> str:
    chain = "chain forward { type filter hook forward priority filter; policy drop; }"
    return f"table {_SHUT} {{\n\t{chain}\n}}\n"
