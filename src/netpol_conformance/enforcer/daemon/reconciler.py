"""One node's reconcile loop: deltas from the API, put in force batch by batch."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.daemon.reading import (
    NAMESPACES,
    NODES,
    PODS,
    POLICIES,
    Resource,
)
from netpol_conformance.enforcer.daemon.status import Status
from netpol_conformance.enforcer.daemon.store import Delta, Store
from netpol_conformance.enforcer.daemon.wiring import Network, WiringError
from netpol_conformance.model.objects import KubernetesObject, Node, ObjectKey, WatchEvent

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""After an error, how long until it is tried again though nothing new has come."""

Apply = Callable[[str], object]
"""What puts nft text in force or raises NftError."""


class DeltaQueue:
    """The deltas of all informers, in order, until the reconciler gets them. Thread-safe."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Delta | Exception] = queue.SimpleQueue()

    def put(self, item: Delta) -> None:
        """Add one delta."""
        self._queue.put(item)

    def fail(self, error: Exception) -> None:
        """Make the next ``get`` raise ``error``."""
        self._queue.put(error)

    def get(self, seconds: float | None = None) -> list[Delta]:
        """All that has arrived, after waiting for the first (``seconds`` at most)."""
        taken: list[Delta] = []
        try:
            item = self._queue.get(timeout=seconds)
            while True:
                if isinstance(item, Exception):
                    raise item
                taken.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return taken


class Reconciler:
    """Feeds a node's controller, its network, or both; None is for what another one does.

    ``status`` is always there to be read, from any thread.
    """

    def __init__(self, node: str, controller: Controller | None, network: Network | None) -> None:
        self.status = Status(node)
        self._controller = controller
        self._network = network
        self._store = Store(resources(policy=controller is not None))
        self._started = False
        self._failed = False

    def run(self, deltas: DeltaQueue) -> NoReturn:
        """Reconcile until the process ends. What is in force stays in force."""
        while True:
            self.reconcile(deltas.get(RETRY_SECONDS if self._failed else None))

    def reconcile(self, deltas: Sequence[Delta]) -> None:
        """Put one batch in force. Errors are logged, and retried in a later call."""
        events = self._store.update(deltas)
        self._log_connections()
        if not self._store.complete or not (events or self._failed or not self._started):
            return
        with self._working(len(events)):
            if self._controller is not None:
                self._enforce(self._controller, events)
            if self._network is not None:
                self._wire(self._network, events)
            self._started = True

    def _enforce(self, controller: Controller, events: Sequence[WatchEvent]) -> None:
        if self._started:
            controller.handle([event for event in events if not self._orphans(event)])
        else:
            controller.start(self._store.objects())

    def _orphans(self, event: WatchEvent) -> bool:
        """Whether this node's own object is gone: its pod networks must not be open for that."""
        own = ObjectKey("Node", "", self.status.node)
        return event.type == "DELETED" and event.object.key == own

    def _wire(self, network: Network, events: Sequence[WatchEvent]) -> None:
        touched = any(isinstance(event.object, Node) for event in events)
        if (touched or self._failed or not self._started) and network.update(self._nodes()):
            _tell(logging.INFO, "network made", nodes=self._store.count(NODES))

    def _nodes(self) -> Iterable[Node]:
        return (item for item in self._store.objects(NODES) if isinstance(item, Node))

    @contextmanager
    def _working(self, events: int) -> Iterator[None]:
        begun = time.monotonic()
        self.status = replace(self.status, busy_since=begun)
        try:
            yield
        except (NftError, WiringError) as error:
            self._note_failure(str(error))
        else:
            self._note_success(events, time.monotonic() - begun)
        finally:
            self.status = replace(self.status, busy_since=None)

    def _note_failure(self, reason: str) -> None:
        if not self._failed or self.status.failure != reason:
            _tell(logging.ERROR, "not in force", reason=reason)
        self._failed = True
        self.status = replace(
            self.status,
            failures=self.status.failures + 1,
            failure=reason,
            failed_at=time.time(),
            waiting_for=f"a state that can be put in force: {reason}",
        )

    def _note_success(self, events: int, seconds: float) -> None:
        self._failed = False
        known, old = self._store, self.status
        wired = self._network is None or self._network.made
        problems = dict(known.problems)
        if self._controller is not None:
            problems |= self._controller.problems
        self.status = replace(
            old,
            ready=wired,
            waiting_for="" if wired else "the node's pod networks (spec.podCIDRs)",
            policies=known.count(POLICIES),
            pods=known.count(PODS),
            nodes=known.count(NODES),
            namespaces=known.count(NAMESPACES),
            elements=self._controller.size if self._controller is not None else 0,
            syncs=old.syncs + 1,
            seconds=old.seconds + seconds,
            problems={str(key): reason for key, reason in problems.items()},
        )
        self._log_success(old, events, seconds)

    def _log_success(self, old: Status, events: int, seconds: float) -> None:
        new = self.status
        if new.elements != old.elements or not old.syncs:
            _tell(
                logging.INFO,
                "in force",
                events=events,
                seconds=round(seconds, 6),
                elements=new.elements,
            )
        for key in new.problems.keys() - old.problems.keys():
            _tell(logging.ERROR, "not understood", object=key, reason=new.problems[key])
        if new.ready and not old.ready:
            _tell(logging.INFO, "ready", pods=new.pods, policies=new.policies)

    def _log_connections(self) -> None:
        old = self.status.lost
        new = {resource.plural: reason for resource, reason in self._store.lost.items()}
        for resource in new.keys() - old.keys():
            _tell(logging.ERROR, "lost the API", resource=resource, reason=new[resource])
        for resource in old.keys() - new.keys():
            _tell(logging.INFO, "following the API again", resource=resource)
        if new != old:
            self.status = replace(self.status, lost=new)


def _tell(level: int, event: str, **facts: object) -> None:
    _log.log(level, event, extra={"facts": facts})


def resources(*, policy: bool) -> tuple[Resource, ...]:
    """What there is to follow: a network alone needs no more than the nodes."""
    return (NODES, NAMESPACES, POLICIES, PODS) if policy else (NODES,)


def close_until_synced(
    controller: Controller, find_own: Callable[[], KubernetesObject | None]
) -> bool:
    """Close the pod networks of this node if no rules of ours are in force; whether it did.

    A node that starts anew has no rules, and its pods must not be open until the first sync. One
    whose enforcer was restarted has them, and nothing of them is touched.
    """
    if controller.is_enforcing:
        return False
    own = find_own()
    controller.start([own] if own else [])
    return True


def open_up(apply: Apply) -> None:
    """Remove the rules that an enforcer of ours left, where policy is now left to others."""
    apply("".join(map(ruleset.clear, ruleset.TABLES)))
