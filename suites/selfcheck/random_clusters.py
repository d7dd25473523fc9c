"""Random states of clusters that need no cluster: pods in any phase, with what addresses they have.

The words, labels and policies are those of ``netpol_conformance.fuzz``.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import strategies as st

from netpol_conformance.fuzz.vocabulary import NAMESPACES, container_ports, labels, policies
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import ClusterState, Namespace, Node, Pod

NODES = tuple(
    Node(
        f"node-{n}",
        (IPv4Address(f"172.18.0.{n + 1}"), IPv6Address(f"fd00:172:18::{n + 1}")),
        (ip_network(f"10.244.{n}.0/24"), ip_network(f"fd00:10:244:{n}::/64")),
    )
    for n in (1, 2)
)
NAMES = tuple(f"pod-{n}" for n in range(4))

namespaces = st.builds(
    lambda name, pairs: Namespace(name, {**pairs, NAME_LABEL: name}),
    st.sampled_from(NAMESPACES),
    labels,
)


@st.composite
def pods(draw: st.DrawFn) -> Pod:
    """A pod with addresses that are its own, whatever else it is."""
    namespace, name = draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(NAMES))
    node = draw(st.sampled_from(NODES))
    number = 2 + NAMESPACES.index(namespace) * len(NAMES) + NAMES.index(name)
    ips = (node.pod_cidrs[0][number], node.pod_cidrs[1][number])
    return Pod(
        namespace,
        name,
        draw(labels),
        ports=draw(container_ports()),
        node=node.name,
        ips=draw(st.sampled_from((ips, ips[:1], ips[1:], ()))),
        phase=draw(st.sampled_from(("Running",) * 4 + ("Pending", "Succeeded"))),
    )


@st.composite
def clusters(draw: st.DrawFn) -> ClusterState:
    everywhere = tuple(Namespace(name, {**draw(labels), NAME_LABEL: name}) for name in NAMESPACES)
    chosen = draw(st.lists(pods(), min_size=2, max_size=5, unique_by=lambda pod: pod.key))
    stated = draw(st.lists(policies, min_size=1, max_size=3, unique_by=lambda item: item.key))
    return ClusterState(everywhere, NODES, tuple(chosen), (), tuple(stated))
