"""One connection tried against the rules of policies: what matches, and how nearly the rest did.

Rules are read from the policies themselves, not from masks, to say which field failed and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netpol_conformance.model.objects import (
    Direction,
    IPAddress,
    IPBlock,
    Labels,
    NetworkPolicy,
    Node,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    TranslatedSource,
)
from netpol_conformance.oracle.decision import Connection, End, Match, Miss, end_name
from netpol_conformance.oracle.labels import unmet


class Failure(NamedTuple):
    """Why a peer or a port item did not match; of two, the one of higher ``nearness`` is nearer."""

    nearness: int
    field: str
    reason: str
    rule: str


class NearMiss(NamedTuple):
    """A rule that did not allow, with how nearly it did: what matched, then the failure's own."""

    nearness: tuple[int, int]
    miss: Miss


NOTHING_TO_MATCH = (-1, 0)
"""The nearness of a policy without any rule."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The connection tried, from the side of ``direction``'s target.

    ``peer`` is the other end, as a node where a pod is taken for its node (S7);
    ``namespaces`` are the labels of all namespaces by name (S13). An address in the client's place
    is taken to be wherever one of ``inside`` is (S41).
    """

    direction: Direction
    target: Pod
    peer: End
    connection: Connection
    namespaces: Mapping[str, Labels]
    inside: tuple[IPAddress, ...] = ()

    @property
    def destination(self) -> End:
        """The end on which named ports are resolved (S22)."""
        return self.target if self.direction is Direction.INGRESS else self.peer

    def policy(self, policy: NetworkPolicy) -> tuple[list[Match], list[NearMiss]]:
        """The fields of a policy that allow the connection, and its rules that do not."""
        word = self.direction.value.lower()
        name = f"{policy.namespace}/{policy.name}"
        rules = policy.rules(self.direction)
        if not rules:
            reason = f"{name} has no {word} rule, so it allows nothing"
            return [], [NearMiss(NOTHING_TO_MATCH, Miss(name, f"spec.{word}", reason, "S14"))]
        matches: list[Match] = []
        misses: list[NearMiss] = []
        for number, rule in enumerate(rules):
            path = f"spec.{word}[{number}]"
            result = self._rule(policy.namespace, rule)
            if isinstance(result, list):
                matches += [Match(name, path + field) for field in result]
            else:
                (nearness, failure) = result
                miss = Miss(name, path + failure.field, failure.reason, failure.rule)
                misses.append(NearMiss((nearness, failure.nearness), miss))
        return matches, misses

    def _rule(self, namespace: str, rule: PolicyRule) -> list[str] | tuple[int, Failure]:
        """The matching peers' fields, or the nearest failure: 2 if only the ports failed, 1 if
        only the peers did, 0 if both.
        """
        list_name = "from" if self.direction is Direction.INGRESS else "to"
        peers = [self._peer(namespace, peer) for peer in rule.peers]
        ports = [self._port(port) for port in rule.ports]
        matched = [f".{list_name}[{i}]" for i, failure in enumerate(peers) if failure is None]
        port_failure = _nearest(ports, "ports")
        peer_failure = _nearest(peers, list_name)
        if peer_failure is not None:
            return (0 if port_failure else 1), peer_failure
        if port_failure is not None:
            return 2, port_failure
        return matched or [""]

    def _peer(self, namespace: str, peer: PolicyPeer) -> Failure | None:
        if peer.ip_block is not None:
            return self._block(peer.ip_block)
        if peer.pod_selector is None and peer.namespace_selector is None:
            return Failure(0, "", "the item has neither a selector nor an ipBlock", "S62")
        return self._selectors(namespace, peer)

    def _selectors(self, namespace: str, peer: PolicyPeer) -> Failure | None:
        end = self.peer
        if not isinstance(end, Pod):
            kind = "podSelector" if peer.pod_selector is not None else "namespaceSelector"
            reason = f"selectors match pods only, and {end_name(end)} is none"
            return Failure(0, f".{kind}", reason, "S11")
        if peer.namespace_selector is not None:
            phrase = unmet(peer.namespace_selector, self.namespaces[end.namespace])
            if phrase:
                reason = f"namespace {end.namespace} {phrase}"
                return Failure(1, ".namespaceSelector", reason, "S12")
        elif end.namespace != namespace:
            reason = (
                f"a podSelector alone means pods of the policy's namespace {namespace}, "
                f"and {end_name(end)} is in namespace {end.namespace}"
            )
            return Failure(1, ".podSelector", reason, "S11")
        if peer.pod_selector is not None:
            phrase = unmet(peer.pod_selector, end.labels)
            if phrase:
                return Failure(2, ".podSelector", f"{end_name(end)} {phrase}", "S12")
        return None

    def _block(self, block: IPBlock) -> Failure | None:
        end, family = self.peer, self.connection.family
        if isinstance(end, TranslatedSource):
            near = [ip for ip in self.inside if ip.version == family and ip in block.cidr]
            reason = f"nobody promises that {block.cidr} holds {end_name(end)}"
            held = any(_excepted(block, ip) is None for ip in near)
            return None if held else Failure(0, ".ipBlock.cidr", reason, "S41")
        ips = (end.ip,) if not isinstance(end, Pod | Node) else end.ips
        address = next((ip for ip in ips if ip.version == family), None)
        if address is None:
            reason = f"{end_name(end)} has no IPv{family} address"
        elif address not in block.cidr:
            reason = f"{address} is not in {block.cidr}"
        else:
            return _excepted(block, address)
        return Failure(0, ".ipBlock.cidr", reason, "S30")

    def _port(self, port: PolicyPort) -> Failure | None:
        asked = self.connection
        if port.protocol != asked.protocol:
            reason = f"it is for {port.protocol.value}, not {asked.protocol.value}"
            return Failure(0, ".protocol", reason, "S20")
        if isinstance(port.port, str):
            return self._named(port.port)
        if port.port is None or port.port <= asked.port <= (port.end_port or port.port):
            return None
        if port.end_port is None:
            return Failure(1, ".port", f"port {asked.port} is not {port.port}", "S21")
        reason = f"port {asked.port} is not in {port.port}-{port.end_port}"
        return Failure(1, ".endPort", reason, "S23")

    def _named(self, port_name: str) -> Failure | None:
        asked, end = self.connection, self.destination
        protocol = asked.protocol.value
        if not isinstance(end, Pod):
            reason = f'the name "{port_name}" is resolved on pods, and {end_name(end)} is none'
            return Failure(0, ".port", reason, "S22")
        named = [port for port in end.ports if port.name == port_name]
        numbers = [port.number for port in named if port.protocol == asked.protocol]
        if asked.port in numbers:
            return None
        if not numbers:
            reason = f'{end_name(end)} has no {protocol} port named "{port_name}"'
            return Failure(0, ".port", reason, "S22")
        found = " or ".join(str(number) for number in numbers)
        reason = f'port "{port_name}" of {end_name(end)} is {protocol} {found}, not {asked.port}'
        return Failure(1, ".port", reason, "S22")


def _excepted(block: IPBlock, address: IPAddress) -> Failure | None:
    for number, hole in enumerate(block.excepted):
        if address in hole:
            reason = f"{address} is in {hole}, which is excepted from {block.cidr}"
            return Failure(2, f".ipBlock.except[{number}]", reason, "S30")
    return None


def _nearest(failures: Sequence[Failure | None], list_name: str) -> Failure | None:
    """The nearest failure of a list's items, with its field; None if the list is empty, which
    matches all (S14), or any item matched.
    """
    failed = [
        failure._replace(field=f".{list_name}[{number}]{failure.field}")
        for number, failure in enumerate(failures)
        if failure is not None
    ]
    if len(failed) < len(failures):
        return None
    return max(failed, key=lambda failure: failure.nearness, default=None)
