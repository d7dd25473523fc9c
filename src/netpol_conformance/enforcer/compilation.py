"""A node's share of a cluster, compiled object by object. Pure.

What an event does not concern is not compiled again; the elements are nevertheless, after any
sequence of events, those of a fresh ``compile_node`` of the final state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from netpol_conformance.enforcer.compile import Compiler, Member
from netpol_conformance.enforcer.index import Index
from netpol_conformance.enforcer.ranges import PeerRange, collapsed, disjoint
from netpol_conformance.enforcer.ruleset import (
    Elements,
    exact_set,
    isolated_set,
    networks_set,
    pods_set,
    ranges_set,
    self_set,
    size,
)
from netpol_conformance.enforcer.selectors import Selection
from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    IPAddress,
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    Node,
    ObjectKey,
    Pod,
)

Texts = dict[int, list[str]]
"""By family: elements as nft writes them, but for the pod's address in front."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to take out of the sets and what to put in, and what each part of the node then has."""

    removed: Elements
    added: Elements
    parts: dict[ObjectKey, Elements]

    @property
    def size(self) -> int:
        """How many elements change."""
        return size(self.removed) + size(self.added)


class Compilation:
    """The elements of one node's sets; ``compiler`` says what the policies mean.

    ``put`` and ``remove`` change its objects, ``change`` returns what follows, ``settle`` that it
    is so. A policy that cannot be compiled allows nothing and still isolates; ``problems`` says
    why.
    """

    def __init__(self, node: str, compiler: Compiler) -> None:
        self._node = ObjectKey("Node", "", node)
        self._compiler = compiler
        self._index = Index(compiler)
        self._index.dirty.add(self._node)
        self._parts: dict[ObjectKey, Elements] = {}
        self._allowances: dict[
            ObjectKey, dict[tuple[Direction, Hashable], frozenset[PeerRange]]
        ] = {}
        self._errors: dict[ObjectKey, str] = {}
        self._written: dict[Hashable, tuple[Texts, Texts]] = {}

    @property
    def problems(self) -> dict[ObjectKey, str]:
        """The policies that are not enforced as written but deny instead, and why."""
        return {**dict(self._index.problems()), **self._errors}

    @property
    def settled_size(self) -> int:
        """How many elements there are, as of the last ``settle``."""
        return sum(map(size, self._parts.values()))

    def put(self, item: KubernetesObject) -> None:
        """Add an object, or replace the one of its key. Services say nothing of policy (S40)."""
        match item:
            case Namespace():
                self._index.set_namespace(item.name, item)
            case Node():
                self._index.set_node(item.name, item)
                self._index.dirty.add(item.key)
            case Pod():
                self._index.set_pod(item.key, item)
            case NetworkPolicy():
                self._put_policy(item)

    def remove(self, key: ObjectKey) -> None:
        """Forget an object; one that is not known is ignored."""
        match key.kind:
            case "Namespace":
                self._index.set_namespace(key.name, None)
            case "Node":
                self._index.set_node(key.name, None)
                self._index.dirty.add(key)
            case "Pod":
                self._index.set_pod(key, None)
            case "NetworkPolicy":
                self._errors.pop(key, None)
                self._index.remove_policy(key)

    def change(self) -> Change:
        """What has come of all objects put and removed since the last ``settle``."""
        for policy in self._index.stale:
            self._allowances.pop(policy, None)
        self._index.stale.clear()
        self._written.clear()
        parts = {key: self._part(key) for key in self._index.dirty}
        old = _gathered(self._parts.get(key, {}) for key in parts)
        new = _gathered(parts.values())
        return Change(_difference(old, new), _difference(new, old), parts)

    def after(self, change: Change) -> Elements:
        """All elements of the node once ``change``, the latest, is in force."""
        return _gathered((self._parts | change.parts).values())

    def settle(self, change: Change) -> None:
        """``change`` is in force."""
        for key, part in change.parts.items():
            if part:
                self._parts[key] = part
            else:
                self._parts.pop(key, None)
        self._index.dirty -= change.parts.keys()

    def _put_policy(self, policy: NetworkPolicy) -> None:
        self._errors.pop(policy.key, None)
        peers: frozenset[Selection] = frozenset()
        try:
            peers = self._compiler.selections(policy)
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with it, it denies
            self._errors[policy.key] = str(error)
        self._index.put_policy(policy, self._compiler.target(policy), peers)

    def _part(self, key: ObjectKey) -> Elements:
        if key == self._node:
            return self._networks()
        pod = self._index.pods.get(key)
        if pod is None or pod.host_network or pod.node != self._node.name:
            return {}
        addresses = self._index.addresses(key)
        return _gathered([*map(_known, addresses), *self._judged(pod, addresses)])

    def _networks(self) -> Elements:
        node = self._index.nodes.get(self._node.name)
        networks = collapsed(node.pod_cidrs if node else ())
        return {
            networks_set(family): frozenset(str(net) for net in networks if net.version == family)
            for family in (4, 6)
        }

    def _judged(self, pod: Pod, addresses: tuple[IPAddress, ...]) -> Iterator[Elements]:
        policies = self._index.policies_of(pod.key)
        namespace = self._index.namespaces.get(pod.namespace)
        for direction in Direction:
            if not self._compiler.isolated(namespace, policies, direction):
                continue
            exact, ranges = self._texts(
                direction,
                tuple((policy, self._allowance(policy, direction, pod)) for policy in policies),
            )
            for address in addresses:
                family = address.version
                yield {
                    isolated_set(direction, family): frozenset([str(address)]),
                    exact_set(direction, family): _prefixed(address, exact),
                    ranges_set(direction, family): _prefixed(address, ranges),
                }

    def _texts(
        self,
        direction: Direction,
        allowances: tuple[tuple[NetworkPolicy, frozenset[PeerRange]], ...],
    ) -> tuple[Texts, Texts]:
        """What is allowed exactly, and in ranges; shared by pods that the same policies select."""
        key = (direction, tuple((policy.key, peer_ranges) for policy, peer_ranges in allowances))
        if key not in self._written:
            peer_ranges = self._compiler.union(allowances)
            exact = frozenset(peer_range for peer_range in peer_ranges if peer_range.exact)
            self._written[key] = _texts(exact), _texts(disjoint(peer_ranges - exact))
        return self._written[key]

    def _allowance(
        self, policy: NetworkPolicy, direction: Direction, pod: Pod
    ) -> frozenset[PeerRange]:
        if policy.key in self._errors:
            return frozenset()
        key = (direction, self._compiler.context(policy, direction, pod))
        known = self._allowances.setdefault(policy.key, {})
        if key not in known:
            try:
                known[key] = self._compiler.allowance(policy, direction, pod, self._members)
            except Exception as error:  # noqa: BLE001 -- whatever is wrong with it, it denies
                self._errors[policy.key] = str(error)
                return frozenset()
        return known[key]

    def _members(self, selection: Selection) -> Iterator[Member]:
        for key in self._index.peers(selection):
            yield Member(self._index.pods[key], self._index.addresses(key))


def compile_node(state: ClusterState, node: str, compiler: Compiler | None = None) -> Elements:
    """The elements of ``node``'s sets for a whole cluster's ``state``, by the reference of its
    version unless another ``compiler`` is given.
    """
    compilation = Compilation(node, compiler or Compiler(state.version))
    for item in state.objects():
        compilation.put(item)
    return compilation.change().added


def _known(address: IPAddress) -> Elements:
    return {
        pods_set(address.version): frozenset([str(address)]),
        self_set(address.version): frozenset([f"{address} . {address}"]),
    }


def _prefixed(address: IPAddress, texts: Texts) -> frozenset[str]:
    return frozenset(map(f"{address} . ".__add__, texts[address.version]))


def _texts(peer_ranges: Iterable[PeerRange]) -> Texts:
    texts: Texts = {4: [], 6: []}
    for family, low, high, port_range in peer_ranges:
        texts[family].append(
            f"{_stretch(family, low, high)}"
            f" . {_range(port_range.protocol_low, port_range.protocol_high)}"
            f" . {_range(port_range.port_low, port_range.port_high)}"
        )
    return texts


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


@lru_cache(maxsize=65536)
def _stretch(family: int, low: int, high: int) -> str:
    """A stretch of addresses as nft writes it: one, a network where it is one, or a range."""
    address = IPv4Address if family == 4 else IPv6Address
    if low == high:
        return str(address(low))
    size = high - low + 1
    if size & (size - 1) == 0 and low % size == 0:
        return f"{address(low)}/{address(0).max_prefixlen - size.bit_length() + 1}"
    return f"{address(low)}-{address(high)}"


def _gathered(parts: Iterable[Elements]) -> dict[str, set[str]]:
    gathered: defaultdict[str, set[str]] = defaultdict(set)
    for part in parts:
        for name, elements in part.items():
            if elements:
                gathered[name] |= elements
    return dict(gathered)


def _difference(left: Elements, right: Elements) -> dict[str, frozenset[str]]:
    difference = {
        name: frozenset(elements - right.get(name, frozenset())) for name, elements in left.items()
    }
    return {name: elements for name, elements in difference.items() if elements}
