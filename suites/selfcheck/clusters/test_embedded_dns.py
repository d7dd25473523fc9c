"""Which names the cluster's DNS knows, and how it answers."""

from ipaddress import ip_address

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.clusters.embedded.dns import answer, zone
from netpol_conformance.model.objects import ClusterState, Namespace, Pod, Service, ServicePort

STATE = ClusterState(
    namespaces=(Namespace("default"),),
    pods=(
        Pod("default", "a", {"app": "web"}, ips=(ip_address("10.244.1.2"),)),
        Pod("default", "b", {"app": "web"}, ips=(ip_address("10.244.2.2"),)),
    ),
    services=(
        Service(
            "default",
            "web",
            {"app": "web"},
            (ServicePort(80, 80),),
            cluster_ips=(ip_address("10.96.1.0"), ip_address("fd00:10:96::100")),
        ),
        Service("default", "direct", {"app": "web"}, (ServicePort(80, 80),), headless=True),
        Service("default", "old", {}, (ServicePort(80, 80),), cluster_ips=(ip_address("1.2.3.4"),)),
    ),
)
NAMES = zone(STATE, [OutsideHost("Office", (ip_address("172.17.1.5"),), named=True)])


def ask(name: str, kind: str = "A") -> tuple[str, list[str]]:
    reply = answer(NAMES, DNSRecord.question(name, kind).pack())
    assert reply is not None
    record = DNSRecord.parse(reply)
    return RCODE[record.header.rcode], [str(each.rdata) for each in record.rr]


@pytest.mark.parametrize(
    ("name", "kind", "ips"),
    [
        ("web.default.svc.cluster.local", "A", ["10.96.1.0"]),
        ("WEB.default.svc.cluster.local.", "A", ["10.96.1.0"]),
        ("web.default.svc.cluster.local", "AAAA", ["fd00:10:96::100"]),
        ("direct.default.svc.cluster.local", "A", ["10.244.1.2", "10.244.2.2"]),
        ("10-244-1-2.default.pod.cluster.local", "A", ["10.244.1.2"]),
        ("office.default.svc.cluster.local", "A", ["172.17.1.5"]),
    ],
)
def test_names_and_their_addresses(name, kind, ips):
    assert ask(name, kind) == ("NOERROR", ips)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("old.default.svc.cluster.local", "AAAA"),
        ("web.default.svc.cluster.local", "TXT"),
        ("default.svc.cluster.local", "A"),
    ],
)
def test_a_name_without_such_addresses_exists_all_the_same(name, kind):
    assert ask(name, kind) == ("NOERROR", [])


@pytest.mark.parametrize("name", ["web", "web.default", "web.other.svc.cluster.local", "a.example"])
def test_all_other_names_do_not_exist(name):
    assert ask(name) == ("NXDOMAIN", [])


@given(st.binary(max_size=64))
def test_rubbish_is_not_answered_with_an_exception(query):
    answer(NAMES, query)


def test_the_types_that_are_answered_are_those_asked_for():
    reply = DNSRecord.parse(
        answer(NAMES, DNSRecord.question("web.default.svc.cluster.local", "AAAA").pack())
    )
    assert [each.rtype for each in reply.rr] == [QTYPE.AAAA]
