"""Laws of compiling: incremental is fresh, and elements mean what the oracle says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from suites.selfcheck import random_clusters as rc

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.compilation import Compilation, compile_node
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.fuzz import vocabulary as words
from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    KubernetesObject,
    NetworkPolicy,
    Protocol,
)
from netpol_conformance.oracle.decision import Answer, Connection
from netpol_conformance.oracle.evaluate import Oracle

from ..mutation.filtering import Filter, Interfaces, Packet

TABLE = ruleset.TABLES[0]
AMONG_PODS = Interfaces(arrives=False, leaves=False)
PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}
events = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "remove")),
        st.one_of(rc.pods(), rc.pods(), words.policies, rc.namespaces, st.sampled_from(rc.NODES)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rc.clusters(), st.lists(events, max_size=3))
def test_after_any_events_the_elements_are_those_of_a_fresh_compile(
    state: ClusterState, rounds: list[list[tuple[str, KubernetesObject]]]
) -> None:
    compilation = Compilation("node-1", Compiler())
    sets: dict[str, set[str]] = {}
    for batch in [[("put", item) for item in state.objects()], *rounds]:
        for verb, item in batch:
            if verb == "put":
                compilation.put(item)
                state = state.with_objects(item)
            else:
                compilation.remove(item.key)
                state = state.without(item.key)
        change = compilation.change()
        for name, elements in change.removed.items():
            assert elements <= sets[name]
            sets[name] -= elements
        for name, elements in change.added.items():
            assert not elements & sets.setdefault(name, set())
            sets[name] |= elements
        compilation.settle(change)
        assert {name: sets[name] for name in sets if sets[name]} == compile_node(state, "node-1")


@settings(max_examples=60, deadline=None)
@given(rc.clusters())
def test_the_elements_mean_what_the_oracle_says(state: ClusterState) -> None:
    assert next(disagreements(state, Compiler), None) is None


@pytest.mark.parametrize("ignored", Direction)
def test_the_oracle_notices_a_wrong_compiler(ignored: Direction) -> None:
    """Otherwise the agreement above would say nothing."""

    class Blind(Compiler):
        def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
            return direction is not ignored and super().isolates(policy, direction)

    only = settings(max_examples=500, deadline=None, derandomize=True, phases=[Phase.generate])
    find(rc.clusters(), lambda state: any(disagreements(state, Blind)), settings=only)


def disagreements(state: ClusterState, compiler: type[Compiler]) -> Iterator[str]:
    """The connections of living pods that the nodes' rules and the oracle see differently."""
    oracle = Oracle(state)
    nodes = {node.name: loaded(compile_node(state, node.name, compiler())) for node in state.nodes}
    alive = [pod for pod in state.pods if not pod.finished]
    for source, destination, family in product(alive, alive, (4, 6)):
        ends = [ip for pod in (source, destination) for ip in pod.ips if ip.version == family]
        if len(ends) < 2:
            continue
        for protocol, port in product(Protocol, (*words.PORT_NUMBERS, 82)):
            connection = Connection(source, destination, port, protocol, family)
            packet = Packet(family, *map(int, ends), PROTOCOLS[protocol], (port, port))
            answers = [
                nodes[node].lets(packet, AMONG_PODS) for node in (source.node, destination.node)
            ]
            passed = answers == [{True}, {True}]
            if passed != (oracle.answer(connection) is Answer.ALLOWED):
                yield f"{source.key} -> {destination.key} {protocol} {port}"


def loaded(elements: ruleset.Elements) -> Filter:
    """What a node lets through that has these elements in its sets."""
    rules = Filter()
    rules.load(ruleset.chains(TABLE) + ruleset.hook(TABLE) + ruleset.change(TABLE, {}, elements))
    return rules
