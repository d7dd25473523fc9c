"""The rights that the suite needs of a cluster, as a table and as the manifest that grants them.

Pure: it needs no package ``kubernetes``, so that the manifest can be printed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Right:
    """One rule of the ClusterRole; ``resource`` may have a subresource, as ``pods/exec``."""

    group: str
    resource: str
    verbs: tuple[str, ...]


_OWN = ("create", "delete", "get", "list", "patch", "update")
RIGHTS = (
    Right("", "namespaces", _OWN),
    Right("", "pods", _OWN),
    Right("", "pods/exec", ("create", "get")),
    Right("", "services", _OWN),
    Right("networking.k8s.io", "networkpolicies", _OWN),
    Right("", "nodes", ("list",)),
    Right("", "events", ("list",)),
)

GRANT = "netpol-conformance rights | kubectl apply -f -"
"""What a cluster's administrator types to grant them."""


def cluster_role() -> str:
    """The ClusterRole that grants all of it, as YAML."""
    lines = [
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: ClusterRole",
        "metadata:",
        "  name: netpol-conformance",
        "rules:",
    ]
    for right in RIGHTS:
        lines += [
            f'- apiGroups: ["{right.group}"]',
            f"  resources: [{right.resource}]",
            f"  verbs: [{', '.join(right.verbs)}]",
        ]
    return "\n".join(lines) + "\n"
