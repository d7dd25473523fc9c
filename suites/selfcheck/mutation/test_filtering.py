"""The interpreter of nft text: what it knows, and that it knows what it doesn't."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from .filtering import Filter, Interfaces, NftRefusalError, Packet, UnknownRulesError

RULES = """\
table inet t {
	set known {
		type ipv4_addr . inet_service
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		%s
		counter drop
	}
}
"""
PACKET = Packet(4, int(ip_address("10.0.0.1")), int(ip_address("10.0.0.2")), 6, (80, 80))
TRANSLATED = PACKET._replace(direct=False)
LINKS = Interfaces(arrives=True, leaves=False)


def filled(rule):
    rules = Filter()
    rules.load(RULES % rule)
    rules.load("add element inet t known { 10.0.0.2 . 80 }\n")
    return rules


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("ip saddr 10.0.0.1", "ip saddr 10.0.0.2"),
        ("ip saddr { 10.1.0.0/16, 10.0.0.0/30 }", "ip saddr { 10.1.0.0/16, 10.0.0.2 }"),
        ("ip daddr . th dport @known", "ip saddr . th dport @known"),
        ("meta l4proto . th dport { 6 . 79-81 }", "meta l4proto . th dport { 17 . 79-81 }"),
        ('iifname "eth0" oifname != "eth0"', 'oifname "eth0"'),
        ("ct original ip daddr 10.0.0.2", "ct original ip daddr != 10.0.0.2"),
        ("ct original proto-dst 80", "ct original proto-dst 81"),
        ("tcp dport 80", "udp dport 80"),
        ("ip daddr != 10.0.0.3", "ip6 daddr != fd00::3"),
    ],
)
def test_what_matches_is_known(rule, other):
    assert filled(f"{rule} accept").lets(PACKET, LINKS) == {True}
    assert filled(f"{other} accept").lets(PACKET, LINKS) == {False}
    assert filled(f"{other} accept").lets(PACKET.answer, LINKS) == {True}


@pytest.mark.parametrize(
    ("rule", "packet"),
    [
        ("ct status dnat", TRANSLATED),
        ("ct original ip daddr 10.0.0.9", TRANSLATED),
        ("tcp dport 40000", PACKET.answer._replace(reply=False)),
    ],
)
def test_what_depends_on_more_than_the_packet_is_left_open(rule, packet):
    assert filled(f"{rule} accept").lets(packet, LINKS) == {True, False}


@pytest.mark.parametrize(
    "rule",
    ["ip ttl 3 accept", "ct state new accept", "jump nowhere", "add @known { 1 } drop", "ip daddr"],
)
def test_a_rule_that_cannot_be_read_is_unknown(rule):
    with pytest.raises(UnknownRulesError):
        filled(rule).lets(PACKET, LINKS)


@pytest.mark.parametrize(
    "text",
    [
        "flush table inet t\n",
        "table inet t {\n\tmap m { type ipv4_addr : verdict; }\n}\n",
        "add element inet t known { 10.0.0.3 . 1 }\ndelete element inet t known { 10.0.0.4 . 1 }\n",
    ],
)
def test_a_text_that_cannot_be_read_is_unknown(text):
    with pytest.raises(UnknownRulesError):
        filled("").load(text)


def test_nft_refuses_elements_of_what_is_not_there():
    with pytest.raises(NftRefusalError):
        Filter().load("add element inet t known { 10.0.0.3 . 80 }\n")


def test_a_table_that_is_deleted_judges_no_more():
    rules = filled("")
    assert rules.is_hooked("inet t")
    rules.load("table inet t\ndelete table inet t\n")
    assert not rules.is_hooked("inet t")
    assert rules.lets(PACKET, LINKS) == {True}


def test_all_tables_must_agree_and_each_hook_has_its_own():
    rules = filled("ip saddr 10.0.0.1 accept")
    rules.load((RULES % "ip saddr 10.0.0.9 accept").replace("inet t ", "inet u "))
    assert rules.lets(PACKET, LINKS) == {False}
    assert rules.lets(PACKET, LINKS, "input") == {True}
    assert rules.hooks == {"forward"}
