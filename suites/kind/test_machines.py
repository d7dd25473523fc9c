"""Machines outside that several processes make, use and lose at once, on the real Docker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from netpol_conformance.clusters.kind.machines import Machines
from netpol_conformance.clusters.kind.tools import find_docker
from netpol_conformance.clusters.kubernetes.public import real_node
from netpol_conformance.image.names import own_image

from .real_cluster import IMAGE, ROOT, Kind

IPS = ("203.0.113.201", "203.0.113.202")
"""No scenario's."""
PROGRAM = """
import json, sys
from ipaddress import ip_address
from suites.kind.test_machines import machines_of
name, ips, nodes = json.loads(sys.argv[1])
for ip in ips:
    print(machines_of(name, nodes).start(ip_address(ip), [80]).container)
"""


def machines_of(cluster: str, nodes: list[dict[str, Any]]) -> Machines:
    return Machines(cluster, find_docker(), own_image(IMAGE), list(map(real_node, nodes)))


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def nodes(kind: Kind) -> Iterator[list[dict[str, Any]]]:
    yield json.loads(kind.kubectl("get", "nodes", "-o", "json"))["items"]
    machines = machines_of(kind.driver.cluster_name, [])
    docker("rm", "--force", *(machines.container(ip_address(ip)) for ip in IPS))


def begin(kind: Kind, nodes: list[dict[str, Any]], ips: tuple[str, ...]) -> subprocess.Popen[str]:
    given = json.dumps([kind.driver.cluster_name, ips, nodes])
    command = [sys.executable, "-c", PROGRAM, given]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_processes_share_them_and_one_that_died_is_made_again(
    kind: Kind, nodes: list[dict[str, Any]]
) -> None:
    users = [begin(kind, nodes, ips) for ips in (IPS, IPS[::-1], IPS)]
    made = [user.communicate()[0].split() for user in users]
    assert [user.returncode for user in users] == [0, 0, 0]
    first, second = made[0]
    assert made == [[first, second], [second, first], [first, second]]
    for node in nodes:
        route = docker("exec", node["metadata"]["name"], "ip", "route", "get", IPS[0])
        assert "dev npc-outside" in route, route

    machines = machines_of(kind.driver.cluster_name, nodes)
    docker("kill", first)
    again = machines.start(ip_address(IPS[0]), [80])
    assert again.container != first
    assert machines.start(ip_address(IPS[1]), [80]).container == second
