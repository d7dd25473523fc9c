"""One embedded cluster for many scenes, each asked in full and compared with the oracle.

Pods stay where they are; a scene is what can change around them: labels and policies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

import yaml

from netpol_conformance.clusters.base import ClusterSpec, OutsideHost
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    IPAddress,
    KubernetesObject,
    Labels,
    Namespace,
    NetworkPolicy,
    Node,
    ObjectKey,
    Pod,
    Protocol,
)
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.oracle.decision import Answer, Connection, End, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.explain import explain
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

# Silence is a block, for now; what is not as expected is asked again, with patience.
BRIEF, PATIENT = 0.25, 3.0
SEEN_AS = {
    Answer.ALLOWED: (Verdict.CONNECTED,),
    Answer.DENIED: (Verdict.TIMED_OUT, Verdict.REFUSED),
}

UDP, SCTP = Protocol.UDP, Protocol.SCTP
HTTP, DNS = "http", "dns"
PODS = (
    Pod("blue", "pod-0", node="node-1", ports=(ContainerPort(80, name=HTTP),)),
    Pod(
        "blue",
        "pod-1",
        node="node-2",
        ports=(ContainerPort(80), ContainerPort(81, name=HTTP), ContainerPort(53, UDP, DNS)),
    ),
    Pod("blue", "pod-2", node="node-1", ports=(ContainerPort(90), ContainerPort(80, SCTP, HTTP))),
    Pod("green", "pod-0", node="node-2", ports=(ContainerPort(80, name=DNS),)),
    Pod(
        "green",
        "pod-1",
        node="node-1",
        ports=(ContainerPort(53, name=DNS), ContainerPort(53, UDP, DNS), ContainerPort(80, UDP)),
    ),
    Pod("red", "pod-0", node="node-1", ports=(ContainerPort(81, name=HTTP),)),
    Pod("red", "pod-1", node="node-2", ports=(ContainerPort(80), ContainerPort(90, UDP, HTTP))),
)
OUTSIDE = {"near": ("172.17.1.5", "fd00:17::5"), "far": ("203.0.113.10", "fd00:203::10")}
OUTSIDE_PORTS = (53, 80)


@dataclass(frozen=True)
class Scene:
    """Labels of each pod of PODS and of each namespace, annotations of these, and policies."""

    pods: tuple[Labels, ...]
    namespaces: tuple[Namespace, ...]
    policies: tuple[NetworkPolicy, ...]


@dataclass(frozen=True)
class Question:
    """One connection, as the oracle and as the cluster are asked of it."""

    connection: Connection
    probe: Probe


class World:
    """The cluster, one scene after the other. Raises ClusterError."""

    def __init__(self, *families: int, version: KubernetesVersion = LATEST) -> None:
        self._families = families
        self._cluster = EmbeddedCluster()
        hosts = {
            name: tuple(map(ip_address, ips[: len(families)])) for name, ips in OUTSIDE.items()
        }
        self._outside = {name: _of_both(ips) for name, ips in hosts.items()}
        outside = tuple(OutsideHost(name, ips, OUTSIDE_PORTS) for name, ips in hosts.items())
        self._cluster.start(ClusterSpec(2, families, version, outside))
        spaces = [Namespace(name) for name in dict.fromkeys(pod.namespace for pod in PODS)]
        self._apply(*spaces, *PODS)
        self._cluster.wait_ready(30)

    def close(self) -> None:
        self._cluster.close()

    def disagreements(self, scene: Scene) -> list[tuple[Question, Observation]]:
        """What the cluster shows, again when asked a second time, and the oracle denies."""
        state = self._change(scene)
        oracle = Oracle(state)
        answers = {item: oracle.answer(item.connection) for item in self._questions(state)}
        asked = {item: SEEN_AS[answer] for item, answer in answers.items() if answer in SEEN_AS}
        # One of many UDP sockets may get the port of an earlier one, whose connection the kernel
        # still knows and lets pass: another reason to ask again.
        doubtful = [
            item for item, seen in self._look(asked, BRIEF) if seen.verdict not in asked[item]
        ]
        return [
            (item, seen)
            for item, seen in self._look(doubtful, PATIENT)
            if seen.verdict not in asked[item]
        ]

    def told(self, item: Question, seen: Observation) -> str:
        """A disagreement, with all that is needed to make a scenario of it."""
        state = self._cluster.state()
        items = [
            item
            for item in (*state.namespaces, *state.pods, *state.policies)
            if "kube-system" not in (item.key.namespace, item.key.name)
        ]
        manifests = yaml.safe_dump_all(map(_terse, items), sort_keys=False)
        probe = f"{seen.probe.source} -> {seen.probe.host}:{seen.probe.port}"
        return "\n\n".join(
            (
                manifests,
                explain(state, item.connection),
                f"Seen: {probe}/{seen.probe.protocol}: {seen.verdict} {seen.output}",
            )
        )

    def _change(self, scene: Scene) -> ClusterState:
        """Label everything anew, and replace the policies by the scene's."""
        before = self._cluster.state()
        kept = {policy.key for policy in scene.policies}
        self._delete(policy.key for policy in before.policies if policy.key not in kept)
        own = {pod.key: pod for pod in before.pods}
        pods = [
            replace(own[pod.key], labels=labels)
            for pod, labels in zip(PODS, scene.pods, strict=True)
        ]
        self._apply(*scene.namespaces, *pods, *scene.policies)
        return self._cluster.state()

    def _look(
        self, questions: Mapping[Question, object] | list[Question], patience: float
    ) -> Iterator[tuple[Question, Observation]]:
        items = list(questions)
        probes = [replace(item.probe, timeout=patience) for item in items]
        return zip(items, self._cluster.probe(probes), strict=True)

    def _questions(self, state: ClusterState) -> Iterator[Question]:
        """Everyone to every port that pods and hosts outside serve, in each family."""
        pods = [pod for pod in state.pods if pod.namespace != "kube-system"]
        for family in self._families:
            hosts = [OutsideAddress(ips[family], name) for name, ips in self._outside.items()]
            for source in (*pods, *state.nodes, *hosts):
                for pod in pods:
                    for port in pod.ports:
                        asked = Connection(source, pod, port.number, port.protocol, family)
                        yield Question(asked, _probe(asked))
            for pod, host, port in product(pods, hosts, OUTSIDE_PORTS):
                ...
