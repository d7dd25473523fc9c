"""Pods that come, go, wait, move and take each other's names and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from netpol_conformance.enforcer.compilation import Change
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.objects import (
    IPAddress,
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    Pod,
    WatchEvent,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion

from .registry import later, mutant

_LATE = 0.15
"""Seconds by which an enforcer that is slow with new pods comes late."""


class Mishearing(Controller):
    """Takes some events for others. ``first`` is each object as it first was."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self.first: dict[ObjectKey, KubernetesObject] = {}

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Start, hearing of every object as if it came now."""
        events = [WatchEvent("ADDED", item) for item in objects]
        super().start([event.object for event in self._heard(events)])

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Handle what is heard."""
        super().handle(self._heard(events))

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        """What is heard of an event, if anything."""
        raise NotImplementedError

    def _heard(self, events: Sequence[WatchEvent]) -> list[WatchEvent]:
        heard = []
        for event in events:
            taken = self.heard(event)
            self.first.setdefault(event.object.key, event.object)
            if taken is not None:
                heard.append(taken)
        return heard


@mutant("S50", "lifecycle/new-pod", bug="kubernetes-sigs/kube-network-policies#171")
class FirstPacketsOpen(Controller):
    """A new pod is let go, and its policies come into force a little later."""

    def handle(self, events: Sequence[WatchEvent]) -> None:
        new = [event for event in events if event.type == "ADDED" and isinstance(event.object, Pod)]
        late = [event for event in new if event.object.ips]  # type: ignore[union-attr]
        super().handle([_without_labels(event) if event in late else event for event in events])
        if late:
            later(_LATE, partial(super().handle, late))


def _without_labels(event: WatchEvent) -> WatchEvent:
    assert isinstance(event.object, Pod)
    return replace(event, object=replace(event.object, labels={}))


@mutant("S50", "lifecycle/policy-first")
class IdlePoliciesDropped(Mishearing):
    """A policy that selects no pod when it comes is forgotten."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        policy = event.object
        if not isinstance(policy, NetworkPolicy) or event.type != "ADDED":
            return event
        wanted = set(policy.pod_selector.match_labels)
        pods = [item for item in self.first.values() if isinstance(item, Pod)]
        return event if any(wanted <= set(pod.labels.items()) for pod in pods) else None


@mutant("S50", "lifecycle/pods-first")
class OlderPodsSpared(Controller):
    """A policy holds only for pods that come after it."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._waiting: list[WatchEvent] = []

    def handle(self, events: Sequence[WatchEvent]) -> None:
        new = [event for event in events if isinstance(event.object, NetworkPolicy)]
        others = [event for event in events if event not in new]
        self._waiting += new
        if any(event.type == "ADDED" and isinstance(event.object, Pod) for event in others):
            others, self._waiting = [*self._waiting, *others], []
        super().handle(others)


class _FirstOwner(Mishearing):
    """Keeps an address with its first owner as long as that owner is there."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._owners: dict[IPAddress, ObjectKey] = {}

    def goes(self, event: WatchEvent) -> bool:
        """Whether the event is heard as the end of the pod."""
        raise NotImplementedError

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        pod = event.object
        if not isinstance(pod, Pod) or pod.host_network:
            return event
        if pod.finished or event.type == "DELETED":
            if not self.goes(event):
                return None
            for ip in [ip for ip, owner in self._owners.items() if owner == pod.key]:
                del self._owners[ip]
            return event
        owners = {self._owners.setdefault(ip, pod.key) for ip in pod.ips}
        return event if owners <= {pod.key} else None


@mutant("S51", "lifecycle/address-used-again", bug="antrea-io/antrea#6507")
class FinishedPodsKeepTheirAddress(_FirstOwner):
    """An address belongs to the pod that has finished until its object is deleted."""

    def goes(self, event: WatchEvent) -> bool:
        return event.type == "DELETED"


@mutant("S51", "lifecycle/address-used-again", bug="weaveworks/weave#2632")
class DeletedPodsKeepTheirAddress(_FirstOwner):
    """An address belongs to the first pod that had it, though that is deleted."""

    def goes(self, event: WatchEvent) -> bool:
        return event.type != "DELETED"


@mutant("S51", "lifecycle/address-used-again")
class IsolationStaysWithTheAddress(Controller):
    """An address that was isolated stays so when its pod is deleted, whoever gets it next."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._gone: set[str] = set()

    def handle(self, events: Sequence[WatchEvent]) -> None:
        deleted = [event.object for event in events if event.type == "DELETED"]
        self._gone = {str(ip) for item in deleted if isinstance(item, Pod) for ip in item.ips}
        super().handle(events)

    def _alter(self, table: str, change: Change) -> None:
        removed = {
            name: elements - self._gone if "isolated" in name else elements
            for name, elements in change.removed.items()
        }
        super()._alter(table, replace(change, removed=removed))


@mutant("S51", "lifecycle/selector-edited", bug="aws/aws-network-policy-agent#643")
class EditedSelectorsIgnored(Mishearing):
    """A policy goes on selecting the pods that it selected first."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        first = self.first.get(event.object.key)
        if isinstance(event.object, NetworkPolicy) and isinstance(first, NetworkPolicy):
            return replace(event, object=replace(event.object, pod_selector=first.pod_selector))
        return event


@mutant("S51", "lifecycle/created-again", bug="antrea-io/antrea#4985")
class RecreatedPoliciesAreTheOld(Mishearing):
    """A policy created again under its name is what it was before."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        again = event.type == "ADDED" and isinstance(event.object, NetworkPolicy)
        return (
            replace(event, object=self.first.get(event.object.key, event.object))
            if again
            else event
        )


@mutant("S51", "lifecycle/created-again")
class RecreatedPodsKeepTheirLabels(Mishearing):
    """A pod created again under its name has the labels that it had before."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        first = self.first.get(event.object.key)
        if event.type != "ADDED" or not isinstance(event.object, Pod) or not isinstance(first, Pod):
            return event
        return replace(event, object=replace(event.object, labels=first.labels))


@mutant("S51", "lifecycle/created-again")
class RecreatedNamespacesKeepTheirLabels(Mishearing):
    """A namespace created again under its name has the labels that it had before."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        again = event.type == "ADDED" and isinstance(event.object, Namespace)
        return (
            replace(event, object=self.first.get(event.object.key, event.object))
            if again
            else event
        )


@mutant("S51", "lifecycle/pending-pod", bug="cloudnativelabs/kube-router#378")
class PendingPodsHoldUpAll(Controller):
    """While a pod waits for its address no change is made."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._pending: set[ObjectKey] = set()
        self._held_up: list[WatchEvent] = []

    def handle(self, events: Sequence[WatchEvent]) -> None:
        for event in events:
            if isinstance(event.object, Pod):
                waits = event.type != "DELETED" and event.object.phase == "Pending"
                (self._pending.add if waits else self._pending.discard)(event.object.key)
        self._held_up += events
        if not self._pending:
            events, self._held_up = self._held_up, []
            super().handle(events)


@mutant("S51", "lifecycle/pod-moved")
class MovedPodsStayOnTheirNode(Mishearing):
    """A pod belongs to the node that a pod of its name first ran on."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        first = self.first.get(event.object.key)
        if not isinstance(event.object, Pod) or not isinstance(first, Pod):
            return event
        return replace(event, object=replace(event.object, node=first.node))


@mutant("S51", "lifecycle/pod-moved")
class MovedPodsKeepTheirAddress(Mishearing):
    """A pod has the address that a pod of its name first had."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        first = self.first.get(event.object.key)
        if not isinstance(event.object, Pod) or not isinstance(first, Pod):
            return event
        return replace(event, object=replace(event.object, ips=first.ips))


@mutant("S51", "lifecycle/namespace-relabelled")
class RelabelledNamespacesIgnored(Mishearing):
    """A namespace keeps the labels that it had first."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        return None if event.type == "MODIFIED" and isinstance(event.object, Namespace) else event


@mutant("S51", "lifecycle/pod-relabelled", bug="ovn-org/ovn-kubernetes#1850")
class RelabelledTargetsIgnored(Mishearing):
    """A pod keeps the labels that it had first, while it has them."""

    def heard(self, event: WatchEvent) -> WatchEvent | None:
        first = self.first.get(event.object.key)
        if isinstance(event.object, Pod) and isinstance(first, Pod) and first.ips:
            return replace(event, object=replace(event.object, labels=first.labels))
        return event
