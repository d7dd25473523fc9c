"""Label selectors (S10, S12): as a test of one object that can say why, and as bitmasks of many.

A mask is an int whose bit ``i`` stands for item ``i``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netpol_conformance.model.objects import Labels, LabelSelector, Operator, Requirement


def unmet(selector: LabelSelector, labels: Labels) -> str | None:
    """What ``labels`` fail first, as a phrase (``lacks label role=frontend``); None if nothing."""
    for key, value in selector.match_labels:
        if key not in labels:
            return f"lacks label {key}={value}"
        if labels[key] != value:
            return f"has label {key}={labels[key]}, not {key}={value}"
    phrases = (_unmet_requirement(item, labels) for item in selector.match_expressions)
    return next((phrase for phrase in phrases if phrase is not None), None)


def _unmet_requirement(requirement: Requirement, labels: Labels) -> str | None:
    key, values = requirement.key, requirement.values
    value = labels.get(key)
    match requirement.operator:
        case Operator.IN if value is None:
            return f"lacks label {key} (wanted: {_any_of(values)})"
        case Operator.IN if value not in values:
            return f"has label {key}={value} (wanted: {_any_of(values)})"
        case Operator.NOT_IN if value is not None and value in values:
            return f"has label {key}={value} (wanted: not {_any_of(values)})"
        case Operator.EXISTS if value is None:
            return f"lacks label {key}"
        case Operator.DOES_NOT_EXIST if value is not None:
            return f"has label {key}={value} (wanted: no label {key})"
        case _:
            return None


def _any_of(values: tuple[str, ...]) -> str:
    return " or ".join(values)


class LabelIndex:
    """Which of many labelled items a selector matches, as a mask."""

    def __init__(self, labelled: Iterable[Labels]) -> None:
        self._pairs: dict[tuple[str, str], int] = defaultdict(int)
        self._keys: dict[str, int] = defaultdict(int)
        self._known: dict[LabelSelector, int] = {}
        bit = 1
        for labels in labelled:
            for pair in labels.items():
                self._pairs[pair] |= bit
                self._keys[pair[0]] |= bit
            bit <<= 1
        self.everything = bit - 1

    def select(self, selector: LabelSelector) -> int:
        """The mask of the items that ``selector`` matches."""
        mask = self._known.get(selector)
        if mask is None:
            mask = self._known[selector] = self._evaluate(selector)
        return mask

    def _evaluate(self, selector: LabelSelector) -> int:
        mask = self.everything
        for pair in selector.match_labels:
            mask &= self._pairs.get(pair, 0)
        for requirement in selector.match_expressions:
            mask &= self._requirement(requirement)
        return mask

    def _requirement(self, requirement: Requirement) -> int:
        key = requirement.key
        match requirement.operator:
            case Operator.IN:
                return self._any_value(requirement)
            case Operator.NOT_IN:
                return self.everything & ~self._any_value(requirement)
            case Operator.EXISTS:
                return self._keys.get(key, 0)
            case Operator.DOES_NOT_EXIST:
                return self.everything & ~self._keys.get(key, 0)

    def _any_value(self, requirement: Requirement) -> int:
        mask = 0
        for value in requirement.values:
            mask |= self._pairs.get((requirement.key, value), 0)
        return mask
