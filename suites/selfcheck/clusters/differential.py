"""One embedded cluster for many scenes, each asked in full and compared with the oracle.

Pods stay where they are; a scene is what changes around them: labels and policies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import product
from typing import NamedTuple

import yaml

from netpol_conformance.clusters.base import ClusterSpec, OutsideHost
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    KubernetesObject,
    Labels,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    Protocol,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, End, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.explain import explain
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

# Silence counts as a block, for now; what is not as expected is asked again, with patience.
BRIEF, PATIENT = 0.25, 3.0
SEEN_AS = {
    Answer.ALLOWED: (Verdict.CONNECTED,),
    Answer.DENIED: (Verdict.TIMED_OUT, Verdict.REFUSED),
    Answer.UNSPECIFIED: tuple(Verdict),
}
UDP, SCTP = Protocol.UDP, Protocol.SCTP
PODS = {
    ("blue", "pod-0", "node-1"): [ContainerPort(80, name="http")],
    ("blue", "pod-1", "node-2"): [
        ContainerPort(80),
        ContainerPort(81, name="http"),
        ContainerPort(53, UDP, "dns"),
    ],
    ("blue", "pod-2", "node-1"): [ContainerPort(90), ContainerPort(80, SCTP, "http")],
    ("green", "pod-0", "node-2"): [ContainerPort(80, name="dns")],
    ("green", "pod-1", "node-1"): [
        ContainerPort(53, name="dns"),
        ContainerPort(53, UDP),
        ContainerPort(80, UDP, "http"),
    ],
    ("red", "pod-0", "node-1"): [ContainerPort(81, name="http")],
    ("red", "pod-1", "node-2"): [ContainerPort(80), ContainerPort(90, UDP, "http")],
}
OUTSIDE = {"near": ("172.17.1.5", "fd00:17::5"), "far": ("203.0.113.10", "fd00:203::10")}
OUTSIDE_PORTS = tuple(product((53, 80), (Protocol.TCP, UDP)))


class Scene(NamedTuple):
    """The labels of each of PODS, the namespaces, and all policies."""

    labels: Sequence[Labels]
    namespaces: Sequence[Namespace]
    policies: Sequence[NetworkPolicy]


@dataclass(frozen=True)
class Disagreement:
    """A connection that the cluster treats otherwise than the oracle says, asked twice."""

    state: ClusterState
    connection: Connection
    seen: Observation

    def __str__(self) -> str:
        """All that it takes to make a scenario of it."""
        probe = self.seen.probe
        way = f"{probe.source} -> {probe.host}:{probe.port}/{probe.protocol}"
        objects = yaml.safe_dump_all(map(terse, own_objects(self.state)), sort_keys=False)
        return (
            f"Seen: {way}: {self.seen.verdict} ({self.seen.output})\n\n"
            f"{explain(self.state, self.connection)}\n\n{objects}"
        )


class World:
    """The cluster, for one scene after the other. Raises ClusterError."""

    def __init__(
        self,
        *families: int,
        version: KubernetesVersion = LATEST,
        implementation: str = "reference",
    ) -> None:
        self._families = families
        outside = tuple(
            OutsideHost(name, tuple(map(ip_address, ips[: len(families)])), (53, 80))
            for name, ips in OUTSIDE.items()
        )
        self._hosts = [OutsideAddress(ip, host.name) for host in outside for ip in host.ips]
        self._cluster = EmbeddedCluster(implementation)
        self._cluster.start(ClusterSpec(2, families, version, outside))
        names = dict.fromkeys(namespace for namespace, _, _ in PODS)
        pods = [
            Pod(namespace, name, ports=tuple(ports), image="own", node=node)
            for (namespace, name, node), ports in PODS.items()
        ]
        self._apply([*map(Namespace, names), *pods])
        self._cluster.wait_ready(30)

    def close(self) -> None:
        """End the cluster."""
        self._cluster.close()

    def disagreements(self, scene: Scene) -> list[Disagreement]:
        """Let the scene take the place of the one before, and ask everyone about everything."""
        self._set(scene)
        state = self._cluster.state()
        oracle = Oracle(state)
        questions = list(self._questions(state))
        # A UDP socket may get the port of an earlier one, whose connection the kernel remembers
        # and lets pass (S8); and the machine may be busy. Neither happens twice.
        for patience in (BRIEF, PATIENT):
            probes = [replace(probe_of(item), timeout=patience) for item in questions]
            answers = zip(questions, self._cluster.probe(probes), strict=True)
            wrong = [
                Disagreement(state, item, seen)
                for item, seen in answers
                if seen.verdict not in SEEN_AS[oracle.answer(item)]
            ]
            questions = [item.connection for item in wrong]
        return wrong

    def _set(self, scene: Scene) -> None:
        before = self._cluster.state()
        kept = {policy.key for policy in scene.policies}
        self._cluster.delete([item.key for item in before.policies if item.key not in kept])
        pods = {(pod.namespace, pod.name): pod for pod in before.pods}
        relabelled = [
            replace(pods[namespace, name], labels=labels)
            for (namespace, name, _), labels in zip(PODS, scene.labels, strict=True)
        ]
        self._apply([*scene.policies, *scene.namespaces, *relabelled])

    def _apply(self, objects: Sequence[KubernetesObject]) -> None:
        items = list(map(terse, objects))
        self._cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def _questions(self, state: ClusterState) -> Iterator[Connection]:
        """Everyone to every port that pods and hosts outside serve, in each family."""
        pods = [pod for pod in state.pods if pod.image == "own"]
        for family in self._families:
            hosts = [host for host in self._hosts if host.ip.version == family]
            for source, pod in product((*pods, *state.nodes, *hosts), pods):
                for port in pod.ports:
                    yield Connection(source, pod, port.number, port.protocol, family)
            for pod, host, (port, protocol) in product(pods, hosts, OUTSIDE_PORTS):
                yield Connection(pod, host, port, protocol, family)


def probe_of(asked: Connection) -> Probe:
    """The probe that asks the cluster what ``asked`` asks the oracle."""
    target = asked.destination
    ips = (target.ip,) if isinstance(target, OutsideAddress) else target.ips
    host = next(str(ip) for ip in ips if ip.version == asked.family)
    identity = frozenset({str(source_of(target))})
    return Probe(source_of(asked.source), host, asked.port, identity, asked.protocol)


def source_of(end: End) -> Source:
    match end:
        case Pod():
            return Source("pod", end.name, end.namespace)
        case Node():
            return Source("node", end.name)
        case OutsideAddress():
            return Source("outside", end.name)


def terse(item: KubernetesObject) -> dict[str, object]:
    """The manifest, with ``policyTypes`` left to the server where it comes to the same (S60)."""
    written = manifest(item)
    if isinstance(item, NetworkPolicy):
        both = (Direction.INGRESS, Direction.EGRESS)
        if item.policy_types == (both if item.egress else both[:1]):
            written["spec"].pop("policyTypes", None)
    return written


def own_objects(state: ClusterState) -> list[KubernetesObject]:
    """The objects of a scene, without the system's."""
    return [
        item
        for item in (*state.namespaces, *state.pods, *state.policies)
        if not {item.key.namespace, item.key.name} & {"default", "kube-system"}
    ]
