"""A Scenario -> the text of its file. Pure.

Here: what of it stands in which field. Not here: the file's form (``layout``), and what to state,
which is the author's, whoever that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.model.encode import manifest, present
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
    SourceKind,
)
from netpol_conformance.scenario.layout import Fields, documents, lay_out
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

_KIND_WORDS = {kind: word for word, kind in KINDS.items()}
Item = TypeVar("Item")


def write(scenario: Scenario) -> str:
    """The file's text; loading it gives the same workloads, steps and stated cells again.

    Replicas are written one by one, a case as a file of its own. Raises ValueError for a Service
    that the short form cannot say: it must have one port, and select by all labels of a pod beside
    it.
    """
    documented = scenario.documented
    cluster = present(
        nodes=scenario.nodes if scenario.nodes != 2 else None,
        families=[f"IPv{one}" for one in scenario.families] if scenario.families != (4,) else None,
        kubernetes=str(scenario.version) if scenario.version_pinned else None,
    )
    head = present(
        title=scenario.title,
        rules=list(scenario.rules),
        documented={"in": documented.where, "section": documented.section}
        | present(link=documented.link),
        covers=list(scenario.covers),
        neighbourOf=scenario.neighbour_of,
        axes=scenario.axes,
        about=scenario.about,
        features=list(scenario.features),
        cluster=cluster,
    )
    return lay_out({**head, **_workloads(scenario), "steps": [*map(_step, scenario.steps)]})


def manifests(objects: Iterable[KubernetesObject]) -> str:
    """What ``kubectl apply -f -`` would take: one document an object.

    Left out is what the server reports, and ``policyTypes`` where it sets the same (S60).
    """
    return documents(_terse(item) for item in objects)


def _terse(item: KubernetesObject) -> Fields:
    written = {key: part for key, part in manifest(item).items() if key != "status"}
    if isinstance(item, NetworkPolicy):
        both = (Direction.INGRESS, Direction.EGRESS)
        if item.policy_types == (both if item.egress else both[:1]):
            spec = written["spec"]
            assert isinstance(spec, dict)
            spec.pop("policyTypes", None)
    return written


def _workloads(scenario: Scenario) -> Fields:
    return present(
        namespaces={
            space.name: present(labels=_own_labels(space), annotations=dict(space.annotations))
            for space in _of(Namespace, scenario)
        },
        pods=_pods(scenario),
        outside={host.name: _outside(host) for host in scenario.outside},
    )


def _own_labels(space: Namespace) -> dict[str, str]:
    return {key: value for key, value in space.labels.items() if key != NAME_LABEL}


def _pods(scenario: Scenario) -> dict[str, Fields]:
    waiting = list(_of(Service, scenario))
    parts: dict[str, Fields] = {}
    for turn, pod in enumerate(_of(Pod, scenario)):
        service = next((item for item in waiting if _fronts(item, pod)), None)
        if service is not None:
            waiting.remove(service)
        parts[_pod_name(pod.key)] = present(
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
    return present(
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
    return present(address=address, addresses=addresses, ports=list(host.ports))


def _step(step: Step) -> Fields:
    return present(
        title=step.title,
        enforcer=step.enforcer,
        finish=[_pod_name(key) for key in step.finish],
        delete=[_deletion(key) for key in step.delete],
        reuse={_pod_name(new): _pod_name(old) for new, old in step.reuse},
        apply=step.apply,
        refused=step.refused,
        unchanged=step.same_because,
        expect=_rows(step.expected),
        meanwhile=_rows(step.meanwhile),
        held=_held(step.held),
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


def _pod_name(key: ObjectKey) -> str:
    """``web`` in default, ``other/web`` elsewhere."""
    return str(SourceRef(SourceKind.POD, key.namespace, key.name))


def _of(kind: type[Item], scenario: Scenario) -> Iterator[Item]:
    return (item for item in scenario.objects if isinstance(item, kind))
