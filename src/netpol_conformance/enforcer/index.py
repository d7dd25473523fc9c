"""Which pods each selection selects, kept up to date object by object. Pure.

Every selection that policies make is one ``Group``, shared by all policies that make the same. A
change of an object moves pods in and out of groups, which names the pods whose elements must be
compiled anew (``dirty``) and the policies whose meaning has changed (``stale``): nothing else is
looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeVar

from netpol_conformance.enforcer.selectors import (
    InexpressibleError,
    LabelMatching,
    Selection,
    anchors,
)
from netpol_conformance.model.objects import (
    ContainerPort,
    IPAddress,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    ObjectKey,
    Pod,
)


def pod_addresses(pod: Pod | None) -> tuple[IPAddress, ...]:
    """The addresses that a pod says are its own: none if it has finished or borrows its node's."""
    return () if pod is None or pod.finished or pod.host_network else pod.ips


class AddressOwners:
    """Which pod has which address; of several pods that claim one, the latest.

    An address may go to another pod before the API has forgotten the one that had it (S51): of
    several pods that claim it, the last one has it.
    """

    def __init__(self) -> None:
        self._owners: defaultdict[IPAddress, list[ObjectKey]] = defaultdict(list)

    def owned(self, pod: ObjectKey, ips: Iterable[IPAddress]) -> tuple[IPAddress, ...]:
        """Those of ``ips``, all claimed by ``pod``, that it has."""
        return tuple(ip for ip in ips if self._owners[ip][-1] == pod)

    def move(
        self, pod: ObjectKey, old: Iterable[IPAddress], new: Iterable[IPAddress]
    ) -> set[ObjectKey]:
        """Replace a pod's addresses ``old`` by ``new``; returns the other pods affected."""
        # What stays claimed keeps its place: a pod that only changed its labels takes nothing over.
        old, new = set(old), set(new)
        others: set[ObjectKey] = set()
        for ip in old - new:
            self._owners[ip].remove(pod)
            others.update(self._owners[ip][-1:])
            if not self._owners[ip]:
                del self._owners[ip]
        for ip in new - old:
            others.update(self._owners[ip][-1:])
            self._owners[ip].append(pod)
        return others


LookupKey = tuple[str, ...]
"""A fact about a pod that selections are found by: (), (namespace,), (namespace, key, value),
("", key, value) in any namespace, ("", "", key, value) of its namespace.
"""


Item = TypeVar("Item")
Key = TypeVar("Key")


class Role(Enum):
    """What a policy selects pods for. A selector that can't be read denies: it has every target
    that it might have, and no peer.
    """

    TARGET = "target"
    PEER = "peer"


@dataclass(slots=True, eq=False)
class Group:
    """A selection with its pods and the policies that make it; ``problem`` says why its selector
    can't be read, if so.
    """

    role: Role
    selection: Selection
    members: set[ObjectKey] = field(default_factory=set)
    policies: set[ObjectKey] = field(default_factory=set)
    problem: str = ""


class _Identity(NamedTuple):
    """What a pod is to its peers."""

    addresses: tuple[IPAddress, ...] = ()
    ports: tuple[ContainerPort, ...] = ()


class Index:
    """All objects that policy depends on, and the groups of pods they make."""

    def __init__(self, matching: LabelMatching) -> None:
        self.namespaces: dict[str, Namespace] = {}
        self.nodes: dict[str, Node] = {}
        self.pods: dict[ObjectKey, Pod] = {}
        self.policies: dict[ObjectKey, NetworkPolicy] = {}
        self.dirty: set[ObjectKey] = set()
        self.stale: set[ObjectKey] = set()
        self._matching = matching
        self._groups: dict[tuple[Role, Selection], Group] = {}
        self._groups_by_token: defaultdict[LookupKey, set[Group]] = defaultdict(set)
        self._pods_by_token: defaultdict[LookupKey, set[ObjectKey]] = defaultdict(set)
        self._groups_of_pod: defaultdict[ObjectKey, set[Group]] = defaultdict(set)
        self._groups_of_policy: dict[ObjectKey, tuple[Group, ...]] = {}
        self._tokens_of_pod: dict[ObjectKey, set[LookupKey]] = {}
        self._identities: dict[ObjectKey, _Identity] = {}
        self._owners = AddressOwners()

    # Questions

    def addresses(self, pod: ObjectKey) -> tuple[IPAddress, ...]:
        """The addresses that a pod has now; none once it has finished or another has them."""
        return self._identities.get(pod, _Identity()).addresses

    def peers(self, selection: Selection) -> set[ObjectKey]:
        """The pods of a selection that some policy makes for its peers."""
        return self._groups[Role.PEER, selection].members

    def policies_of(self, pod: ObjectKey) -> list[NetworkPolicy]:
        """The policies that select a pod as target, by name."""
        keys = {
            policy
            for group in self._groups_of_pod.get(pod, ())
            if group.role is Role.TARGET
            for policy in group.policies
        }
        return [self.policies[key] for key in sorted(keys)]

    def problems(self) -> Iterator[tuple[ObjectKey, str]]:
        """The policies with selectors that can't be read, and why."""
        for policy, groups in self._groups_of_policy.items():
            yield from ((policy, group.problem) for group in groups if group.problem)

    # Changes

    def set_namespace(self, name: str, namespace: Namespace | None) -> None:
        """Add or replace the namespace of this name, or forget it (None).

        Pods of a namespace that is not known match no namespaceSelector.
        """
        if not _set(self.namespaces, name, namespace):
            return
        keys = list(self._pods_by_token.get((name,), ()))
        for key in keys:
            self._reindex(key)
        self._review(keys)
        # Up to 1.6 a namespace isolates by itself, so its pods change though no group does (S70).
        self.dirty.update(keys)

    def set_node(self, name: str, node: Node | None) -> None:
        """Add or replace the node of this name, or forget it (None).

        Its hostNetwork pods have its addresses (S7).
        """
        if _set(self.nodes, name, node):
            pods = self.pods.items()
            self._review([key for key, pod in pods if pod.host_network and pod.node == name])

    def set_pod(self, key: ObjectKey, pod: Pod | None) -> None:
        """Add or replace the pod of this key, or forget it (None).

        Of two pods that claim an address the later one has it (S51); once that is forgotten, the
        earlier one has it again.
        """
        old = self.pods.get(key)
        if _set(self.pods, key, pod):
            self._reindex(key)
            # Whoever loses or regains an address by this is another peer than before.
            self._review([key, *self._owners.move(key, pod_addresses(old), pod_addresses(pod))])
            self.dirty.add(key)

    def put_policy(
        self, policy: NetworkPolicy, target: Selection, peers: Iterable[Selection]
    ) -> None:
        """Add or replace a policy that selects ``target``, and ``peers`` in its rules."""
        # Anew rather than compared: its selections may be others, and with them its groups.
        self.remove_policy(policy.key)
        self.policies[policy.key] = policy
        groups = [self._group(Role.TARGET, target)]
        groups += [self._group(Role.PEER, selection) for selection in peers]
        for group in groups:
            group.policies.add(policy.key)
        self._groups_of_policy[policy.key] = tuple(groups)
        self.stale.add(policy.key)
        self.dirty |= groups[0].members

    def remove_policy(self, key: ObjectKey) -> None:
        """Forget a policy, and the selections that only it made."""
        if self.policies.pop(key, None) is None:
            return
        groups = self._groups_of_policy.pop(key)
        self.stale.add(key)
        self.dirty |= groups[0].members
        for group in groups:
            group.policies.discard(key)
            if not group.policies:
                self._disband(group)

    # Groups

    def _group(self, role: Role, selection: Selection) -> Group:
        group = self._groups.get((role, selection))
        if group is not None:
            return group
        group = self._groups[role, selection] = Group(role, selection)
        # By what its selector asks for, not pod by pod: a policy in a cluster of 10,000 pods costs
        # as much as the pods that it may select.
        for lookup_key in self._anchors(selection):
            self._groups_by_token[lookup_key].add(group)
            for key in self._pods_by_token.get(lookup_key, ()):
                if self._matches(group, self.pods[key]):
                    group.members.add(key)
                    self._groups_of_pod[key].add(group)
        return group

    def _disband(self, group: Group) -> None:
        del self._groups[group.role, group.selection]
        for lookup_key in self._anchors(group.selection):
            _discard(self._groups_by_token, lookup_key, group)
        for key in group.members:
            self._groups_of_pod[key].discard(group)

    def _anchors(self, selection: Selection) -> list[LookupKey]:
        anchored = self._matching.anchored
        pairs = anchors(selection.pods) if anchored else ()
        if isinstance(selection.namespaces, LabelSelector):
            if pairs:
                return [("", *pair) for pair in pairs]
            pairs = anchors(selection.namespaces) if anchored else ()
            return [("", "", *pair) for pair in pairs] or [()]
        name = selection.namespaces
        return [(name, *pair) for pair in pairs] or [(name,)]

    def _matches(self, group: Group, pod: Pod) -> bool:
        selection = group.selection
        try:
            if isinstance(selection.namespaces, LabelSelector):
                namespace = self.namespaces.get(pod.namespace)
                # Its labels aren't known, and guessing them could open something.
                if namespace is None:
                    return False
                if not self._matching.matches(selection.namespaces, namespace.labels):
                    return False
            elif selection.namespaces != pod.namespace:
                return False
            return self._matching.matches(selection.pods, pod.labels)
        except InexpressibleError as error:
            group.problem = str(error)
            return group.role is Role.TARGET

    # Reviews

    def _reindex(self, key: ObjectKey) -> None:
        """Write down anew what selections find the pod by."""
        pod = self.pods.get(key)
        lookup_keys = set(self._lookup_keys(pod)) if pod else set()
        known = self._tokens_of_pod.pop(key, set())
        for lookup_key in known - lookup_keys:
            _discard(self._pods_by_token, lookup_key, key)
        for lookup_key in lookup_keys - known:
            self._pods_by_token[lookup_key].add(key)
        if lookup_keys:
            self._tokens_of_pod[key] = lookup_keys

    def _lookup_keys(self, pod: Pod) -> Iterator[LookupKey]:
        yield ()
        yield (pod.namespace,)
        for pair in pod.labels.items():
            yield (pod.namespace, *pair)
            yield ("", *pair)
        if namespace := self.namespaces.get(pod.namespace):
            for pair in namespace.labels.items():
                yield ("", "", *pair)

    def _review(self, keys: Iterable[ObjectKey]) -> None:
        """Move pods in and out of groups, and note whom that concerns."""
        for key in keys:
            groups = self._groups_found(key)
            known = self._groups_of_pod.pop(key, set())
            if groups:
                self._groups_of_pod[key] = groups
            for group in groups - known:
                group.members.add(key)
            for group in known - groups:
                group.members.discard(key)
            identity = self._identity(key)
            same = identity == self._identities.pop(key, _Identity())
            if identity != _Identity():
                self._identities[key] = identity
            if not same:
                self.dirty.add(key)
            # With other addresses or ports it is another peer to every group that it stays in.
            for group in (groups ^ known) if same else (groups | known):
                self._touch(group, key)

    def _groups_found(self, key: ObjectKey) -> set[Group]:
        pod = self.pods.get(key)
        if pod is None:
            return set()
        return {
            group
            for lookup_key in self._tokens_of_pod[key]
            for group in self._groups_by_token.get(lookup_key, ())
            if self._matches(group, pod)
        }

    def _touch(self, group: Group, pod: ObjectKey) -> None:
        if group.role is Role.TARGET:
            self.dirty.add(pod)
            return
        # As a peer it changes what the policies mean, and with them all pods that they select.
        self.stale |= group.policies
        for policy in group.policies:
            self.dirty |= self._groups_of_policy[policy][0].members

    # Addresses

    def _identity(self, key: ObjectKey) -> _Identity:
        pod = self.pods.get(key)
        if pod is None or pod.finished:
            return _Identity()
        if pod.host_network:
            # Its own status may be older than the node's object; without that it must do.
            node = self.nodes.get(pod.node)
            return _Identity(node.ips if node else pod.ips, pod.ports)
        return _Identity(self._owners.owned(key, pod.ips), pod.ports)


def _set(table: dict[Key, Item], key: Key, item: Item | None) -> bool:
    """Keep ``item``, or forget what is kept (None); whether that changes anything."""
    old = table.pop(key, None)
    if item is not None:
        table[key] = item
    return item != old


def _discard(sets: defaultdict[LookupKey, set[Item]], lookup_key: LookupKey, item: Item) -> None:
    sets[lookup_key].discard(item)
    if not sets[lookup_key]:
        del sets[lookup_key]
