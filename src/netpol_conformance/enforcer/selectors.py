"""Label selectors, and the selections of pods that policies make with them."""

from __future__ import annotations

from dataclasses import dataclass

from netpol_conformance.model.objects import Labels, LabelSelector, Operator, Requirement


class InexpressibleError(Exception):
    """A policy says what this enforcer does not know; the message says what and where."""


ALL = LabelSelector()


@dataclass(frozen=True, slots=True)
class Selection:
    """The pods matching ``pods`` in one namespace, by name, or in those matching a selector."""

    namespaces: str | LabelSelector
    pods: LabelSelector = ALL


EVERY_POD = Selection(ALL)


class LabelMatching:
    """What a label selector matches (S12). Each method is one sentence of the specification."""

    anchored = True
    """Whether a selector matches nothing that lacks its first ``matchLabels`` pair (or the values
    of its first ``In``). True by S12; the index then looks only where that pair is found.
    """

    def matches(self, selector: LabelSelector, labels: Labels) -> bool:
        """Whether all pairs and requirements hold; InexpressibleError if one is not known."""
        return all(
            self.has_pair(key, value, labels) for key, value in selector.match_labels
        ) and all(self.meets(requirement, labels) for requirement in selector.match_expressions)

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        """An item of ``matchLabels``: an empty value is no wildcard and no absence."""
        return labels.get(key) == value

    def meets(self, requirement: Requirement, labels: Labels) -> bool:
        """An item of ``matchExpressions``."""
        match requirement.operator:
            case Operator.IN:
                return self.is_in(requirement, labels)
            case Operator.NOT_IN:
                return self.is_not_in(requirement, labels)
            case Operator.EXISTS:
                return self.exists(requirement, labels)
            case Operator.DOES_NOT_EXIST:
                return self.does_not_exist(requirement, labels)
        # mypy knows of no fifth operator; a newer API server might.
        raise InexpressibleError(f'the selector operator "{requirement.operator}" is not known')

    def is_in(self, requirement: Requirement, labels: Labels) -> bool:
        """``In``: the key is there with one of the values."""
        return labels.get(requirement.key) in requirement.values

    def is_not_in(self, requirement: Requirement, labels: Labels) -> bool:
        """``NotIn``: also an object that lacks the key."""
        return labels.get(requirement.key) not in requirement.values

    def exists(self, requirement: Requirement, labels: Labels) -> bool:
        """``Exists``: the key is there, whatever its value."""
        return requirement.key in labels

    def does_not_exist(self, requirement: Requirement, labels: Labels) -> bool:
        """``DoesNotExist``: the key is not there."""
        return requirement.key not in labels


def anchors(selector: LabelSelector) -> tuple[tuple[str, str], ...]:
    """Label pairs one of which every match of ``selector`` has; none if it can't be told."""
    if selector.match_labels:
        return selector.match_labels[:1]
    for requirement in selector.match_expressions:
        if requirement.operator is Operator.IN:
            return tuple((requirement.key, value) for value in requirement.values)
    return ()
