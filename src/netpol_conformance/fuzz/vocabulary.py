"""What clusters and policies are drawn from: few values, so that selectors match labels, ports
match ports, and addresses are in blocks; and what is found is readable. Needs hypothesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from hypothesis import strategies as st

from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import (
    ContainerPort,
    Direction,
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    Operator,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)

Networks = Mapping[str, tuple[str, ...]]
"""Networks, each with parts of it to leave out."""
NAMESPACES = ("blue", "green", "red")
POLICY_NAMES = ("first", "second")
KEYS, VALUES = ("app", "tier"), ("a", "b", "")
PORT_NAMES, PORT_NUMBERS = ("http", "dns"), (53, 80, 81, 90)
OUTSIDE_BLOCKS: Networks = {
    "0.0.0.0/0": ("10.244.1.0/24", "172.16.0.0/12"),
    "172.17.0.0/16": ("172.17.1.0/24", "172.17.1.4/30"),
    "::/0": ("fd00:17::/32", "fd00:172:18::2/127"),
}
"""Around hosts outside."""
OWN_BLOCKS: Networks = {
    "10.244.0.0/16": ("10.244.1.0/28", "10.244.1.2/32", "10.244.2.0/24"),
    "10.244.1.2/31": ("10.244.1.2/32",),
    "10.244.2.3/32": (),
    "172.18.0.0/24": ("172.18.0.2/32",),
    "fd00:10:244::/48": ("fd00:10:244:1::/64", "fd00:10:244:2::2/127"),
}
"""Of the embedded cluster's pods and nodes."""

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(
    lambda pairs: dict(sorted(pairs.items()))
)
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
selections = st.one_of(
    st.builds(PolicyPeer, pod_selector=selectors),
    st.builds(PolicyPeer, namespace_selector=space_selectors),
)
protocols = st.sampled_from(list(Protocol))
directions = st.sampled_from([*((direction,) for direction in Direction), tuple(Direction)])


def container_ports(least: int = 0) -> st.SearchStrategy[tuple[ContainerPort, ...]]:
    """What a pod serves, on ``least`` ports at least."""
    names = st.sampled_from(("", *PORT_NAMES))
    return st.lists(
        st.builds(ContainerPort, st.sampled_from(PORT_NUMBERS), protocols, names),
        min_size=least,
        max_size=3,
        unique_by=(
            lambda port: (port.number, port.protocol),
            lambda port: port.name or (port.number, port.protocol),
        ),
    ).map(tuple)


@st.composite
def blocks(draw: st.DrawFn, networks: Networks) -> IPBlock:
    """A network of these, less some of its parts."""
    cidr = draw(st.sampled_from(sorted(networks)))
    excepted = draw(st.sets(st.sampled_from(networks[cidr]))) if networks[cidr] else set()
    return IPBlock(ip_network(cidr), tuple(ip_network(text) for text in sorted(excepted)))


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
"""Items of a policy's ``ports``."""


def policies_with(networks: Networks) -> st.SearchStrategy[NetworkPolicy]:
    """Policies whose blocks are of these networks."""
    peers = st.one_of(
        selections,
        st.builds(PolicyPeer, pod_selector=selectors, namespace_selector=space_selectors),
        st.builds(PolicyPeer, ip_block=blocks(networks)),
    )
    return st.builds(
        NetworkPolicy,
        st.sampled_from(NAMESPACES),
        st.sampled_from(POLICY_NAMES),
        selectors,
        directions,
        rules(peers, ports),
        rules(peers, ports),
    )


policies = policies_with({**OUTSIDE_BLOCKS, **OWN_BLOCKS})
old_policies = st.builds(
    NetworkPolicy,
    st.sampled_from(NAMESPACES),
    st.sampled_from(POLICY_NAMES),
    selectors,
    ingress=rules(selections, single_ports(st.sampled_from((Protocol.TCP, Protocol.UDP)))),
    api_version=st.just("extensions/v1beta1"),
)
"""Policies that Kubernetes 1.6 knows (S70)."""
