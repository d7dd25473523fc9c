"""The Oracle: what the specification says of a connection in one state of a cluster.

Three ways to ask: ``decide`` says why, ``answer`` only what, and ``row`` asks for one
source and all pods at once. The order of the tests is that of the specification:

1. an end that has finished owns no address (S51): unspecified;
2. a pod reaches itself (S5); its own node reaches it and is reached (S6);
3. a pod that nothing isolates in a direction is open in it (S1, S70);
4. an isolated one admits what a rule of an applying policy admits, and nothing else (S2).

A pod on its node's network may be taken for the pod or for the node, and policies that select it
may bind it or not (S7). An address in the client's place may be in any block that holds nodes or
pods, or in none (S41). Where these readings differ, the answer is unspecified.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    Node,
    Pod,
    Protocol,
    TranslatedSource,
)
from netpol_conformance.oracle.decision import Answer, Connection, Decision, End
from netpol_conformance.oracle.index import Index
from netpol_conformance.oracle.places import EVERYONE, Place, address_of
from netpol_conformance.oracle.reasoning import side


class UnknownEndError(LookupError):
    """An end of a connection is a pod or a node (``kind``) that the state does not have."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{kind} {name} is not in the state asked about: "
            f"add it to the state, or ask about one of its {kind}s"
        )


class _Wire(NamedTuple):
    """What a connection is beside its ends."""

    port: int
    protocol: Protocol
    family: int


class Oracle:
    """Answers for one state. Objects are looked up by name: the state's own labels count (S51).

    Every method raises UnknownEndError for a pod or node that the state does not have.
    """

    def __init__(self, state: ClusterState) -> None:
        self.state = state
        self._index = Index(state)
        self._nodes = {node.name: node for node in state.nodes}

    def decide(self, connection: Connection) -> Decision:
        """The answer, with what each end says and why."""
        source, destination = self._own(connection.source), self._own(connection.destination)
        asked = replace(connection, source=source, destination=destination)
        egress = side(self._index, Direction.EGRESS, asked)
        ingress = side(self._index, Direction.INGRESS, asked)
        return Decision(_both(egress.answer, ingress.answer), egress, ingress)

    def answer(self, connection: Connection) -> Answer:
        """The same answer as ``decide``'s, without the reasons."""
        wire = _Wire(connection.port, connection.protocol, connection.family)
        source = self._place(connection.source, wire.family)
        destination = self._place(connection.destination, wire.family)
        if (source.bit | destination.bit) & self._index.finished:
            return Answer.UNSPECIFIED
        if source.is_pod and source.bit == destination.bit:
            return Answer.ALLOWED
        egress = self._side(Direction.EGRESS, source, destination, wire)
        if egress is Answer.DENIED:
            return egress
        return _both(egress, self._side(Direction.INGRESS, destination, source, wire))

    def row(
        self, source: End, port: int, protocol: Protocol = Protocol.TCP, family: int = 4
    ) -> tuple[Answer, ...]:
        """The answers for one source and every pod, in the order of ``state.pods``."""
        index, wire = self._index, _Wire(port, protocol, family)
        place = self._place(source, family)
        egress_surely, egress_perhaps = self._egress_row(place, wire)
        ingress_surely, ingress_perhaps = self._ingress_row(place, wire)
        surely = egress_surely & ingress_surely
        perhaps = egress_perhaps & ingress_perhaps
        if place.is_pod:
            surely |= place.bit
            perhaps |= place.bit
        unspecified = EVERYONE if place.bit & index.finished else index.finished
        surely &= ~unspecified
        perhaps |= unspecified
        return _answers(surely & index.everybody, perhaps & index.everybody, len(index.state.pods))

    def _own(self, end: End) -> End:
        """The state's own object of this name."""
        if isinstance(end, Pod):
            return self.state.pods[self._number(end)]
        if isinstance(end, Node):
            return self._node(end)
        return end

    def _number(self, pod: Pod) -> int:
        number = self._index.numbers.get((pod.namespace, pod.name))
        if number is None:
            raise UnknownEndError("pod", f"{pod.namespace}/{pod.name}")
        return number

    def _node(self, node: Node) -> Node:
        own = self._nodes.get(node.name)
        if own is None:
            raise UnknownEndError("node", node.name)
        return own

    def _place(self, end: End, family: int) -> Place:
        places = self._index.places[family]
        if isinstance(end, Pod):
            return places.pod(self._number(end))
        if isinstance(end, Node):
            return places.other(address_of(self._node(end).ips, family), end.name)
        if isinstance(end, TranslatedSource):
            return places.translated()
        return places.other(address_of((end.ip,), family))

    def _side(self, direction: Direction, target: Place, peer: Place, wire: _Wire) -> Answer:
        """What the target's policies of one direction say; neither end is finished or itself."""
        index = self._index
        if not target.bit & index.isolated[direction]:
            return Answer.ALLOWED
        readings = {self._admits(direction, target, peer, wire)}
        if peer.bit & index.host:
            readings.add(self._admits(direction, target, self._as_node(peer), wire))
        if peer.translated:
            readings.add(self._admits(direction, target, peer, wire, in_blocks=True))
        if readings == {True}:
            return Answer.ALLOWED
        if True in readings or target.bit & index.host:
            return Answer.UNSPECIFIED
        return Answer.DENIED

    def _admits(
        self,
        direction: Direction,
        target: Place,
        peer: Place,
        wire: _Wire,
        *,
        in_blocks: bool = False,
    ) -> bool:
        """Whether a rule lets the peer in; ``in_blocks`` takes it to be in all that may hold it."""
        if _own_node(target, peer):
            return True
        index = self._index
        destination = target.bit if direction is Direction.INGRESS else peer.bit
        return any(
            index.ports(rule.ports, wire.port, wire.protocol) & destination
            and (rule.admits(peer) or (in_blocks and index.may_hold(rule, wire.family)))
            for policy in index.applying(target.number, direction)
            for rule in policy.rules
        )

    def _as_node(self, pod: Place) -> Place:
        return self._index.places[pod.family].other(pod.address, pod.node)

    def _egress_row(self, source: Place, wire: _Wire) -> tuple[int, int]:
        """The destinations that the source's egress surely, and perhaps, lets it reach."""
        index = self._index
        if not source.bit & index.isolated[Direction.EGRESS]:
            return EVERYONE, EVERYONE
        places = index.places[wire.family]
        as_pods, as_nodes = 0, index.on_node(source.node)
        for policy in index.applying(source.number, Direction.EGRESS):
            for rule in policy.rules:
                ports = index.ports(rule.ports, wire.port, wire.protocol)
                if ports:
                    as_pods |= ports & rule.peers(places)
                if ports == EVERYONE and index.host:
                    as_nodes |= rule.peers_as_nodes(places)
        perhaps = EVERYONE if source.bit & index.host else as_pods | (as_nodes & index.host)
        return as_pods & (as_nodes | ~index.host), perhaps

    def _ingress_row(self, source: Place, wire: _Wire) -> tuple[int, int]:
        """The destinations whose ingress surely, and perhaps, admits the source."""
        surely = perhaps = self._admitting(source, wire)
        if source.bit & self._index.host:
            as_node = self._admitting(self._as_node(source), wire)
            surely, perhaps = surely & as_node, perhaps | as_node
        if source.translated:
            perhaps |= self._admitting(source, wire, in_blocks=True)
        return surely, perhaps | self._index.host

    def _admitting(self, source: Place, wire: _Wire, *, in_blocks: bool = False) -> int:
        index = self._index
        mask = ~index.isolated[Direction.INGRESS]
        if not source.is_pod:
            mask |= index.on_node(source.node)
        for policies in index.applied[Direction.INGRESS].values():
            for policy in policies:
                for rule in policy.rules:
                    if rule.admits(source) or (in_blocks and index.may_hold(rule, wire.family)):
                        mask |= policy.selected & index.ports(rule.ports, wire.port, wire.protocol)
        return mask


def _own_node(target: Place, peer: Place) -> bool:
    """Whether the peer is the node that the target runs on (S6)."""
    return not peer.is_pod and peer.node != "" and peer.node == target.node


def _both(egress: Answer, ingress: Answer) -> Answer:
    """Both ends must allow (S3); one that surely denies settles it."""
    for answer in (Answer.DENIED, Answer.UNSPECIFIED):
        if answer in (egress, ingress):
            return answer
    return Answer.ALLOWED


def _answers(surely: int, perhaps: int, count: int) -> tuple[Answer, ...]:
    """A row from its masks; the lowest bit comes first."""
    words = {"11": Answer.ALLOWED, "01": Answer.UNSPECIFIED, "00": Answer.DENIED}
    bits = zip(f"{surely:0{count}b}"[::-1], f"{perhaps:0{count}b}"[::-1], strict=True)
    return tuple([words[sure + may] for sure, may in bits]) if count else ()
