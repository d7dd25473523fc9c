"""Templates: filled in strictly, line for line."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.scenario.blocks import NoBlock
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.templating import TemplateError, directory, fill

from .scenario_texts import SOUND

WORDS = st.text("abcxyz/-\n :", max_size=8)


def test_names_and_addresses():
    text = "cidr: ${pod/db}/32\nexcept: ${cluster/pods} # $$5\n"
    assert fill(text, {"pod/db": "10.0.0.1", "cluster/pods": "10.0.0.0/8"}) == (
        "cidr: 10.0.0.1/32\nexcept: 10.0.0.0/8 # $5\n"
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(WORDS, st.sampled_from(["pod/a", "node/b"]), WORDS), max_size=5))
def test_only_templates_change(parts):
    entries = {"pod/a": "10.0.0.1", "node/b": "fd00::1"}
    text = "".join(f"{before}${{{name}}}{behind}" for before, name, behind in parts)
    assert fill(text, entries) == "".join(
        f"{before}{entries[name]}{behind}" for before, name, behind in parts
    )


@pytest.mark.parametrize(
    ("text", "line", "suggestion"),
    [
        ("a\n${pod/bd}\n", 2, 'did you mean "pod/db"?'),
        ("a\n\n$HOME\n", 3, "write ${...} or, for a dollar, $$"),
        ("a: $", 1, "write ${...} or, for a dollar, $$"),
        ("${pod/db", 1, "write ${...} or, for a dollar, $$"),
        ("${pod/\ndb}", 1, "write ${...} or, for a dollar, $$"),
        ("${}", 1, "known are pod/db"),
    ],
)
def test_what_stands_for_nothing(text, line, suggestion):
    with pytest.raises(TemplateError) as caught:
        fill(text, {"pod/db": "10.0.0.1"})
    assert caught.value.line == line
    assert caught.value.suggestion == suggestion


def test_a_block_that_this_cluster_does_not_have_says_why():
    with pytest.raises(TemplateError) as caught:
        fill("a\n${cluster/pods}", {"cluster/pods": NoBlock("10.0.0.0/8 holds node-1")})
    assert str(caught.value) == (
        "line 2 of the step's manifests: "
        '"${cluster/pods}" stands for no block on this cluster: 10.0.0.0/8 holds node-1'
    )


def test_pods_are_where_their_plugin_puts_them():
    scenario = load(SOUND, "x.yaml")
    planned = planned_state(scenario, -1)
    moved = [
        replace(pod, ips=(ip_address(f"192.168.{at}.9"),)) for at, pod in enumerate(planned.pods)
    ]
    entries = directory(planned.with_objects(*moved), scenario.outside)
    block = ip_network(entries["cluster/pods"])
    assert all(pod.ips[0] in block for pod in moved)
    assert "cluster/pods/IPv6" in entries  # the nodes' podCIDRs are all there is of that family
    assert ip_address(entries["outside/office"]) not in block


def test_the_directory_of_a_scenario():
    scenario = load(SOUND, "x.yaml")
    entries = directory(planned_state(scenario, -1), scenario.outside)
    assert entries["pod/web-1"] == entries["pod/default/web-1"]
    assert entries["pod/web-1"].startswith("10.244.1.")
    assert entries["pod/other/app"].startswith("10.244.3.")
    assert entries["node/node-2"] == "172.18.0.3"
    assert entries["outside/office"] == "172.17.1.5"
    assert entries["cluster/pods"] == "10.244.0.0/22"
    assert entries["pod/friend/IPv6"].startswith("fd00:10:244:3::")
    assert "outside/office/IPv6" not in entries
