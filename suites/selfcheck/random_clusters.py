"""Small random clusters: few names, so that selectors meet labels and addresses meet blocks."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import strategies as st

from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    IPBlock,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Operator,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)

NODES = tuple(
    Node(
        f"node-{n}",
        (IPv4Address(f"172.18.0.{n + 1}"), IPv6Address(f"fd00:172:18::{n + 1}")),
        (ip_network(f"10.244.{n}.0/24"), ip_network(f"fd00:10:244:{n}::/64")),
    )
    for n in (1, 2)
)
NAMESPACES, NAMES = ("blue", "green", "red"), tuple(f"pod-{n}" for n in range(4))
POLICY_NAMES = ("first", "second")
KEYS, VALUES = ("app", "tier"), ("a", "b", "")
PORT_NAMES, PORT_NUMBERS = ("http", "dns"), (53, 80, 81, 90)
BLOCKS = {
    "0.0.0.0/0": ("10.244.1.0/24", "172.16.0.0/12"),
    "10.244.0.0/16": ("10.244.1.0/28", "10.244.1.2/32", "10.244.2.0/24"),
    "10.244.1.2/31": ("10.244.1.2/32",),
    "10.244.2.3/32": (),
    "172.17.0.0/16": ("172.17.1.0/24", "172.17.1.4/30"),
    "172.18.0.0/24": ("172.18.0.2/32",),
    "::/0": ("fd00:17::/32", "fd00:172:18::2/127"),
    "fd00:10:244::/48": ("fd00:10:244:1::/64", "fd00:10:244:2::2/127"),
}

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True).map(tuple)
requirements = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from((Operator.IN, Operator.NOT_IN)),
        values,
    ),
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from((Operator.EXISTS, Operator.DOES_NOT_EXIST)),
    ),
)
match_labels = labels.map(lambda pairs: tuple(sorted(pairs.items())))
selectors = st.one_of(
    st.just(LabelSelector()),
    st.builds(LabelSelector, match_expressions=st.tuples(requirements)),
    st.builds(LabelSelector, match_labels, st.lists(requirements, max_size=1).map(tuple)),
)
space_selectors = st.one_of(
    selectors,
    st.sampled_from(NAMESPACES).map(lambda name: LabelSelector(((NAME_LABEL, name),))),
)


@st.composite
def blocks(draw: st.DrawFn) -> IPBlock:
    cidr = draw(st.sampled_from(sorted(BLOCKS)))
    excepted = draw(st.sets(st.sampled_from(BLOCKS[cidr]))) if BLOCKS[cidr] else set()
    return IPBlock(ip_network(cidr), tuple(ip_network(text) for text in sorted(excepted)))


selections = st.one_of(
    st.builds(PolicyPeer, pod_selector=selectors),
    st.builds(PolicyPeer, namespace_selector=space_selectors),
)
peers = st.one_of(
    selections,
    st.builds(PolicyPeer, pod_selector=selectors, namespace_selector=space_selectors),
    st.builds(PolicyPeer, ip_block=blocks()),
)
protocols = st.sampled_from(list(Protocol))
directions = st.sampled_from([*((direction,) for direction in Direction), tuple(Direction)])


def single_ports(protocols: st.SearchStrategy[Protocol]) -> st.SearchStrategy[PolicyPort]:
    """Items of ``ports`` that are no ranges."""
    numbers_and_names = st.sampled_from((None, *PORT_NUMBERS, *PORT_NAMES))
    return st.builds(PolicyPort, protocols, numbers_and_names)


def rules(
    peers: st.SearchStrategy[PolicyPeer], ports: st.SearchStrategy[PolicyPort]
) -> st.SearchStrategy[tuple[PolicyRule, ...]]:
    """The ``ingress`` or ``egress`` of a policy."""
    few = [st.lists(items, max_size=2).map(tuple) for items in (peers, ports)]
    return st.lists(st.builds(PolicyRule, *few), max_size=2).map(tuple)


ports = st.one_of(
    single_ports(protocols),
    st.builds(PolicyPort, protocols, st.sampled_from((53, 80)), st.sampled_from((80, 85, 90))),
)
policies = st.builds(
    NetworkPolicy,
    st.sampled_from(NAMESPACES),
    st.sampled_from(POLICY_NAMES),
    selectors,
    directions,
    rules(peers, ports),
    rules(peers, ports),
)
old_policies = st.builds(
    NetworkPolicy,
    st.sampled_from(NAMESPACES),
    st.sampled_from(POLICY_NAMES),
    selectors,
    ingress=rules(selections, single_ports(st.sampled_from((Protocol.TCP, Protocol.UDP)))),
    api_version=st.just("extensions/v1beta1"),
)
"""Policies that Kubernetes 1.6 knows (S70)."""
namespaces = st.builds(
    lambda name, pairs: Namespace(name, {**pairs, NAME_LABEL: name}),
    st.sampled_from(NAMESPACES),
    labels,
)
container_ports = st.lists(
    st.builds(ContainerPort, st.sampled_from(PORT_NUMBERS), protocols, st.sampled_from(PORT_NAMES)),
    max_size=2,
).map(tuple)


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
        ports=draw(container_ports),
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
