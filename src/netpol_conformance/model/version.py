"""Kubernetes versions, and what each of them serves and means for NetworkPolicy (S70-S72)."""

from __future__ import annotations

import re
from typing import NamedTuple


class KubernetesVersion(NamedTuple):
    """A minor release; compares as one."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> KubernetesVersion:
        """Read ``1.34`` or ``v1.34.2``; raises ValueError for nonsense and for the unknown past.

        Versions later than LATEST are taken to mean what LATEST does.
        """
        match = re.fullmatch(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:[.+-].*)?", text.strip())
        if match is None:
            raise ValueError(f'"{text}" is not a Kubernetes version; write it like {LATEST}')
        version = cls(int(match[1]), int(match[2]))
        if version < OLDEST:
            raise ValueError(f"Kubernetes {version} is too old; choose from {OLDEST} to {LATEST}")
        return version

    def __str__(self) -> str:
        """``1.34``."""
        return f"{self.major}.{self.minor}"

    @property
    def annotation_isolates(self) -> bool:
        """Up to 1.6 only a namespace's DefaultDeny annotation isolates its pods (S70)."""
        return self < KubernetesVersion(1, 7)

    @property
    def policy_api_versions(self) -> tuple[str, ...]:
        """The ``apiVersion`` values under which NetworkPolicy is served, preferred first."""
        served = []
        if self >= KubernetesVersion(1, 7):
            served.append("networking.k8s.io/v1")
        if self < KubernetesVersion(1, 16):
            served.append("extensions/v1beta1")
        return tuple(served)

    @property
    def has_egress(self) -> bool:
        """From 1.8 policies have ``egress``, ``policyTypes`` and ``ipBlock`` (S72)."""
        return self >= KubernetesVersion(1, 8)

    @property
    def combines_selectors(self) -> bool:
        """From 1.11 one peer may have both a podSelector and a namespaceSelector (S72)."""
        return self >= KubernetesVersion(1, 11)

    @property
    def accepts_sctp(self) -> bool:
        """From 1.19 SCTP is accepted by default: beta there, alpha from 1.12, GA 1.20 (S72)."""
        return self >= KubernetesVersion(1, 19)

    @property
    def knows_end_port(self) -> bool:
        """From 1.21 the API has the field ``endPort`` (S72)."""
        return self >= KubernetesVersion(1, 21)

    @property
    def keeps_end_port(self) -> bool:
        """From 1.22 ``endPort`` is on by default; 1.21 drops it silently (S72)."""
        return self >= KubernetesVersion(1, 22)

    @property
    def labels_namespaces(self) -> bool:
        """From 1.21 each namespace carries ``kubernetes.io/metadata.name`` (S13)."""
        return self >= KubernetesVersion(1, 21)


ISOLATION_ANNOTATION = "net.beta.kubernetes.io/network-policy"
"""The namespace annotation that isolates all its pods for ingress up to 1.6 (S70)."""

LATEST = KubernetesVersion(1, 34)
OLDEST = KubernetesVersion(1, 5)
