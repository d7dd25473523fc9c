"""Whether a cluster can be used: the suite's rights in it, its version, nodes and families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netpol_conformance.clusters.base import ClusterError, ClusterSpec, UnsupportedError
from netpol_conformance.clusters.kubernetes.agents.lifecycle import NO_CUT
from netpol_conformance.clusters.kubernetes.api.client import ACCESS_REVIEWS, Client
from netpol_conformance.clusters.kubernetes.api.rights import GRANT, RIGHTS, Right
from netpol_conformance.clusters.kubernetes.objects.nodes import Nodes
from netpol_conformance.model.objects import KubernetesObject, Pod
from netpol_conformance.model.version import LATEST, OLDEST, KubernetesVersion

NO_CLIENT = "needs a client outside the cluster; give --external-client"
_MEANINGS = (
    "annotation_isolates",
    "policy_api_versions",
    "has_egress",
    "combines_selectors",
    "accepts_sctp",
    "knows_end_port",
    "keeps_end_port",
    "labels_namespaces",
)
"""All in which versions of Kubernetes differ for network policy."""


def read_version(version: str) -> KubernetesVersion:
    """The version that a server says it is; raises ClusterError for one that is too old."""
    try:
        return KubernetesVersion.parse(version)
    except ValueError as error:
        raise ClusterError(f"{error}; {OLDEST} is the oldest whose rules are known") from error


def families_of(nodes: Nodes, dns: Sequence[KubernetesObject]) -> tuple[int, ...]:
    """The families of pods' addresses: those of the DNS server's pod, else of the nodes' ranges."""
    pods = [pod for pod in dns if isinstance(pod, Pod) and pod.ips and not pod.host_network]
    if pods:
        return tuple(sorted({ip.version for ip in pods[0].ips}))
    objects = nodes.objects()
    ranges = {network.version for node in objects for network in node.pod_cidrs}
    return tuple(sorted(ranges or {ip.version for node in objects for ip in node.ips}))


def check_fits(
    spec: ClusterSpec, version: KubernetesVersion, workers: int, families: Sequence[int]
) -> None:
    """Raise UnsupportedError, with the reason, unless the cluster can be what is asked for."""
    if spec.version != LATEST and not _means_the_same(spec.version, version):
        raise UnsupportedError(
            f"needs the rules of Kubernetes {spec.version}, and this cluster is {version}"
        )
    if spec.cut_off:
        raise UnsupportedError(NO_CUT)
    if spec.nodes > workers:
        raise UnsupportedError(
            f"needs {spec.nodes} nodes that take pods, and this cluster has {workers}"
        )
    lacking = [f"IPv{family}" for family in spec.families if family not in families]
    if lacking:
        has = " and ".join(f"IPv{family}" for family in families)
        raise UnsupportedError(f"needs {' and '.join(lacking)}, and this cluster's pods have {has}")


def _means_the_same(one: KubernetesVersion, other: KubernetesVersion) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _MEANINGS)


def check_rights(client: Client) -> None:
    """Raise ClusterError naming every right that is missing."""
    with client.in_words():
        missing = list(_missing(client))
    if missing:
        raise ClusterError(f"rights are missing: {'; '.join(missing)}: have them granted: {GRANT}")


def _missing(client: Client) -> Iterator[str]:
    for right in RIGHTS:
        lacks = [verb for verb in right.verbs if not _allowed(client, right, verb)]
        if lacks:
            group = f".{right.group}" if right.group else ""
            yield f"{', '.join(lacks)} of {right.resource}{group}"


def _allowed(client: Client, right: Right, verb: str) -> bool:
    resource, _, sub = right.resource.partition("/")
    asked = {"verb": verb, "group": right.group, "resource": resource, "subresource": sub}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(client.create(ACCESS_REVIEWS, review)["status"]["allowed"])
