"""Checks against the kernel's nftables.

``test_kernel`` runs each in a process with user and network namespaces of its own.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import random_clusters as rc
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import Nft, NftError
from netpol_conformance.enforcer.compilation import compile_node
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.fuzz import vocabulary as words
from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    KubernetesObject,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    WatchEvent,
)

PROTOCOL_NAMES = {"icmp": "1", "tcp": "6", "udp": "17", "sctp": "132"}
MAIN, SPARE = ruleset.TABLES


def cluster(*policies: NetworkPolicy, peers: int = 0) -> ClusterState:
    """Two pods on node-1 and one elsewhere, with addresses of both families, and ``peers`` more."""
    node = Node("node-1", pod_cidrs=rc.NODES[0].pod_cidrs)
    pods = [
        Pod("default", name, node=f"node-{number}", ips=rc.pod_ips(number, host))
        for name, number, host in (("a", 1, 2), ("b", 1, 3), ("far", 2, 2))
    ]
    first = IPv4Address("10.245.0.0")
    pods += [Pod("default", f"peer-{n}", node="node-2", ips=(first + n,)) for n in range(peers)]
    return ClusterState((Namespace("default"),), (node,), tuple(pods), (), policies)


def isolating(*ports: int) -> NetworkPolicy:
    """Isolates every pod both ways, but for these ports among pods of the namespace."""
    everyone = PolicyPeer(pod_selector=LabelSelector())
    rules = tuple(PolicyRule((everyone,), (PolicyPort(port=port),)) for port in ports)
    both = (Direction.INGRESS, Direction.EGRESS)
    return NetworkPolicy("default", "isolating", policy_types=both, ingress=rules, egress=rules)


def kernel_elements(nft: Nft, table: str = MAIN) -> dict[str, set[str]]:
    """The elements of a table's sets, in the enforcer's own spelling."""
    listing = nft.run(f"list table {table}")
    found = re.findall(r"set (\w+) \{[^}]*?elements = \{([^}]*)\}", listing)
    return {name: set(map(spelled, text.split(","))) for name, text in found}


def spelled(element: str) -> str:
    fields = element.split(" . ")
    return " . ".join(PROTOCOL_NAMES.get(field.strip(), field.strip()) for field in fields)


changed_objects = st.one_of(rc.pods(), rc.pods(), words.policies, rc.namespaces)
rounds = st.lists(
    st.lists(st.tuples(st.booleans(), changed_objects), min_size=1, max_size=8), max_size=4
)


def after_any_events_the_kernel_holds_a_fresh_compile() -> None:
    nft = Nft()

    @settings(max_examples=40, deadline=None, database=None)
    @given(rc.clusters(), rounds)
    def check(state: ClusterState, batches: list[list[tuple[bool, KubernetesObject]]]) -> None:
        noting = Noting(nft)
        controller = Controller("node-1", noting)
        controller.start(state.objects())
        for batch in batches:
            events = [WatchEvent("MODIFIED" if kept else "DELETED", item) for kept, item in batch]
            controller.handle(events)
            for kept, item in batch:
                state = state.with_objects(item) if kept else state.without(item.key)
            assert kernel_elements(nft) == compile_node(state, "node-1")
        assert not noting.refused

    check()


class Noting:
    """Runs texts, and notes them and what nft refuses: the controller would mend it."""

    def __init__(self, nft: Nft) -> None:
        self._nft = nft
        self.texts: list[str] = []
        self.refused: list[str] = []

    def __call__(self, text: str) -> str:
        self.texts.append(text)
        try:
            return self._nft.run(text)
        except NftError:
            self.refused.append(text)
            raise


def a_large_load_is_built_aside_and_takes_over_at_once() -> None:
    nft = Nft()
    large = cluster(isolating(*range(1, 20)), peers=100)
    aside = ((large, SPARE, MAIN), (large, MAIN, SPARE), (large, SPARE, MAIN))
    for state, table, other in (*aside, (cluster(), MAIN, SPARE)):
        noting = Noting(nft)
        Controller("node-1", noting).start(state.objects())
        assert kernel_elements(nft, table) == compile_node(state, "node-1")
        assert f"table {other} " not in nft.run("list ruleset")
        hooks = [text for text in noting.texts if "type filter hook forward" in text]
        assert hooks == noting.texts[-1:], "only the last transaction has the hook"
        assert f"delete table {other}" in hooks[0]


def golden_files_load() -> None:
    nft = Nft()
    for path in sorted(Path(__file__).parent.joinpath("golden").glob("*.nft")):
        nft.run(ruleset.clear(MAIN))
        if path.stem != "chains":
            nft.run(ruleset.chains(MAIN))
        nft.run(path.read_text())


def a_table_that_was_removed_comes_back_with_the_next_change() -> None:
    nft = Nft()
    state = cluster()
    controller = Controller("node-1", nft.run)
    controller.start(state.objects())
    nft.run(ruleset.clear(MAIN))
    policy = isolating()
    controller.handle([WatchEvent("ADDED", policy)])
    assert kernel_elements(nft) == compile_node(state.with_objects(policy), "node-1")


def a_refused_text_changes_nothing_and_says_why() -> None:
    nft = Nft()
    with pytest.raises(NftError, match="No such file or directory"):
        nft.run(f"add table {MAIN}\nadd element {MAIN} absent {{ 10.0.0.1 }}\n")
    assert nft.run("list ruleset") == ""
