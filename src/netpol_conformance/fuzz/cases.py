"""The values of this package: a Case, and the Scenario that it is. Pure.

A case is drawn as objects and changes; it is asked, explained and written as a scenario, so that
what disagrees is what a reader of the file will see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from netpol_conformance.model.objects import (
    IPAddress,
    KubernetesObject,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    SourceKind,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.scenario.catalogue import FUZZ
from netpol_conformance.scenario.types import (
    Destination,
    Documented,
    OutsideSpec,
    Scenario,
    SourceRef,
    Step,
    Via,
)
from netpol_conformance.scenario.writing import manifests

NODES = 2
OPENING = "Before any change"


class Change(NamedTuple):
    """One step: which pods finish, what is deleted, and then applied. ``restarted`` is whether the
    enforcer is down meanwhile.
    """

    delete: tuple[ObjectKey, ...] = ()
    apply: tuple[KubernetesObject, ...] = ()
    finish: tuple[ObjectKey, ...] = ()
    restarted: bool = False


class Host(NamedTuple):
    """A host outside, with an address of each family."""

    name: str
    ips: tuple[IPAddress, IPAddress]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What clusters are drawn like.

    ``outside`` says whether there are hosts outside; ``controlled`` is as ``Driver.controlled``
    of ``clusters.base``: then policies can name the addresses of pods and nodes too.
    """

    families: tuple[int, ...] = (4,)
    version: KubernetesVersion = LATEST
    outside: bool = True
    controlled: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """A cluster's objects, and the changes that are made to them one after the other.

    Before the first change no policy is there. Pods have their nodes, and no addresses yet.
    """

    objects: tuple[KubernetesObject, ...]
    hosts: tuple[Host, ...]
    changes: tuple[Change, ...]
    shape: Shape

    @property
    def ever(self) -> tuple[KubernetesObject, ...]:
        """Every object in each form that it ever has, in the order in which they come."""
        return (*self.objects, *(item for change in self.changes for item in change.apply))

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Every pod there ever is, by its last ports."""
        pods = [item for item in self.ever if isinstance(item, Pod)]
        return tuple({pod.key: pod for pod in pods}.values())

    def with_each(self, made: Callable[[KubernetesObject], KubernetesObject | None]) -> Case:
        """With what ``made`` makes of every object in each of its forms; None leaves it out."""

        def remade(items: tuple[KubernetesObject, ...]) -> tuple[KubernetesObject, ...]:
            return tuple(new for item in items if (new := made(item)) is not None)

        changes = tuple(change._replace(apply=remade(change.apply)) for change in self.changes)
        return replace(self, objects=remade(self.objects), changes=changes)


def scenario_of(case: Case, path: str = "fuzz.yaml") -> Scenario:
    """The case as a scenario whose matrix spans everything, and which states nothing yet.

    Its first step changes nothing: it is the control.
    """
    outside = tuple(_outside(host, case.shape.families) for host in case.hosts)
    return Scenario(
        path=path,
        title=path,
        rules=(),
        documented=Documented(FUZZ, ""),
        covers=(),
        steps=(Step(OPENING), *_steps(case)),
        objects=case.objects,
        sources=tuple(_sources(case)),
        destinations=tuple(dict.fromkeys(_destinations(case))),
        outside=outside,
        nodes=NODES,
        families=case.shape.families,
        version=case.shape.version,
        version_pinned=case.shape.version != LATEST,
    )


def _steps(case: Case) -> Iterator[Step]:
    present = {item.key for item in case.objects}
    for change in case.changes:
        title = ", ".join(_describe(change, present))
        yield Step(
            title[:1].upper() + title[1:],
            manifests(change.apply),
            change.delete,
            finish=change.finish,
            enforcer="restarted" if change.restarted else None,
        )
        present -= {*change.delete, *change.finish}
        present |= {item.key for item in change.apply}


def _describe(change: Change, present: Collection[ObjectKey]) -> Iterator[str]:
    """What a change does to each object, in the indicative."""
    applied = [item.key for item in change.apply]
    for key in change.finish:
        yield f"{_name(key)} finishes"
    for key in change.delete:
        yield f"{_name(key)} is deleted" + (" and made anew" if key in applied else "")
    for key in applied:
        if key not in change.delete:
            changed = "edited" if key.kind == "NetworkPolicy" else "relabelled"
            yield f"{_name(key)} is {changed if key in present else 'created'}"


def _name(key: ObjectKey) -> str:
    """``policy first of blue``, ``pod blue/pod-1``, ``namespace blue``."""
    if key.kind == "NetworkPolicy":
        return f"policy {key.name} of {key.namespace}"
    return f"{key.kind.lower()} {key.namespace + '/' if key.namespace else ''}{key.name}"


def _outside(host: Host, families: tuple[int, ...]) -> OutsideSpec:
    return OutsideSpec(
        host.name, tuple(str(ip) for ip in host.ips if ip.version in families), host.ports
    )


def _sources(case: Case) -> Iterator[SourceRef]:
    for pod in case.pods:
        yield SourceRef(SourceKind.POD, pod.namespace, pod.name)
    for host in case.hosts:
        yield SourceRef(SourceKind.OUTSIDE, "", host.name)
    if case.shape.controlled:
        for number in range(1, NODES + 1):
            yield SourceRef(SourceKind.NODE, "", f"node-{number}")


def _destinations(case: Case) -> Iterator[Destination]:
    for family in case.shape.families:
        for pod in (item for item in case.ever if isinstance(item, Pod)):
            for port in pod.ports:
                yield Destination(
                    Via.POD, pod.namespace, pod.name, port.number, port.protocol, family=family
                )
        for service in (item for item in case.objects if isinstance(item, Service)):
            yield from _ways_to(service, family)
        for host in case.hosts:
            for number in host.ports:
                for protocol in (Protocol.TCP, Protocol.UDP):
                    yield Destination(Via.OUTSIDE, "", host.name, number, protocol, family=family)


def _ways_to(service: Service, family: int) -> Iterator[Destination]:
    # A name leads to an address of the first family.
    ways = (Via.CLUSTER_IP, Via.SERVICE) if family == 4 else (Via.CLUSTER_IP,)
    for port in service.ports:
        for via in ways:
            yield Destination(
                via, service.namespace, service.name, port.port, port.protocol, family=family
            )
