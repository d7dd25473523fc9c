"""Cases from a seed. Needs hypothesis.

A seed is one case, whatever was drawn before it, on any machine: it stands for the bytes that
hypothesis makes its choices from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from ipaddress import ip_address
from random import Random
from typing import Any

from hypothesis import HealthCheck, Verbosity, given, settings
from hypothesis import strategies as st

from netpol_conformance.fuzz import vocabulary as words
from netpol_conformance.fuzz.cases import NODES, Case, Change, Host, Shape
from netpol_conformance.model.cluster_scoped import named_by_label
from netpol_conformance.model.objects import (
    ContainerPort,
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
)
from netpol_conformance.model.version import ISOLATION_ANNOTATION
from netpol_conformance.scenario.workloads import SERVER_IMAGE

ENTROPY = 1 << 15
"""Bytes for a case: several times what the largest needs."""
_PODS = tuple((space, f"pod-{number}") for space in words.NAMESPACES for number in (1, 2, 3))
_HOSTS = (
    Host("near", (ip_address("172.17.1.5"), ip_address("fd00:17::5")), (53, 80)),
    Host("far", (ip_address("203.0.113.10"), ip_address("fd00:203::10")), (80,)),
)
_ISOLATING = {ISOLATION_ANNOTATION: '{"ingress": {"isolation": "DefaultDeny"}}'}
_MOST_CHANGES = 5
_RARELY = (False, False, False, False, True)
Present = dict[ObjectKey, KubernetesObject]


def case_of(seed: int, shape: Shape) -> Case:
    """The case that ``seed`` stands for."""
    drawn: list[Case] = []
    for_each(drawn.append, shape, database=None).hypothesis.fuzz_one_input(entropy(seed))
    return drawn[0]


def for_each(look: Callable[[Case], object], shape: Shape, **how: Any) -> Any:  # noqa: ANN401
    """A test of hypothesis that looks at cases; ``how`` are its settings.

    Its ``hypothesis.fuzz_one_input`` makes a case of bytes, and calling it all that its phases do.
    """

    def test(case: Case) -> None:
        look(case)

    quiet = settings(
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        **how,
    )
    return quiet(given(cases(shape))(test))


def entropy(seed: int) -> bytes:
    """The bytes that ``seed`` stands for."""
    return Random(seed).randbytes(ENTROPY)  # noqa: S311 - nothing is kept secret


@st.composite
def cases(draw: st.DrawFn, shape: Shape) -> Case:
    """A cluster without policies, then policies, then changes of everything."""
    objects = draw(_clusters(shape))
    hosts = draw(st.lists(st.sampled_from(_HOSTS), unique=True)) if shape.outside else []
    policies = _policies(shape)
    first = draw(st.lists(policies, min_size=1, max_size=4, unique_by=lambda policy: policy.key))
    changes = [Change(apply=tuple(first))]
    present: Present = {item.key: item for item in (*objects, *first)}
    finished: list[ObjectKey] = []
    for _ in range(draw(st.integers(0, _MOST_CHANGES))):
        change = draw(_changes(shape, present, finished, policies))
        if shape.controlled and draw(st.sampled_from(_RARELY)):
            change = change._replace(restarted=True)
        changes.append(change)
        finished += change.finish
        for key in (*change.delete, *change.finish):
            del present[key]
        present.update({item.key: item for item in change.apply})
    return Case(objects, tuple(hosts), tuple(changes), shape)


@st.composite
def _clusters(draw: st.DrawFn, shape: Shape) -> tuple[KubernetesObject, ...]:
    spaces = [draw(_namespaces(name, shape)) for name in words.NAMESPACES]
    names = draw(st.lists(st.sampled_from(_PODS), min_size=2, max_size=6, unique=True))
    pods = [draw(_pods(*name, shape)) for name in names]
    services = [draw(_services(pod)) for pod in pods if pod.labels and _ports_for_services(pod)]
    return (*spaces, *pods, *(service for service in services if service is not None))


@st.composite
def _namespaces(draw: st.DrawFn, name: str, shape: Shape) -> Namespace:
    isolating = shape.version.annotation_isolates and draw(st.booleans())
    space = Namespace(name, draw(words.labels), _ISOLATING if isolating else {})
    return named_by_label(space, shape.version)


@st.composite
def _pods(draw: st.DrawFn, namespace: str, name: str, shape: Shape) -> Pod:
    ports = draw(words.container_ports(1))
    if not shape.version.accepts_sctp:
        ports = tuple(port for port in ports if port.protocol is not Protocol.SCTP)
    number = draw(st.integers(1, NODES))
    return Pod(
        namespace,
        name,
        draw(words.labels),
        ports=ports,
        image=SERVER_IMAGE,
        node=f"node-{number}",
    )


@st.composite
def _services(draw: st.DrawFn, pod: Pod) -> Service | None:
    """One before the pod, whose own port is another's number; or none."""
    if not draw(st.booleans()):
        return None
    port = draw(st.sampled_from(_ports_for_services(pod)))
    own = draw(st.sampled_from(words.PORT_NUMBERS))
    by_name = port.name and draw(st.booleans())
    front = ServicePort(own, port.name if by_name else port.number, port.protocol)
    return Service(pod.namespace, pod.name, pod.labels, (front,))


def _ports_for_services(pod: Pod) -> list[ContainerPort]:
    """SCTP is asked by raw packets, which have no Service's address in them."""
    return [port for port in pod.ports if port.protocol is not Protocol.SCTP]


def _policies(shape: Shape) -> st.SearchStrategy[NetworkPolicy]:
    if shape.version.annotation_isolates:
        return words.old_policies
    if shape.controlled:
        return words.policies
    return words.policies_with(words.OUTSIDE_BLOCKS)


@st.composite
def _changes(
    draw: st.DrawFn,
    shape: Shape,
    present: Present,
    finished: Collection[ObjectKey],
    policies: st.SearchStrategy[NetworkPolicy],
) -> Change:
    """Something that can be changed, now that ``present`` is there; names of the finished pods
    are taken still.
    """
    pods = [item for item in present.values() if isinstance(item, Pod)]
    stated = [item for item in present.values() if isinstance(item, NetworkPolicy)]
    spaces = [item for item in present.values() if isinstance(item, Namespace)]
    absent = [name for name in _PODS if ObjectKey("Pod", *name) not in {*present, *finished}]
    kinds: list[st.SearchStrategy[Change]] = [
        policies.map(_applied),
        st.sampled_from(spaces).flatmap(lambda space: _namespaces(space.name, shape).map(_applied)),
    ]
    if stated:
        kinds.append(st.sampled_from(stated).map(_deleted))
        kinds.append(st.builds(_edited, st.sampled_from(stated), policies))
        kinds.append(st.builds(_replaced, st.sampled_from(stated), policies))
    kinds.append(st.builds(_relabelled_pod, st.sampled_from(pods), words.labels))
    kinds.append(st.sampled_from(pods).flatmap(lambda pod: _made_anew(pod, shape)))
    if len(pods) > 2:
        kinds.append(st.sampled_from(pods).map(_deleted))
        if shape.controlled:
            kinds.append(st.sampled_from(pods).map(lambda pod: Change(finish=(pod.key,))))
    if absent:
        fresh = st.sampled_from(absent).flatmap(lambda name: _pods(*name, shape))
        kinds.append(fresh.map(_applied))
    return draw(st.one_of(kinds))


def _deleted(item: Pod | NetworkPolicy) -> Change:
    return Change((item.key,))


def _edited(policy: NetworkPolicy, other: NetworkPolicy) -> Change:
    return Change(apply=(replace(other, namespace=policy.namespace, name=policy.name),))


def _replaced(policy: NetworkPolicy, other: NetworkPolicy) -> Change:
    return _edited(policy, other)._replace(delete=(policy.key,))


def _relabelled_pod(pod: Pod, labels: dict[str, str]) -> Change:
    return Change(apply=(replace(pod, labels=labels),))


def _made_anew(pod: Pod, shape: Shape) -> st.SearchStrategy[Change]:
    others = _pods(pod.namespace, pod.name, shape)
    return others.map(lambda other: Change((pod.key,), (other,)))


def _applied(item: KubernetesObject) -> Change:
    return Change(apply=(item,))
