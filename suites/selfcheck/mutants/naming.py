"""Mutants that are wrong about whom and what a rule names."""

from __future__ import annotations

from collections.abc import Iterator

from netpol_conformance.enforcer.compile import (
    EVERYTHING,
    Compiler,
    End,
    Members,
    Peer,
    PortRange,
    bounds,
    pods_ends,
)
from netpol_conformance.enforcer.selectors import EVERY_POD, Selection
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.objects import (
    Direction,
    IPBlock,
    Labels,
    LabelSelector,
    NetworkPolicy,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)

from .registry import mutant

# Selectors and peers


@mutant("S10", "semantics/empty-pod-selector")
class EmptyPodSelectorIsNobody(Compiler):
    """A policy whose podSelector is empty selects no pod."""

    def target(self, policy: NetworkPolicy) -> Selection:
        return Selection("" if policy.pod_selector == LabelSelector() else policy.namespace)


@mutant("S11", "semantics/pairwise-empty#ingress-number")
class EmptyPeerIsEveryPod(Compiler):
    """An empty podSelector among the peers means the pods of every namespace."""

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        alone = peer.namespace_selector is None and peer.ip_block is None
        empty = peer.pod_selector == LabelSelector()
        return (EVERY_POD,) if alone and empty else super().peer(policy, peer)


@mutant("S11", "semantics/pairwise-two-items#ingress-two")
class OnlyTheFirstPeer(Compiler):
    """Of several peers of a rule only the first counts."""

    def peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...]:
        return super().peers(policy, rule)[:1]


@mutant("S11", "semantics/pairwise-namespace-selector#ingress-number")
class NamespaceSelectorMeansOwnToo(Compiler):
    """A namespaceSelector means the policy's own namespace too."""

    def peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        own = (Selection(policy.namespace),) if peer.namespace_selector is not None else ()
        return (*super().peer(policy, peer), *own)


@mutant("S12", "semantics/labels-and-expressions")
class OnlyTheFirstExpression(Compiler):
    """Of several matchExpressions only the first counts."""

    def matches(self, selector: LabelSelector, labels: Labels) -> bool:
        first = LabelSelector(selector.match_labels, selector.match_expressions[:1])
        return super().matches(first, labels)


@mutant("S12", "semantics/labels-and-expressions")
class OnlyTheFirstLabel(Compiler):
    """Of several matchLabels only the first counts."""

    def matches(self, selector: LabelSelector, labels: Labels) -> bool:
        first = LabelSelector(selector.match_labels[:1], selector.match_expressions)
        return super().matches(first, labels)


@mutant("S12", "semantics/labels-and-expressions")
class LabelsOrExpressions(Compiler):
    """Beside matchLabels that are met, matchExpressions need not be."""

    anchored = False

    def matches(self, selector: LabelSelector, labels: Labels) -> bool:
        parts = (
            LabelSelector(selector.match_labels),
            LabelSelector((), selector.match_expressions),
        )
        return any(Compiler.matches(self, part, labels) for part in parts)


@mutant("S12", "semantics/exact-values")
class CapitalsIgnored(Compiler):
    """Values of labels are compared without regard to capitals."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return key in labels and labels[key].lower() == value.lower()


@mutant("S12", "semantics/exact-values")
class ValuesByPrefix(Compiler):
    """A label matches when its value begins with the one that is asked for."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return labels.get(key, "\0").startswith(value)


@mutant("S12", "semantics/exact-values")
class KeysWithoutPrefix(Compiler):
    """The prefix of a label's key is passed over."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        bare = {name.rpartition("/")[2]: given for name, given in labels.items()}
        return bare.get(key.rpartition("/")[2]) == value


@mutant("S12", "semantics/operator-in")
class InTakesTheFirstValue(Compiler):
    """Of several values of In only the first counts."""

    def is_in(self, requirement: Requirement, labels: Labels) -> bool:
        return labels.get(requirement.key) == requirement.values[0]


@mutant("S13", "semantics/namespace-name")
class NamesByTheLabelName(Compiler):
    """A namespace is known by a label called name, not by the one that the API sets."""

    anchored = False

    def has_pair(self, key: str, value: str, labels: Labels) -> bool:
        return super().has_pair("name" if key == NAME_LABEL else key, value, labels)


# Rules, peers and ports that are not named


@mutant("S14", "semantics/empty-lists-open")
class NoPeersMeanPods(Compiler):
    """A rule without peers is for every pod, and for nobody outside the cluster."""

    def peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...]:
        return super().peers(policy, rule) if rule.peers else (EVERY_POD,)


@mutant("S14", "semantics/empty-lists-open")
class NoPortsMeanTCP(Compiler):
    """A rule without ports opens those of TCP only."""

    def port_ranges(self, rule: PolicyRule, destination: Pod | None) -> list[PortRange]:
        return super().port_ranges(
            rule if rule.ports else PolicyRule(ports=(PolicyPort(),)), destination
        )


@mutant("S15", "semantics/rules-do-not-pool")
class OnlyTheFirstRule(Compiler):
    """Of several rules of a policy only the first counts."""

    def rules(self, policy: NetworkPolicy, direction: Direction) -> tuple[PolicyRule, ...]:
        return super().rules(policy, direction)[:1]


@mutant("S20", "semantics/pairwise-none#ingress-two")
class OnlyTheFirstPort(Compiler):
    """Of several ports of a rule only the first counts."""

    def port_ranges(self, rule: PolicyRule, destination: Pod | None) -> list[PortRange]:
        return super().port_ranges(PolicyRule(rule.peers, rule.ports[:1]), destination)


@mutant("S20", "semantics/pairwise-none#ingress-protocol")
class ProtocolAloneIsEverything(Compiler):
    """A protocol without a port opens every port of every protocol."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [EVERYTHING] if port.port is None else super().port(port, destination)


@mutant("S20", "semantics/pairwise-pod-selector#ingress-protocol")
class ProtocolAloneIsNothing(Compiler):
    """A protocol without a port opens no port."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [] if port.port is None else super().port(port, destination)


@mutant("S23", "semantics/end-port-edges#single")
class RangeEndsBeforeItsEnd(Compiler):
    """A range leaves its last port out."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        port_ranges = super().port(port, destination)
        if port.end_port is None:
            return port_ranges
        shorter = [
            port_range._replace(port_high=port_range.port_high - 1) for port_range in port_ranges
        ]
        return [port_range for port_range in shorter if port_range.port_low <= port_range.port_high]


@mutant("S23", "semantics/end-port-edges#last")
class RangeToTheLastPortIsNone(Compiler):
    """A range that ends at 65535 is empty, for the port after its last is taken for 0."""

    def port(self, port: PolicyPort, destination: Pod | None) -> list[PortRange]:
        return [] if port.end_port == 65535 else super().port(port, destination)


@mutant("S24", "semantics/sctp-apart")
class SCTPAloneDoesNotIsolate(Compiler):
    """A policy that speaks of SCTP only isolates nobody."""

    def isolates(self, policy: NetworkPolicy, direction: Direction) -> bool:
        ports = [port for rule in policy.rules(direction) for port in rule.ports]
        alone = ports and all(port.protocol is Protocol.SCTP for port in ports)
        return not alone and super().isolates(policy, direction)


# Blocks


@mutant("S30", "semantics/block-edges")
class BlocksWithoutTheirEdges(Compiler):
    """A block leaves out its first address and its last, as if they were no host's."""

    def block(self, block: IPBlock) -> Iterator[End]:
        edges = bounds(block.cidr)
        for end in super().block(block):
            low, high = end.low + (end.low == edges[0]), end.high - (end.high == edges[1])
            if low <= high and block.cidr.prefixlen < block.cidr.max_prefixlen:
                yield End(end.family, low, high)


@mutant("S30", "semantics/block-edges")
class BlocksByTheOctet(Compiler):
    """A block's length is rounded down to whole octets."""

    def block(self, block: IPBlock) -> Iterator[End]:
        whole = block.cidr.supernet(new_prefix=block.cidr.prefixlen // 8 * 8)
        yield from super().block(IPBlock(whole, block.excepted))


@mutant("S30", "semantics/several-exceptions")
class OnlyTheFirstException(Compiler):
    """Of several exceptions of a block only the first counts."""

    def block(self, block: IPBlock) -> Iterator[End]:
        yield from super().block(IPBlock(block.cidr, block.excepted[:1]))


@mutant("S30", "semantics/whole-family")
class EverythingOfBothFamilies(Compiler):
    """A block of every address of one family holds those of the other."""

    def block(self, block: IPBlock) -> Iterator[End]:
        yield from super().block(block)
        if block.cidr.prefixlen == 0:
            family, bits = (6, 128) if block.cidr.version == 4 else (4, 32)
            yield End(family, 0, 2**bits - 1)


@mutant("S31", "semantics/pairwise-block#ingress-number")
class BlocksHoldNoPods(Compiler):
    """The addresses of pods are in no block."""

    def ends(
        self, policy: NetworkPolicy, rule: PolicyRule, direction: Direction, members: Members
    ) -> Iterator[End]:
        blocks = any(peer.ip_block for peer in rule.peers)
        pods = sorted((end.family, end.low) for end in pods_ends(members(EVERY_POD)) if blocks)
        for end in super().ends(policy, rule, direction, members):
            if end.pod is not None or not blocks:
                yield end
                continue
            low = end.low
            for family, address in pods:
                if family == end.family and low <= address <= end.high:
                    if low < address:
                        yield End(family, low, address - 1)
                    low = address + 1
            if low <= end.high:
                yield End(end.family, low, end.high)

    def selections(self, policy: NetworkPolicy) -> frozenset[Selection]:
        return super().selections(policy) | {EVERY_POD}
