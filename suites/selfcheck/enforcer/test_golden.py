"""The nft text of characteristic policies; ``pytest --update-golden`` writes it anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from suites.selfcheck import random_clusters as rc

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.compilation import compile_node
from netpol_conformance.model.decode import decode
from netpol_conformance.model.objects import ClusterState, ContainerPort, Namespace, Node, Pod

POLICIES = sorted(Path(__file__).parent.joinpath("policies").glob("*.yaml"))
TABLE = ruleset.TABLES[0]


def pod(key: str, number: str, port: ContainerPort, **labels: str) -> Pod:
    """A pod with address 10.244.<number> and fd00:10:244:<number>, on the node of that number."""
    namespace, _, name = key.partition("/")
    node, _, host = number.partition(".")
    ips = rc.pod_ips(int(node), int(host))
    return Pod(namespace, name, labels, ports=(port,), node=f"node-{node}", ips=ips)


CLUSTER = ClusterState(
    namespaces=(Namespace("default"), Namespace("mine", {"project": "myproject"})),
    nodes=(Node("node-1"), Node("node-2")),
    pods=(
        pod("default/db", "1.2", ContainerPort(6379, name="redis"), role="db"),
        pod("default/frontend", "1.3", ContainerPort(80, name="http"), role="frontend"),
        pod("mine/frontend", "2.2", ContainerPort(8080, name="http"), role="frontend"),
        pod("mine/other", "2.3", ContainerPort(8080), role="other"),
    ),
)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_policy(path: Path, golden: Callable[[str, str], None]) -> None:
    state = CLUSTER.with_objects(*decode(path.read_text()))
    elements = {
        name: items
        for name, items in compile_node(state, "node-1").items()
        if not name.startswith(("pods", "self"))
    }
    golden(f"{path.stem}.nft", ruleset.change(TABLE, {}, elements))


def test_chains(golden: Callable[[str, str], None]) -> None:
    golden("chains.nft", ruleset.chains(TABLE) + ruleset.hook(TABLE))
