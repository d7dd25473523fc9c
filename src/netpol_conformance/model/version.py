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
        """Read ``1.34`` or ``v1.34.2``; raises ValueError that names the range known."""
        match = re.fullmatch(r"v?(\d+)\.(\d+)(?:[.+-].*)?", text.strip())
        if match is None:
            raise ValueError(f'"{text}" is not a Kubernetes version; write it like 1.34')
        return cls(int(match[1]), int(match[2]))

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


LATEST = KubernetesVersion(1, 34)
OLDEST = KubernetesVersion(1, 5)
