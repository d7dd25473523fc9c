"""Random states of clusters that need no cluster: pods in any phase, with what addresses they have.

The words, labels and policies are those of ``netpol_conformance.fuzz``.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import strategies as st

from netpol_conformance.fuzz.vocabulary import NAMESPACES, container_ports, labels, policies
from netpol_conformance.model.cluster_scoped import NAME_LABEL, named_by_label
from netpol_conformance.model.objects import ClusterState, IPAddress, Labels, Namespace, Node, Pod
from netpol_conformance.model.version import ISOLATION_ANNOTATION, LATEST, KubernetesVersion


def node(number: int, *families: int) -> Node:
    """A node with an address and a pod network of each family."""
    ips = (IPv4Address(f"172.18.0.{number + 1}"), IPv6Address(f"fd00:172:18::{number + 1}"))
    cidrs = (ip_network(f"10.244.{number}.0/24"), ip_network(f"fd00:10:244:{number}::/64"))
    return Node(
        f"node-{number}",
        tuple(ip for ip in ips if ip.version in families),
        tuple(cidr for cidr in cidrs if cidr.version in families),
    )


def pod_ips(node: int, number: int) -> tuple[IPAddress, ...]:
    """The addresses of this number in the pod networks of a node, of both families."""
    return tuple(cidr[number] for cidr in NODES[node - 1].pod_cidrs)


DEFAULT_DENY = {ISOLATION_ANNOTATION: '{"ingress": {"isolation": "DefaultDeny"}}'}
"""The annotation of a namespace that isolates its pods up to 1.6 (S70)."""
NODES = (node(1, 4, 6), node(2, 4, 6))
NAMES = tuple(f"pod-{n}" for n in range(4))

namespaces = st.builds(
    lambda name, pairs: Namespace(name, {**pairs, NAME_LABEL: name}),
    st.sampled_from(NAMESPACES),
    labels,
)


@st.composite
def pods(draw: st.DrawFn, *, hosts: bool = False) -> Pod:
    """A pod with addresses that are its own, or with ``hosts`` perhaps on its node's network."""
    namespace, name = draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(NAMES))
    node = draw(st.sampled_from(NODES))
    number = 2 + NAMESPACES.index(namespace) * len(NAMES) + NAMES.index(name)
    ips = (node.pod_cidrs[0][number], node.pod_cidrs[1][number])
    host = hosts and draw(st.sampled_from((False, False, False, True)))
    return Pod(
        namespace,
        name,
        draw(labels),
        ports=draw(container_ports()),
        node=node.name,
        host_network=host,
        ips=node.ips if host else draw(st.sampled_from((ips, ips[:1], ips[1:], ()))),
        phase=draw(st.sampled_from(("Running",) * 4 + ("Pending", "Succeeded"))),
    )


@st.composite
def clusters(
    draw: st.DrawFn,
    *,
    hosts: bool = False,
    versions: Sequence[KubernetesVersion] = (LATEST,),
    annotations: Sequence[Labels] = ({},),
) -> ClusterState:
    """A cluster whose policies have much to say about few pods; ``hosts`` as in ``pods``, and
    ``annotations`` are what a namespace may have.
    """
    version = draw(st.sampled_from(versions))
    everywhere = tuple(
        named_by_label(Namespace(name, draw(labels), draw(st.sampled_from(annotations))), version)
        for name in NAMESPACES
    )
    chosen = st.lists(pods(hosts=hosts), min_size=2, max_size=5, unique_by=lambda pod: pod.key)
    stated = st.lists(policies, min_size=1, max_size=3, unique_by=lambda item: item.key)
    return ClusterState(
        everywhere, NODES, tuple(draw(chosen)), (), tuple(draw(stated)), version=version
    )
