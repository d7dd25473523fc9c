"""Laws of compiling: incremental is fresh, and elements mean what the oracle says."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.enforcer.compilation import Compilation, compile_node
from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.model.objects import ClusterState, KubernetesObject, Pod, Protocol
from netpol_conformance.oracle.decision import Answer, Connection
from netpol_conformance.oracle.evaluate import Oracle

from . import random_clusters as rc
from .judgement import passes

events = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "remove")),
        st.one_of(rc.pods(), rc.pods(), rc.policies, rc.namespaces, st.sampled_from(rc.NODES)),
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
    oracle = Oracle(state)
    nodes = {node.name: compile_node(state, node.name) for node in state.nodes}
    alive = [pod for pod in state.pods if not pod.finished]
    for source, destination, family in product(alive, alive, (4, 6)):
        ends = [
            next((ip for ip in pod.ips if ip.version == family), None)
            for pod in (source, destination)
        ]
        if None in ends:
            continue
        for protocol, port in product(Protocol, (*rc.PORT_NUMBERS, 82)):
            connection = Connection(source, destination, port, protocol, family)
            passed = all(
                passes(nodes[node], *ends, protocol, port)
                for node in {source.node, destination.node}
            )
            expected = oracle.answer(connection) is Answer.ALLOWED
            assert passed == expected, f"{name(source)} -> {name(destination)} {protocol} {port}"


def name(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.name}"
