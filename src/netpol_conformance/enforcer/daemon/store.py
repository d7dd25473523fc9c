"""The local store of what the API has reported, and the changes that deltas make to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netpol_conformance.enforcer.daemon.reading import (
    JUDGES,
    PODS,
    Reading,
    Resource,
)
from netpol_conformance.model.objects import KubernetesObject, ObjectKey, WatchEvent


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a resource at one moment."""

    resource: Resource
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added or modified, or is gone."""

    resource: Resource
    reading: Reading
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """The changes of a resource arrive from now on, or (``error``) do not any more."""

    resource: Resource
    error: str = ""


Delta = Listed | Changed | Connected


class Store:
    """The objects known, by resource, and the problems of those that could not be read.

    While the policies or namespaces are out of date, pods' changes wait: a pod must not become
    known, and so reachable, before the policies that were there before it. That a pod is gone never
    waits.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._objects: dict[Resource, dict[ObjectKey, KubernetesObject]]
        self._objects = {resource: {} for resource in resources}
        self._listed: set[Resource] = set()
        self._lost: dict[Resource, str] = {}
        self._waiting: dict[ObjectKey, KubernetesObject] = {}
        self.problems: dict[ObjectKey, str] = {}

    @property
    def complete(self) -> bool:
        """Whether every resource has been listed."""
        return self._listed == self._objects.keys()

    @property
    def lost(self) -> dict[Resource, str]:
        """The resources whose changes do not arrive, and why."""
        return dict(self._lost)

    def objects(self, resource: Resource | None = None) -> Iterator[KubernetesObject]:
        """All objects known, or those of one resource."""
        for one, known in self._objects.items():
            if resource in (None, one):
                yield from known.values()

    def count(self, resource: Resource) -> int:
        """How many objects of ``resource`` are known."""
        return len(self._objects.get(resource, ()))

    def update(self, deltas: Iterable[Delta]) -> list[WatchEvent]:
        """Apply deltas; returns the changes that follow, in order."""
        events: list[WatchEvent] = []
        for item in deltas:
            match item:
                case Listed():
                    events += self._compare(item.resource, item.readings)
                case Changed():
                    events += self._change(item.resource, item.reading, gone=item.gone)
                case Connected(resource, ""):
                    self._lost.pop(resource, None)
                case Connected(resource, error):
                    self._lost[resource] = error
        return events + self._released()

    def _compare(self, resource: Resource, readings: tuple[Reading, ...]) -> Iterator[WatchEvent]:
        self._lost.pop(resource, None)
        self._listed.add(resource)
        known = self._objects[resource]
        if resource is PODS:
            self._waiting.clear()  # the list says it all anew
        for key in known.keys() - {reading.key for reading in readings}:
            yield from self._change(resource, Reading(key, None), gone=True)
        for reading in readings:
            if reading.object is None or reading.object != known.get(reading.key):
                yield from self._change(resource, reading)

    def _change(
        self, resource: Resource, reading: Reading, *, gone: bool = False
    ) -> Iterator[WatchEvent]:
        key, known = reading.key, self._objects[resource]
        self.problems.pop(key, None)
        if reading.problem and not gone:
            self.problems[key] = reading.problem
            if resource.kind == "Node":
                return  # its last state stays: without it the pod networks would be open
        old = known.get(key)
        if gone or reading.object is None:
            self._waiting.pop(key, None)
            if old is not None:
                yield WatchEvent("DELETED", known.pop(key))
        elif resource is PODS and self._lost.keys() & JUDGES:
            self._waiting[key] = reading.object
        else:
            self._waiting.pop(key, None)  # an earlier change of it is out of date
            known[key] = reading.object
            yield WatchEvent("MODIFIED" if old else "ADDED", reading.object)

    def _released(self) -> list[WatchEvent]:
        if not self._waiting or self._lost.keys() & JUDGES:
            return []
        known = self._objects[PODS]
        events = [
            WatchEvent("MODIFIED" if key in known else "ADDED", item)
            for key, item in self._waiting.items()
        ]
        known |= self._waiting
        self._waiting.clear()
        return events
