"""Label selectors misread."""

from __future__ import annotations

from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.model.objects import Labels, LabelSelector, Requirement
from netpol_conformance.scenario.features import CONTROLLER_LABELS

from .registry import mutant


@mutant("S12", "semantics/operator-in")
class InIgnoresValues(Compiler):
    """In matches every object that has the key."""

    anchored = False

    def is_in(self, requirement: Requirement, labels: Labels) -> bool:
        return requirement.key in labels


@mutant("S12", "semantics/operator-not-in")
class NotInNeedsTheKey(Compiler):
    """NotIn doesn't match an object that lacks the key."""

    def is_not_in(self, requirement: Requirement, labels: Labels) -> bool:
        return self.exists(requirement, labels) and super().is_not_in(requirement, labels)


@mutant("S12", "semantics/operator-exists")
class ExistsMatchesAll(Compiler):
    """Exists matches every object."""

    def exists(self, requirement: Requirement, labels: Labels) -> bool:
        return True


@mutant("S12", "semantics/operator-does-not-exist")
class DoesNotExistMatchesAll(Compiler):
    """DoesNotExist matches every object."""

    def does_not_exist(self, requirement: Requirement, labels: Labels) -> bool:
        return True


@mutant("S12", "semantics/empty-label-value")
class EmptyValueMatchesAbsence(Compiler):
    """An empty value in matchLabels matches an object that lacks the key."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return labels.get(key, "") == value


@mutant("S12", "handbook/test-network-policy-ingress")
class LabelValuesIgnored(Compiler):
    """A pair of matchLabels matches every object that has the key."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return key in labels


@mutant("S12", "semantics/controller-labels")
class ControllerLabelsUnseen(Compiler):
    """Labels that controllers give to their pods are left out of what selectors see."""

    anchored = False

    def matches(self, selector: LabelSelector, labels: Labels) -> bool:
        seen = {key: value for key, value in labels.items() if key not in CONTROLLER_LABELS}
        return super().matches(selector, seen)
