"""Changes that are not heard of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.model.objects import Labels, Namespace, NetworkPolicy, Pod, WatchEvent
from netpol_conformance.model.version import LATEST, KubernetesVersion

from .registry import mutant


class Deaf(Controller):
    """Does not hear some events."""

    def hears(self, event: WatchEvent) -> bool:
        """Whether the event reaches the controller."""
        raise NotImplementedError

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Handle what is heard."""
        super().handle([event for event in events if self.hears(event)])


@mutant("S51", "handbook/web-deny-all")
class NewPoliciesIgnored(Deaf):
    """A policy created after the start is not enforced."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "ADDED")


@mutant("S51", "errata/h6-default-deny-replaces", bug="aws/aws-network-policy-agent#643")
class PolicyUpdatesIgnored(Deaf):
    """A policy stays what it was when it was created."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "MODIFIED")


@mutant("S51", "semantics/policy-deleted", bug="antrea-io/antrea#4985")
class DeletionIgnored(Deaf):
    """A deleted policy stays in force."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, NetworkPolicy) and event.type == "DELETED")


@mutant("S51", "semantics/pod-relabelled", bug="ovn-org/ovn-kubernetes#1850")
class RelabelledPodsIgnored(Deaf):
    """A pod keeps the labels it first had an address with."""

    def __init__(
        self, node: str, apply: Callable[[str], object], version: KubernetesVersion = LATEST
    ) -> None:
        super().__init__(node, apply, version)
        self._first: dict[object, Labels] = {}

    def hears(self, event: WatchEvent) -> bool:
        pod = event.object
        if not isinstance(pod, Pod) or not pod.ips or event.type == "DELETED":
            return True
        return self._first.setdefault(pod.key, pod.labels) == pod.labels


@mutant("S51", "handbook/annotation-1-6")
class NamespaceUpdatesIgnored(Deaf):
    """A namespace keeps the labels and annotations it was created with."""

    def hears(self, event: WatchEvent) -> bool:
        return not (isinstance(event.object, Namespace) and event.type == "MODIFIED")
