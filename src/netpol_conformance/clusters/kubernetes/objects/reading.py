"""The API's objects as a scenario knows them, and refusals in its names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import NAMESPACES, PODS, SERVICES, Client
from netpol_conformance.clusters.kubernetes.api.naming import SYSTEM_NAMESPACE, Names
from netpol_conformance.clusters.kubernetes.objects.nodes import Nodes
from netpol_conformance.clusters.kubernetes.objects.pods import own_pod
from netpol_conformance.model.decode import decode_object
from netpol_conformance.model.objects import KubernetesObject
from netpol_conformance.model.version import KubernetesVersion

P = ParamSpec("P")
T = TypeVar("T")

_DNS_SERVICE = "kube-dns"
_POLICY_VERSION = "networking.k8s.io/v1"


def call(client: Client, names: Names, ask: Callable[P, T], *words: P.args, **query: P.kwargs) -> T:
    """What ``ask``, a method of the client's, answers; raises RefusedError and ClusterError."""
    with client.in_words(names.text):
        return ask(*words, **query)


def own_object(
    manifest: Manifest, kind: str, names: Names, nodes: Nodes, version: KubernetesVersion
) -> KubernetesObject:
    """A stored object as the scenario knows it; items of lists do not say their kind."""
    default = _POLICY_VERSION if kind == "NetworkPolicy" else "v1"
    named = {**manifest, "kind": kind, "apiVersion": manifest.get("apiVersion", default)}
    own = names.own_manifest(named)
    if kind == "Pod":
        own = own_pod(own, nodes.own)
    return decode_object(own, version=version, strict=False)


def read_dns(
    client: Client, names: Names, nodes: Nodes, version: KubernetesVersion
) -> Iterator[KubernetesObject]:
    """The cluster's DNS: its namespace, Service and pods; whatever of these there is."""
    space = call(client, names, client.get, NAMESPACES, SYSTEM_NAMESPACE)
    service = call(client, names, client.get, SERVICES, _DNS_SERVICE, SYSTEM_NAMESPACE)
    if space is None or service is None:
        return
    yield own_object(space, "Namespace", names, nodes, version)
    yield own_object(service, "Service", names, nodes, version)
    selector = (service.get("spec") or {}).get("selector") or {}
    if selector:
        wanted = ",".join(f"{key}={value}" for key, value in selector.items())
        for pod in call(client, names, client.items, PODS, SYSTEM_NAMESPACE, labelSelector=wanted):
            yield own_object(pod, "Pod", names, nodes, version)
