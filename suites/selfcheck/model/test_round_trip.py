"""Every valid object decodes from its manifest, as YAML, as JSON and as plain data."""

import json
from ipaddress import ip_network

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.model.decode import decode, decode_object
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
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
    Service,
    ServicePort,
)

names = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
keys = st.from_regex(
    r"([a-z]{1,3}\.[a-z]{1,3}/)?[A-Za-z0-9]([-_.]?[A-Za-z0-9]){0,4}", fullmatch=True
)
values = st.sampled_from(["", "yes", "true", "1", "1.10", "0x1", "null"]) | names
labels = st.dictionaries(keys, values, max_size=3)
annotations = st.dictionaries(keys, st.text(max_size=8), max_size=2)
port_names = st.from_regex(r"[0-9]{0,3}[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,3})?", fullmatch=True)
port_numbers = st.integers(1, 65535)
protocols = st.sampled_from(Protocol)
addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None)


@st.composite
def networks(draw, longest=None):
    address = draw(addresses)
    length = draw(st.integers(0, address.max_prefixlen if longest is None else longest))
    return ip_network((address, length), strict=False)


@st.composite
def blocks(draw):
    cidr = draw(networks(longest=24))
    longer = st.integers(cidr.prefixlen + 1, cidr.max_prefixlen)
    offset = st.integers(0, cidr.num_addresses - 1)
    excepted = draw(st.lists(st.tuples(offset, longer), max_size=2))
    inner = [ip_network((cidr[index], length), strict=False) for index, length in excepted]
    return IPBlock(cidr, tuple(inner))


@st.composite
def requirements(draw):
    operator = draw(st.sampled_from(Operator))
    needs = operator in (Operator.IN, Operator.NOT_IN)
    found = draw(st.lists(values, min_size=1, max_size=3)) if needs else ()
    return Requirement(draw(keys), operator, tuple(found))


def tuples(of, size=3):
    return st.lists(of, max_size=size).map(tuple)


selectors = st.builds(
    LabelSelector, labels.map(lambda found: tuple(sorted(found.items()))), tuples(requirements())
)
peers = (
    st.builds(PolicyPeer, selectors, selectors)
    | st.builds(PolicyPeer, selectors)
    | st.builds(PolicyPeer, st.none(), selectors)
    | st.builds(PolicyPeer, st.none(), st.none(), blocks())
)
ranges = st.tuples(port_numbers, port_numbers).map(sorted)
policy_ports = (
    st.builds(PolicyPort, protocols, st.none() | port_numbers | port_names)
    | st.builds(lambda protocol, ends: PolicyPort(protocol, *ends), protocols, ranges)
)  # fmt: skip
rules = tuples(st.builds(PolicyRule, tuples(peers), tuples(policy_ports)))
types = st.lists(st.sampled_from(Direction), min_size=1, max_size=2, unique=True).map(tuple)
policies = st.builds(NetworkPolicy, names, names, selectors, types, rules, rules, labels)

container_ports = st.builds(ContainerPort, port_numbers, protocols, st.just("") | port_names)
pods = st.builds(
    Pod,
    names,
    names,
    labels,
    annotations,
    # Names are unique; numbers too, because on the host's network they have to be.
    st.lists(
        container_ports, max_size=3, unique_by=(lambda p: p.name or p, lambda p: p.number)
    ).map(tuple),
    st.sampled_from(["nginx", "registry:5000/busybox:1.36"]),
    st.just("") | names,
    st.booleans(),
    tuples(addresses, 2),
    st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
)
namespaces = st.builds(
    lambda name, found, notes: Namespace(
        name, {**found, "kubernetes.io/metadata.name": name}, notes
    ),
    names,
    labels,
    annotations,
)
nodes = st.builds(
    Node, names, tuples(addresses, 2).map(lambda ips: tuple(dict.fromkeys(ips))),
    tuples(networks(), 2).filter(
        lambda found: not any(n.version == 6 and n.prefixlen >= 96 for n in found)
    ),
    labels,
)  # fmt: skip


@st.composite
def services(draw):
    kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
    outside = kind != "ClusterIP"
    node_port = st.none() | st.integers(30000, 32767) if outside else st.none()
    port = st.builds(
        ServicePort, port_numbers, port_numbers | port_names, protocols, names, node_port
    )
    unique = (lambda item: item.name, lambda item: (item.port, item.protocol))
    headless = not outside and draw(st.booleans())
    return Service(
        draw(names),
        draw(names),
        draw(labels),
        tuple(draw(st.lists(port, min_size=1, max_size=3, unique_by=unique))),
        kind,
        headless,
        draw(st.sampled_from(["Cluster", "Local"])) if outside else "Cluster",
        () if headless else draw(tuples(addresses, 2)),
        draw(tuples(addresses, 2)) if kind == "LoadBalancer" else (),
        draw(labels),
    )


objects = st.one_of(policies, pods, namespaces, nodes, services())


@settings(max_examples=100, deadline=None)
@given(objects)
def test_decode_undoes_encode(item):
    encoded = manifest(item)
    assert decode_object(encoded) == item
    assert decode_object(encoded, strict=False) == item


@settings(max_examples=50, deadline=None)
@given(st.lists(objects, max_size=3))
def test_yaml_and_json_texts_give_the_same_objects(items):
    encoded = [manifest(item) for item in items]
    # A plain y is text to this dumper and true to kubectl; in quotes it is text to both.
    text = yaml.safe_dump_all(encoded, default_style='"')
    assert decode(text) == tuple(items)
    assert decode("\n".join(map(json.dumps, encoded))) == tuple(items)
    together = {"apiVersion": "v1", "kind": "List", "items": encoded}
    assert decode(json.dumps(together)) == tuple(items)
