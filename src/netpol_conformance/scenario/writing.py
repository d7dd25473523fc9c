"""A Scenario -> the text of its file, laid out as a person would write it. Pure.

Here: the file's form. Not here: what to state, which is the author's, whoever that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

import yaml

from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
    ContainerPort,
    Direction,
    KubernetesObject,
    Namespace,
    NetworkPolicy,
    ObjectKey,
    Pod,
    Protocol,
    Service,
)
from netpol_conformance.model.yaml import load_all
from netpol_conformance.scenario.names import KINDS
from netpol_conformance.scenario.types import (
    CellKey,
    Expectation,
    OutsideSpec,
    Scenario,
    SourceRef,
    Step,
)
from netpol_conformance.scenario.workloads import SERVER_IMAGE

_SCHEMA = "# yaml-language-server: $schema=../../schemas/scenario.schema.json"
_WIDTH = 100
_WORD = re.compile(r"[\w.+-]+")
_KIND_WORDS = {kind: word for word, kind in KINDS.items()}
Fields = Mapping[str, object]
Item = TypeVar("Item")


def write(scenario: Scenario) -> str:
    """The file's text; loading it gives the same workloads, steps and stated cells again.

    Replicas are written one by one, a case as a file of its own. Raises ValueError for a Service
    that the short form cannot say: it must have one port, and select by all labels of a pod beside
    it.
    """
    return "\n".join([_SCHEMA, *_head(scenario), *_workloads(scenario), *_steps(scenario)]) + "\n"


def manifests(objects: Iterable[KubernetesObject]) -> str:
    """What ``kubectl apply -f -`` would take: one document an object.

    Left out is what the server reports, and ``policyTypes`` where it sets the same (S60).
    """
    documents = (yaml.dump(_terse(item), Dumper=_Dumper, sort_keys=False) for item in objects)
    return "---\n".join(documents)


class _Dumper(yaml.SafeDumper):
    """PyYAML's, and what the suite's own reader takes for no string is in quotes."""


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _WORD.fullmatch(value) and not _is_string(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _string)


@cache
def _is_string(word: str) -> bool:
    (document,) = load_all(word)
    return document.data == word


def _terse(item: KubernetesObject) -> Fields:
    written = {key: part for key, part in manifest(item).items() if key != "status"}
    if isinstance(item, NetworkPolicy):
        both = (Direction.INGRESS, Direction.EGRESS)
        if item.policy_types == (both if item.egress else both[:1]):
            spec = written["spec"]
            assert isinstance(spec, dict)
            spec.pop("policyTypes", None)
    return written


def _head(scenario: Scenario) -> Iterator[str]:
    documented = scenario.documented
    about = {"in": documented.where, "section": documented.section}
    yield f"title: {_flow(scenario.title)}"
    yield f"rules: {_flow(list(scenario.rules))}"
    yield f"documented: {_flow(about | _said(link=documented.link))}"
    if scenario.covers:
        yield f"covers: {_flow(list(scenario.covers))}"
    if scenario.neighbour_of:
        yield f"neighbourOf: {_flow(scenario.neighbour_of)}"
    if scenario.axes:
        yield f"axes: {_flow(dict(scenario.axes))}"
    if scenario.about:
        yield from _literal("about", scenario.about, "")
    if scenario.features:
        yield f"features: {_flow(list(scenario.features))}"
    cluster = _said(
        nodes=scenario.nodes if scenario.nodes != 2 else None,
        families=[f"IPv{one}" for one in scenario.families] if scenario.families != (4,) else None,
        kubernetes=str(scenario.version) if scenario.version_pinned else None,
    )
    if cluster:
        yield f"cluster: {_flow(cluster)}"


def _workloads(scenario: Scenario) -> Iterator[str]:
    spaces = {
        space.name: _said(labels=_own_labels(space), annotations=dict(space.annotations))
        for space in _of(Namespace, scenario)
    }
    yield from _section("namespaces", spaces)
    yield from _section("pods", _pods(scenario))
    yield from _section("outside", {host.name: _outside(host) for host in scenario.outside})


def _own_labels(space: Namespace) -> dict[str, str]:
    return {key: value for key, value in space.labels.items() if key != NAME_LABEL}


def _pods(scenario: Scenario) -> dict[str, Fields]:
    waiting = list(_of(Service, scenario))
    parts: dict[str, Fields] = {}
    for turn, pod in enumerate(_of(Pod, scenario)):
        service = next((item for item in waiting if _fronts(item, pod)), None)
        if service is not None:
            waiting.remove(service)
        parts[_pod_name(pod.key)] = _said(
            labels=dict(pod.labels),
            ports=[_port(port) for port in pod.ports],
            image=pod.image if pod.image != SERVER_IMAGE else "",
            node=pod.node if pod.node != f"node-{turn % scenario.nodes + 1}" else "",
            hostNetwork=pod.host_network,
            service=_service(service, pod) if service else None,
        )
    if waiting:
        raise ValueError(f"{waiting[0].key} selects by the labels of no pod in its namespace")
    return parts


def _fronts(service: Service, pod: Pod) -> bool:
    same = (service.namespace, service.selector) == (pod.namespace, pod.labels)
    return same and len(service.ports) == 1


def _service(service: Service, pod: Pod) -> Fields:
    (port,) = service.ports
    policy = service.external_traffic_policy
    return _said(
        name=service.name if service.name != pod.name else "",
        port=_port(ContainerPort(port.port, port.protocol, port.name)),
        targetPort=port.target_port if port.target_port != port.port else None,
        type=service.type if service.type != "ClusterIP" else "",
        headless=service.headless,
        externalTrafficPolicy=policy if policy != "Cluster" else "",
    )


def _port(port: ContainerPort) -> int | str:
    """``80``, ``53/UDP`` or ``web=8080``."""
    if not port.name and port.protocol is Protocol.TCP:
        return port.number
    name = f"{port.name}=" if port.name else ""
    protocol = "" if port.protocol is Protocol.TCP else f"/{port.protocol.value}"
    return f"{name}{port.number}{protocol}"


def _outside(host: OutsideSpec) -> Fields:
    several = len(host.addresses) > 1
    address = None if several else host.addresses[0]
    addresses = list(host.addresses) if several else None
    return _said(address=address, addresses=addresses, ports=list(host.ports))


def _steps(scenario: Scenario) -> Iterator[str]:
    yield from ("", "steps:")
    for number, step in enumerate(scenario.steps):
        if number:
            yield ""
        yield f"  - title: {_flow(step.title)}"
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    for key, value in _changes(step).items():
        yield f"    {key}: {_flow(value)}"
    if step.apply:
        yield from _literal("apply", step.apply, "    ")
    for key, value in _said(refused=step.refused, unchanged=step.same_because).items():
        yield f"    {key}: {_flow(value)}"
    for key, rows in (("expect", _rows(step.expected)), ("meanwhile", _rows(step.meanwhile))):
        if rows:
            yield f"    {key}:"
            yield from _aligned(rows, "      ")
    if step.held:
        yield f"    held: {_flow(_held(step.held))}"


def _changes(step: Step) -> Fields:
    """What a step does beside applying manifests."""
    return _said(
        enforcer=step.enforcer,
        finish=[_pod_name(key) for key in step.finish],
        delete=[_deletion(key) for key in step.delete],
        reuse={_pod_name(new): _pod_name(old) for new, old in step.reuse},
    )


def _held(cells: Iterable[CellKey]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for cell in cells:
        rows.setdefault(str(cell.destination), []).append(str(cell.source))
    return rows


def _deletion(key: ObjectKey) -> str:
    namespace = key.namespace if key.namespace != "default" else ""
    return "/".join(filter(None, (_KIND_WORDS[key.kind], namespace, key.name)))


def _rows(expected: Sequence[tuple[CellKey, Expectation]]) -> dict[str, Fields]:
    rows: dict[str, dict[str, object]] = {}
    for cell, word in expected:
        rows.setdefault(str(cell.destination), {})[str(cell.source)] = word.value
    return dict(rows)


def _section(name: str, entries: Mapping[str, Fields]) -> Iterator[str]:
    if entries:
        yield from ("", f"{name}:")
        yield from _aligned(entries, "  ")


def _aligned(entries: Mapping[str, Fields], indent: str) -> Iterator[str]:
    """An entry a line, values in a column; one that is too long for a line in block style."""
    keys = {key: f"{_flow(key)}:" for key in entries}
    column = max(map(len, keys.values())) + 2
    for key, value in entries.items():
        line = f"{indent}{keys[key]:<{column}}{_flow(value)}"
        if len(line) <= _WIDTH:
            yield line
            continue
        yield f"{indent}{keys[key]}"
        for inner, part in value.items():
            yield f"{indent}  {_flow(inner)}: {_flow(part)}"


def _literal(key: str, text: str, indent: str) -> Iterator[str]:
    yield f"{indent}{key}: |"
    for line in text.rstrip("\n").split("\n"):
        yield f"{indent}  {line}".rstrip()


def _flow(value: object) -> str:
    """The value on one line."""
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        width=float("inf"),
        allow_unicode=True,
    )
    return text.removesuffix("...\n").rstrip("\n")


def _said(**fields: object) -> dict[str, object]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value}


def _pod_name(key: ObjectKey) -> str:
    """``web`` in default, ``other/web`` elsewhere."""
    return str(SourceRef("pod", key.namespace, key.name))


def _of(kind: type[Item], scenario: Scenario) -> Iterator[Item]:
    return (item for item in scenario.objects if isinstance(item, kind))
