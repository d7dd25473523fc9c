"""Objects as the API's JSON has them."""

from __future__ import annotations

from typing import Any

from netpol_conformance.enforcer.daemon.reading import Resource, read
from netpol_conformance.enforcer.daemon.store import Changed, Listed

Raw = dict[str, Any]


def node(name: str = "node-1", number: int = 1, **spec) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDRs": [f"10.244.{number}.0/24"], **spec},
        "status": {"addresses": [{"type": "InternalIP", "address": f"172.18.0.{number + 1}"}]},
    }


def namespace(name: str = "default", **labels: str) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, address: str, node: str = "node-1", **labels: str) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": name, "labels": {"app": name, **labels}},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "busybox"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def deny(name: str = "deny", **selected: str) -> Raw:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "default", "name": name},
        "spec": {"podSelector": {"matchLabels": selected}, "policyTypes": ["Ingress"]},
    }


def unreadable(name: str = "future") -> Raw:
    """A policy with a protocol that no version of today knows."""
    policy = deny(name, app="web")
    policy["spec"]["ingress"] = [{"ports": [{"protocol": "QUIC", "port": 443}]}]
    return policy


def listed(resource: Resource, *items: Raw) -> Listed:
    return Listed(resource, tuple(read(resource, item) for item in items))


def changed(resource: Resource, item: Raw, *, gone: bool = False) -> Changed:
    return Changed(resource, read(resource, item), gone)
