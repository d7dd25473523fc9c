"""For a person, as text: a scenario with who must and must not connect; and whether A can reach B,
and why, at a step of a scenario or with plain manifests and no scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from textwrap import indent
from typing import NamedTuple

from netpol_conformance.expectation.matrix import (
    Expected,
    common_answer,
    connections,
    expected_matrix,
)
from netpol_conformance.model.cluster_scoped import named_by_label
from netpol_conformance.model.decode import decode
from netpol_conformance.model.objects import ClusterState, Namespace, Protocol
from netpol_conformance.model.service import endpoints
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, End, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.explain import in_words
from netpol_conformance.scenario.names import destination as read_destination
from netpol_conformance.scenario.names import source as read_source
from netpol_conformance.scenario.paths import find_service, path
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import CellKey, Destination, Scenario, Step, Via

_SERVICE = "service/"


class QuestionError(ValueError):
    """The question names something that is not there; says what is."""


class Explanation(NamedTuple):
    """Why one end can or cannot reach the other. ``answer`` is UNSPECIFIED, too, where it depends:
    on which of a Service's pods gets the connection, say.
    """

    text: str
    answer: Answer


def explain_step(scenario: Scenario, step: int, source: str, destination: str) -> Explanation:
    """Why ``source`` can or cannot reach ``destination`` after step ``step`` (from 1; 0 before).

    Names are written as in the scenario. Raises QuestionError, and LookupError for ends that
    are not there.
    """
    if not 0 <= step <= len(scenario.steps):
        raise QuestionError(f"{scenario.path} has steps 1 to {len(scenario.steps)}, not {step}")
    state = state_in_force(scenario, step - 1)
    try:
        where = read_destination(destination, scenario.families[0])
    except ValueError as error:
        raise QuestionError(str(error)) from error
    found = path(state, scenario, CellKey(read_source(source), where))
    title = scenario.steps[step - 1].title if step else "Before the first step"
    heads = [f"{scenario.path}, step {step}: {title}"]
    lookup = _explained(state, connections(found.lookup, found.family))
    asked = _explained(state, connections(found.flows, found.family))
    if not found.lookup:
        return Explanation("\n\n".join([*heads, asked.text]), asked.answer)
    heads.append("The name is looked up first (S43).")
    answer = asked.answer if lookup.answer is Answer.ALLOWED else lookup.answer
    return Explanation("\n\n".join([*heads, lookup.text, asked.text]), answer)


def explain_manifests(
    manifests: str,
    source: str,
    destination: str,
    *,
    version: KubernetesVersion,
    namespace: str = "default",
) -> Explanation:
    """The same for plain manifests. An end is ``POD``, ``NAMESPACE/POD`` or an IP address.

    ``destination`` ends in ``:PORT`` or ``:PORT/UDP``, and may be ``service/NAME``, which asks of
    every pod behind it. Namespaces that the manifests only mention are there, without labels but
    the API's own. Raises ManifestError, QuestionError, and LookupError for a Service or port of
    it that is not there.
    """
    state = _state(manifests, version, namespace)
    host, port, protocol = _split(destination)
    start = _end(state, source, namespace)
    if host.startswith(_SERVICE):
        ends = _behind(state, host.removeprefix(_SERVICE), port, protocol, namespace)
    else:
        ends = [(_end(state, host, namespace), port)]
    return _explained(state, [_of_a_family(Connection(start, *end, protocol)) for end in ends])


def _behind(
    state: ClusterState, name: str, port: int, protocol: Protocol, namespace: str
) -> list[tuple[End, int]]:
    """The pods behind a Service, each with the port it is asked at."""
    space, _, own = name.rpartition("/")
    asked = Destination(Via.SERVICE, space or namespace, own, port, protocol)
    service, its_port = find_service(state, asked)
    found = endpoints(state, service, its_port)
    if not found:
        raise QuestionError(f"no pod of the manifests is behind {service.key}")
    return [(pod, port if service.headless else number) for pod, number in found]


def _explained(state: ClusterState, asked: Sequence[Connection]) -> Explanation:
    oracle = Oracle(state)
    decisions = [oracle.decide(connection) for connection in asked]
    lines = map(in_words, asked, decisions)
    return Explanation("\n\n".join(dict.fromkeys(lines)), common_answer(decisions))


def _of_a_family(asked: Connection) -> Connection:
    ends = [end for end in (asked.source, asked.destination) if isinstance(end, OutsideAddress)]
    return replace(asked, family=ends[0].ip.version if ends else 4)


def _state(manifests: str, version: KubernetesVersion, namespace: str) -> ClusterState:
    state = ClusterState(version=version).with_objects(
        *decode(manifests, version=version, default_namespace=namespace)
    )
    known = {space.name for space in state.namespaces}
    mentioned = {item.key.namespace for item in state.objects()} - {"", *known}
    spaces = [named_by_label(Namespace(name), version) for name in sorted(mentioned)]
    return _with_addresses(state.with_objects(*spaces))


def _with_addresses(state: ClusterState) -> ClusterState:
    """Every pod without an address gets one: ipBlocks of documentation do not match 192.0.2.x."""
    pods = [
        pod if pod.ips else replace(pod, ips=(ip_address("192.0.2.0") + number,))
        for number, pod in enumerate(state.pods, start=1)
    ]
    return state.with_objects(*pods)


def _end(state: ClusterState, name: str, namespace: str) -> End:
    try:
        return OutsideAddress(ip_address(name))
    except ValueError:
        pass
    space, _, own = name.rpartition("/")
    for pod in state.pods:
        if (pod.namespace, pod.name) == (space or namespace, own):
            return pod
    has = ", ".join(sorted(f"{pod.namespace}/{pod.name}" for pod in state.pods)) or "none"
    raise QuestionError(f'"{name}" is no pod of the manifests and no IP address; pods are: {has}')


def _split(destination: str) -> tuple[str, int, Protocol]:
    host, _, port = destination.rpartition(":")
    number, _, protocol = port.partition("/")
    if not host or not number.isdigit() or not 0 < int(number) < 65536:
        raise QuestionError(f'"{destination}" names no port; write it like web:80 or dns:53/UDP')
    try:
        return host.strip("[]"), int(number), Protocol((protocol or "TCP").upper())
    except ValueError:
        raise QuestionError(f'"{protocol}" is no protocol; use TCP, UDP or SCTP') from None


def show_scenario(scenario: Scenario) -> str:
    """Many lines for a terminal; raises DoubleEntryError where author and oracle disagree."""
    documented = scenario.documented
    head = [
        scenario.path,
        scenario.title,
        f"{documented.where}, {documented.section} {documented.link}".rstrip(),
        f"rules {' '.join(scenario.rules)}; covers {' '.join(scenario.covers)}",
    ]
    parts = ["\n".join(head), scenario.about]
    for index, step in enumerate(scenario.steps):
        parts.append(f"{index + 1}. {step.title}")
        parts.append("\n".join(_happenings(step)))
        parts.append(indent(step.apply.rstrip(), "   "))
        if step.refused:
            parts.append(f"   The API refuses it: {step.refused}")
        matrix = expected_matrix(state_in_force(scenario, index), scenario, step)
        parts.append("\n".join([*_lines(matrix), *_continuous(step)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _happenings(step: Step) -> Iterator[str]:
    """What happens before anything is applied."""
    if step.enforcer is not None:
        yield f"   The enforcer is {step.enforcer}."
    yield from (f"   finish {key}" for key in step.finish)
    yield from (f"   {new} gets the address of {old}" for new, old in step.reuse)
    yield from (f"   delete {key}" for key in step.delete)


def _continuous(step: Step) -> Iterator[str]:
    """What lasts from before the changes until after them."""
    yield from (f"   {cell}: {word.value} at every moment" for cell, word in step.meanwhile)
    yield from (f"   {cell}: a connection is held open" for cell in step.held)


def _lines(matrix: Mapping[CellKey, Expected]) -> Iterator[str]:
    for cell, entry in matrix.items():
        if entry.stated:
            yield f"   {cell}: {entry.expectation.value}"
            yield f"      {entry.explanation}"
