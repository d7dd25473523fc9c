"""Versions of Kubernetes confused."""

from __future__ import annotations

from collections.abc import Sequence

from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.model.objects import Direction, Namespace, NetworkPolicy

from .registry import mutant


@mutant("S70", "handbook/annotation-1-6")
class AnnotationIgnored(Compiler):
    """Up to 1.6 policies isolate the pods they select, and the annotation nobody."""

    def default_deny(self, namespace: Namespace) -> bool:
        return False

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        return any(self.isolates(policy, direction) for policy in policies)


@mutant("S71", "legacy/annotation-1-7")
class AnnotationStillIsolates(Compiler):
    """The annotation isolates a namespace's pods in every version."""

    def isolated(
        self,
        namespace: Namespace | None,
        policies: Sequence[NetworkPolicy],
        direction: Direction,
    ) -> bool:
        if direction is Direction.INGRESS and namespace and self.default_deny(namespace):
            return True
        return super().isolated(namespace, policies, direction)
