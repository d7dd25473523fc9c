"""The decision at one end of a connection, with its reason as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from netpol_conformance.model.objects import (
    Direction,
    IPAddress,
    Node,
    Pod,
    TranslatedSource,
)
from netpol_conformance.oracle.decision import (
    Answer,
    Connection,
    End,
    Match,
    Side,
    end_name,
)
from netpol_conformance.oracle.index import Index
from netpol_conformance.oracle.trial import NOTHING_TO_MATCH, NearMiss, Trial

_LISTED = 3
"""How many policies or rules a sentence names before it says how many more there are."""


def side(index: Index, direction: Direction, connection: Connection) -> Side:
    """What one end says; the connection's ends must be the state's own objects."""
    return _Case(index, direction, connection).side()


@dataclass(frozen=True, slots=True)
class _Case:
    index: Index
    direction: Direction
    connection: Connection

    @property
    def word(self) -> str:
        return self.direction.value.lower()

    def side(self) -> Side:
        target, peer = self.connection.source, self.connection.destination
        if self.direction is Direction.INGRESS:
            target, peer = peer, target
        for end in (target, peer):
            if isinstance(end, Pod) and end.finished:
                reason = f"{end_name(end)} has finished ({end.phase}) and owns no address"
                return self._say(Answer.UNSPECIFIED, "S51", reason)
        if not isinstance(target, Pod):
            reason = f"{end_name(target)} is no pod, and policies isolate only pods"
            return self._say(Answer.ALLOWED, "S1", reason)
        return self._pod(target, peer)

    def _pod(self, target: Pod, peer: End) -> Side:
        """The say of a pod: every reading that the specification leaves open, if they agree."""
        readings = [self._read(target, peer)]
        on_node_network = []
        if isinstance(peer, Pod) and peer.host_network:
            readings.append(self._read(target, Node(peer.node, peer.ips)))
            on_node_network.append(peer)
        if target.host_network:
            reason = f"{end_name(target)} is on its node's network, where policies may not bind it"
            readings.append(self._say(Answer.ALLOWED, "S7", reason))
            on_node_network.append(target)
        if isinstance(peer, TranslatedSource):
            readings.append(self._read(target, peer, self._inside()))
        if len({reading.answer for reading in readings}) == 1:
            return readings[0]
        denied = next(reading for reading in readings if reading.answer is Answer.DENIED)
        if not on_node_network:
            what = f"whose address {end_name(target)} sees in the client's place"
            return self._unspecified("S41", what, denied)
        names = " and ".join(dict.fromkeys(end_name(pod) for pod in on_node_network))
        what = f"what policies mean for {names} on the node's network"
        return self._unspecified("S7", what, denied)

    def _inside(self) -> tuple[IPAddress, ...]:
        """The addresses of the cluster's nodes and pods."""
        state = self.index.state
        ends: tuple[Node | Pod, ...] = (*state.nodes, *state.pods)
        return tuple(ip for end in ends for ip in end.ips)

    def _unspecified(self, rule: str, what: str, denied: Side) -> Side:
        """The say where readings differ, one of which is ``denied``."""
        reason = f"{what} is unspecified; on one reading {denied.reason.removesuffix('.')}"
        said = self._say(Answer.UNSPECIFIED, rule, reason)
        return replace(denied, answer=said.answer, rule=rule, reason=said.reason)

    def _read(self, target: Pod, peer: End, inside: tuple[IPAddress, ...] = ()) -> Side:
        """The say with ``peer`` taken for what it is given as; ``inside`` as in Trial."""
        if isinstance(peer, Pod) and peer.key == target.key:
            reason = f"{end_name(target)} reaches itself, which no policy can block"
            return self._say(Answer.ALLOWED, "S5", reason)
        if isinstance(peer, Node) and peer.name and peer.name == target.node:
            reason = (
                f"{end_name(peer)}, which {end_name(target)} runs on, is exempt from its policies"
            )
            return self._say(Answer.ALLOWED, "S6", reason)
        number = self.index.numbers[target.namespace, target.name]
        if not self.index.isolated[self.direction] >> number & 1:
            return self._open(target)
        return self._isolated(target, peer, number, inside)

    def _open(self, target: Pod) -> Side:
        if not self.index.state.version.annotation_isolates:
            reason = (
                f"{end_name(target)} is not isolated for {self.word}: "
                f"no policy in namespace {target.namespace} selects it for {self.word}"
            )
            return self._say(Answer.ALLOWED, "S1", reason)
        why = "Kubernetes 1.6 and older has no egress policy"
        if self.direction is Direction.INGRESS:
            why = f"namespace {target.namespace} has no DefaultDeny annotation"
        reason = f"{end_name(target)} is not isolated for {self.word}: {why}"
        return self._say(Answer.ALLOWED, "S70", reason)

    def _isolated(self, target: Pod, peer: End, number: int, inside: tuple[IPAddress, ...]) -> Side:
        labels = self.index.namespace_labels
        trial = Trial(self.direction, target, peer, self.connection, labels, inside)
        matches: list[Match] = []
        misses: list[NearMiss] = []
        names: list[str] = []
        for applied in self.index.applying(number, self.direction):
            found, missed = trial.policy(applied.policy)
            matches += found
            misses += missed
            names.append(f"{applied.policy.namespace}/{applied.policy.name}")
        isolated = f"{end_name(target)} is isolated for {self.word} by "
        isolated += self._isolator(target, names)
        if matches:
            reason = f"{isolated}; {self._admitted(matches, peer)}"
            said = self._say(Answer.ALLOWED, "S2", reason)
        else:
            said = self._denied(isolated, names, misses, peer)
        return replace(said, isolated_by=tuple(names), allowed_by=tuple(matches))

    def _isolator(self, target: Pod, names: Sequence[str]) -> str:
        if self.index.state.version.annotation_isolates:
            return f"the DefaultDeny annotation of namespace {target.namespace}"
        return _listed(names)

    def _admitted(self, matches: Sequence[Match], peer: End) -> str:
        places = _listed([f"{match.field} of {match.policy}" for match in matches])
        verb = "allows" if len(matches) == 1 else "allow"
        return f"{places} {verb} {self._way(peer)}"

    def _way(self, peer: End) -> str:
        asked = self.connection
        towards = "from" if self.direction is Direction.INGRESS else "to"
        return f"{asked.protocol.value} {asked.port} {towards} {end_name(peer)}"

    def _denied(
        self, isolated: str, names: Sequence[str], misses: Sequence[NearMiss], peer: End
    ) -> Side:
        if not names:
            return self._say(Answer.DENIED, "S70", f"{isolated}, and no policy selects it")
        nearest = max(misses, key=attrgetter("nearness"))
        miss, several = nearest.miss, len(names) > 1
        them, theirs = ("them", "theirs") if several else ("it", "it")
        if self.index.state.version.annotation_isolates:
            them = theirs = _listed(names)
        if nearest.nearness == NOTHING_TO_MATCH:
            lacking = f"none of {them} has an" if several else f"{names[0]} has no"
            reason = f"{isolated}, and {lacking} {self.word} rule"
        else:
            owner = f" of {miss.policy}" if several else ""
            reason = (
                f"{isolated}, and no rule of {theirs} allows {self._way(peer)}: "
                f"nearest is {miss.field}{owner}, but {miss.reason}"
            )
        return replace(self._say(Answer.DENIED, "S2", reason), nearest_miss=miss)

    def _say(self, answer: Answer, rule: str, reason: str) -> Side:
        return Side(self.direction, answer, rule, f"{reason} ({rule}).")


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b, c and 4 more``."""
    shown = list(names[:_LISTED])
    if len(names) > _LISTED:
        shown.append(f"{len(names) - _LISTED} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
