"""A case without one of its parts, for trimming what hypothesis had no time to shrink. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from netpol_conformance.fuzz.cases import Case
from netpol_conformance.model.objects import (
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    Pod,
    PolicyRule,
)

Part = TypeVar("Part")


def trim(case: Case, holds: Callable[[Case], bool]) -> Case:
    """``case`` less every part without which ``holds`` too, tried one after the other."""
    tried = 0
    while tried < len(options := list(trimmed(case))):
        if holds(options[tried]):
            case = options[tried]  # where this part was, the next is now
        else:
            tried += 1
    return case


def trimmed(case: Case) -> Iterator[Case]:
    """The case less each of its parts, large ones first. It may then be one that no API takes."""
    for changes in _less_one(case.changes):
        yield replace(case, changes=changes)
    for key in dict.fromkeys(item.key for item in case.ever if not isinstance(item, Namespace)):
        yield _without(case, key)
    for hosts in _less_one(case.hosts):
        yield replace(case, hosts=hosts)
    for item in dict.fromkeys(case.ever):
        for smaller in _smaller(item):
            yield _with(case, item, smaller)


def _without(case: Case, key: ObjectKey) -> Case:
    """Less an object, and with a pod the Service before it; changes with nothing left go too."""
    gone = {key, key._replace(kind="Service")}
    case = case.with_each(lambda item: None if item.key in gone else item)
    changes = [
        change._replace(
            delete=tuple(other for other in change.delete if other not in gone),
            finish=tuple(other for other in change.finish if other not in gone),
        )
        for change in case.changes
    ]
    some = tuple(change for change in changes if change.apply or change.delete or change.finish)
    return replace(case, changes=some)


def _with(case: Case, old: KubernetesObject, new: KubernetesObject) -> Case:
    """With ``new`` for ``old``; a pod serves the same wherever it is the same pod relabelled."""

    def renewed(item: KubernetesObject) -> KubernetesObject:
        if item == old:
            return new
        if isinstance(item, Pod) and isinstance(old, Pod) and isinstance(new, Pod):
            same = (item.key, item.ports, item.node) == (old.key, old.ports, old.node)
            return replace(item, ports=new.ports) if same else item
        return item

    return case.with_each(renewed)


def _smaller(item: KubernetesObject) -> Iterator[KubernetesObject]:
    match item:
        case Pod():
            for ports in _less_one(item.ports):
                yield replace(item, ports=ports)
        case NetworkPolicy():
            for rules in _fewer_rules(item.ingress):
                yield replace(item, ingress=rules)
            for rules in _fewer_rules(item.egress):
                yield replace(item, egress=rules)


def _fewer_rules(rules: tuple[PolicyRule, ...]) -> Iterator[tuple[PolicyRule, ...]]:
    yield from _less_one(rules)
    for index, rule in enumerate(rules):
        for smaller in (
            *(replace(rule, peers=peers) for peers in _less_one(rule.peers)),
            *(replace(rule, ports=ports) for ports in _less_one(rule.ports)),
        ):
            yield (*rules[:index], smaller, *rules[index + 1 :])


def _less_one(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """All but the first, all but the second, and so on."""
    for index in range(len(parts)):
        yield (*parts[:index], *parts[index + 1 :])
