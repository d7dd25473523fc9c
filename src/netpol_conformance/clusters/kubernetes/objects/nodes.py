"""A cluster's nodes: which of them take pods, what a scenario calls them, and who is not well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.model.objects import Node

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_OF_HEALTH = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes as scenarios know them.

    ``real`` maps node-1, node-2, ... to the cluster's own names, nodes that take pods first;
    ``workers`` is how many these are.
    """

    manifests: tuple[Manifest, ...]
    real: dict[str, str]
    workers: int

    @property
    def own(self) -> dict[str, str]:
        """The cluster's names to the scenario's."""
        return {real: own for own, real in self.real.items()}

    @property
    def taking_pods(self) -> dict[str, str]:
        """The part of ``real`` where a scenario's pods can run."""
        return dict(list(self.real.items())[: self.workers])

    def objects(self) -> tuple[Node, ...]:
        """All nodes, with the addresses that others know them by."""
        own = self.own
        return tuple(replace(node, name=own[node.name]) for node in map(real_node, self.manifests))


def read_nodes(manifests: Sequence[Manifest]) -> Nodes:
    """Number the nodes; raises ClusterError if one is not ready that should take pods."""
    for manifest in manifests:
        if _takes_pods(manifest):
            _check_ready(manifest)
    ordered = sorted(manifests, key=lambda node: (not _takes_pods(node), _name(node)))
    workers = sum(map(_takes_pods, manifests))
    if not workers:
        raise ClusterError("no node of the cluster takes pods: all are cordoned or tainted")
    real = {f"node-{number}": _name(node) for number, node in enumerate(ordered, start=1)}
    return Nodes(tuple(ordered), real, workers)


def _takes_pods(manifest: Manifest) -> bool:
    """Whether a pod without tolerations would run there, were the node well."""
    spec: Any = manifest.get("spec") or {}
    if spec.get("unschedulable"):
        return False
    return not any(
        taint["effect"] in _REPELLING and not taint["key"].startswith(_OF_HEALTH)
        for taint in spec.get("taints") or ()
    )


def _check_ready(manifest: Manifest) -> None:
    ready = condition(manifest, "Ready")
    if ready.get("status") != "True":
        said = f"{ready.get('reason', 'unknown')}: {ready.get('message', 'it says nothing')}"
        raise ClusterError(
            f"node {_name(manifest)} is not ready ({said}): "
            "mend it, or cordon it so that no pod is sent there"
        )


def condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of that type in an object's status; empty if there is none."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((found for found in conditions if found["type"] == kind), {})


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def real_node(manifest: Manifest) -> Node:
    """A node by the cluster's own name for it."""
    spec: Any = manifest.get("spec") or {}
    status: Any = manifest.get("status") or {}
    addresses = [item["address"] for item in status["addresses"] if item["type"] == "InternalIP"]
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return Node(
        _name(manifest),
        tuple(map(ip_address, addresses)),
        tuple(map(ip_network, cidrs)),
        dict(manifest["metadata"].get("labels") or {}),
    )
