"""The Protocol behind which every cluster stands, and the values that cross it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    KubernetesObject,
    ObjectKey,
    Pod,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Series


class ClusterError(Exception):
    """The cluster or the machine failed, not the plugin: the run is INCONCLUSIVE (exit 3).

    The message says what is wrong and what to do.
    """


class NotReadyError(ClusterError):
    """The cluster was not ready in time; it may be when it has less to do."""


class UnsupportedError(Exception):
    """This cluster cannot be asked what the scenario asks (outcome UNSUPPORTED); says why."""


class RefusedError(Exception):
    """The API server refused a manifest; ``str()`` is its own message, as kubectl shows it."""


OUTSIDE_NAMES = "default"
"""The namespace whose names lead to hosts outside."""


@dataclass(frozen=True, slots=True)
class OutsideHost:
    """A machine outside the cluster, with addresses of a scenario's choosing and servers on
    ``ports`` (TCP and UDP). ``named`` if the cluster's DNS must know it by its name, as it knows
    the Services of namespace OUTSIDE_NAMES.
    """

    name: str
    ips: tuple[IPAddress, ...]
    ports: tuple[int, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """What a scenario wants of its cluster before any of its objects exist.

    ``alone`` if it disturbs what scenarios share, so that no other may run meanwhile; ``cut_off``
    if the enforcer is to be without the API for a while. ``asking`` are the pods that ask all
    through a change, for which they need the processor at any moment.
    """

    nodes: int = 2
    families: tuple[int, ...] = (4,)
    version: KubernetesVersion = LATEST
    outside: tuple[OutsideHost, ...] = ()
    alone: bool = False
    cut_off: bool = False
    asking: frozenset[ObjectKey] = frozenset()


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """What a report says about the cluster: all strings as a person would write them."""

    driver: str
    implementation: str
    kubernetes_version: str
    nodes: int
    families: tuple[str, ...]
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """How fast a cluster was for some time.

    ``answers`` and ``ready`` are seconds: of each answer of its API, and of all pods that were
    waited for together; ``refused`` is how many requests it would not take at first (429, 503).
    """

    answers: tuple[float, ...] = ()
    ready: tuple[float, ...] = ()
    refused: int = 0


class Cluster(Protocol):
    """One cluster, used by one scenario at a time. Methods block; none is thread-safe.

    Every method raises ClusterError when the cluster or machine fails.
    """

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Start with an empty cluster of this shape, with DNS, ready for use."""

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Test the probes themselves in the started cluster, policies aside.

        For each tool one connection known to work and one known to be dropped.
        """

    def apply_initial(self, manifests: str) -> bool:
        """``apply`` a scenario's initial objects to the cluster that was just started. Where
        creating namespaces and pods is slow, those of an earlier scenario may be reused. Returns
        whether they were.
        """

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """``kubectl apply -f -``: multi-document YAML or JSON, as literal manifests.

        Returns the objects as stored (defaulted). Raises RefusedError as the API server would;
        objects before the refused one stay applied.
        """

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """``kubectl delete``, waiting until the objects are gone."""

    def wait_ready(self, timeout: float) -> None:
        """Until every pod runs and serves and every Service's path is programmed.

        Readiness is a real exchange with each server from inside its own pod, never a timer.
        """

    def state(self) -> ClusterState:
        """All objects with the addresses they have now (system objects such as DNS too)."""

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once, every source in parallel; one observation a probe, in order.

        A probe that could not be carried out comes back with Verdict.ERROR.
        """

    def lifecycle(self) -> Lifecycle:
        """What can happen to the started cluster's enforcer and pods; raises UnsupportedError."""

    def release(self, *, clean: bool = False) -> None:
        """The scenario is over: release what others wait for. Safe to call twice. ``clean`` if it
        passed: its objects may then be reused.
        """

    def close(self) -> None:
        """Remove all that this object made. Safe to call twice."""


class Lifecycle(Protocol):
    """What may happen to a cluster's enforcer and pods, and how it is watched meanwhile.

    Every method raises UnsupportedError where this cluster cannot be asked for it, saying why,
    and ClusterError as a Cluster's methods do.
    """

    def stop_enforcer(self) -> None:
        """Kill the enforcer on every node: rules stay in force, changes are not seen any more."""

    def start_enforcer(self) -> None:
        """Start the enforcer on every node again, from what the API says now."""

    def cut_off_enforcer(self) -> None:
        """Cut off the enforcer on every node from the API: it runs and sees no change."""

    def reconnect_enforcer(self) -> None:
        """Reconnect the enforcer to the API; it catches up on what it missed."""

    def finish(self, pods: Sequence[ObjectKey]) -> None:
        """Have these pods run to their end (phase Succeeded): their addresses are free again."""

    def reuse(self, pods: Mapping[ObjectKey, Pod]) -> None:
        """Give new pods, by their keys, the node and addresses of old ones when they come."""

    def begin_series(self, probes: Sequence[Probe], witnesses: Sequence[Probe]) -> None:
        """Ask each probe all the time from now on, those of a new pod from its first moment.

        Witnesses are asked ten times less often. Returns when those that can have begun.
        """

    def end_series(self) -> tuple[Series, ...]:
        """Ask no more; a series for each probe, in order, then one for each witness."""

    def hold(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Open a connection for each probe, exchange something over it, and keep it."""

    def ask_held(self, timeout: float) -> tuple[Observation, ...]:
        """Exchange something over each of the connections that are held, and close them."""


class Driver(Protocol):
    """Where a run's clusters come from: opened once a run, by one process."""

    name: str
    """What ``--cluster`` takes."""
    implementation: str
    """What enforces policies, as a report calls it."""
    concurrency: int
    """How many scenarios at once are worth it here, unless the user says otherwise."""
    makes_outside_hosts: bool
    """Whether clusters have the hosts outside that a scenario wants, at the addresses it wants."""
    controlled: bool
    """Whether a cluster is all the suite's own: pods and nodes get the addresses foreseen, nodes
    are asked from, pods finish, and enforcers restart.
    """
    synchronous: bool
    """Whether a change is in force when the call that makes it returns."""

    def open(self, on_progress: Callable[[str], None]) -> None:
        """Make what all scenarios share, telling of progress; raises ClusterError."""

    def cluster(self) -> Cluster:
        """A Cluster for one worker, to be used by one scenario at a time."""

    def load(self) -> Load:
        """What was measured since this was last asked; nothing where scenarios share nothing."""

    def close(self) -> None:
        """Remove all that ``open`` made. Safe to call twice, and after a failed ``open``."""
