"""Networks that lack a kind of path: what is lacking never comes, and all else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest

from netpol_conformance.clusters.base import ClusterSpec, OutsideHost
from netpol_conformance.clusters.embedded import EmbeddedCluster
from netpol_conformance.clusters.embedded.driver import EmbeddedDriver
from netpol_conformance.clusters.embedded.lacks import Lack, Manner, Way
from netpol_conformance.clusters.options import Options
from netpol_conformance.model.objects import (
    ContainerPort,
    KubernetesObject,
    Pod,
    Protocol,
    Service,
    ServicePort,
)
from netpol_conformance.probe.verdict import Probe, Source, Verdict
from netpol_conformance.run.execution import manifest_list
from netpol_conformance.run.preparing import checks_in_time

PORTS = (
    ContainerPort(8080, Protocol.TCP),
    ContainerPort(5353, Protocol.UDP),
    ContainerPort(99, Protocol.SCTP),
)
NUMBERS = {port.protocol: port.number for port in PORTS}
OFFICE = OutsideHost(
    "office", (ip_address("172.17.1.5"), ip_address("2001:db8::5")), (8080, 5353), named=True
)
WHERE = {
    "default/near": "node-1",
    "default/beside": "node-1",
    "default/far": "node-2",
    "default/third": "node-3",
    "default/agent": "node-3",
    "node/node-1": "node-1",
    "node/node-3": "node-3",
    "outside/office": "",
}
NEAR, BESIDE, FAR, THIRD, AGENT, NODE_1, NODE_3, OUTSIDE = WHERE


def pod(full_name: str) -> Pod:
    namespace, name = full_name.split("/")
    return Pod(
        namespace,
        name,
        {"app": name},
        ports=PORTS,
        image="own",
        node=WHERE[full_name],
        host_network=full_name == AGENT,
    )


def service(name: str, app: str, **more: Any) -> Service:
    """In front of the pods of ``app``, at port 1 of each protocol."""
    ports = (
        ServicePort(1, port.number, port.protocol, port.protocol.value.lower()) for port in PORTS
    )
    return Service("default", name, {"app": app}, tuple(ports), **more)


OBJECTS = (
    *map(pod, (NEAR, BESIDE, FAR, THIRD, AGENT)),
    service("to-near", "near"),
    service("to-far", "far"),
    service("everywhere", "far", type="NodePort"),
    service("balanced", "beside", type="LoadBalancer"),
    service("balanced-far", "far", type="LoadBalancer"),
)


class Path(NamedTuple):
    """A source, what it dials, who serves there, and all the ways that this takes."""

    source: str
    destination: str
    server: str
    ways: tuple[Way, ...]


PATHS = (
    Path(NEAR, "pod beside", BESIDE, (Way.SAME_NODE,)),
    Path(NEAR, "pod far", FAR, (Way.OTHER_NODE,)),
    Path(FAR, "pod near", NEAR, (Way.OTHER_NODE,)),
    Path(NEAR, "pod third", THIRD, (Way.OTHER_NODE,)),
    Path(BESIDE, "service to-near", NEAR, (Way.CLUSTER_IP, Way.SAME_NODE)),
    Path(BESIDE, "service to-far", FAR, (Way.CLUSTER_IP, Way.OTHER_NODE)),
    Path(NEAR, "service to-near", NEAR, (Way.CLUSTER_IP, Way.HAIRPIN)),
    Path(AGENT, "service to-near", NEAR, (Way.CLUSTER_IP, Way.NODE_TO_OTHER_POD)),
    Path(NEAR, "name to-far", FAR, (Way.DNS, Way.CLUSTER_IP, Way.OTHER_NODE)),
    Path(THIRD, "name office", OUTSIDE, (Way.DNS, Way.POD_TO_OUTSIDE)),
    Path(NEAR, "node-port node-2", FAR, (Way.NODE_PORT_HERE,)),
    Path(NEAR, "node-port node-3", FAR, (Way.NODE_PORT_ELSEWHERE,)),
    Path(NEAR, "node-port node-1", FAR, (Way.NODE_PORT_ELSEWHERE, Way.OTHER_NODE)),
    Path(FAR, "node-port node-2", FAR, (Way.NODE_PORT_HERE, Way.HAIRPIN)),
    Path(OUTSIDE, "node-port node-2", FAR, (Way.NODE_PORT_HERE,)),
    Path(OUTSIDE, "node-port node-1", FAR, (Way.NODE_PORT_ELSEWHERE,)),
    Path(NEAR, "load-balancer balanced", BESIDE, (Way.LOAD_BALANCER_INSIDE, Way.SAME_NODE)),
    Path(THIRD, "load-balancer balanced", BESIDE, (Way.LOAD_BALANCER_INSIDE, Way.OTHER_NODE)),
    Path(NODE_1, "load-balancer balanced", BESIDE, (Way.LOAD_BALANCER_INSIDE, Way.NODE_TO_OWN_POD)),
    Path(OUTSIDE, "load-balancer balanced", BESIDE, (Way.LOAD_BALANCER_OUTSIDE,)),
    Path(OUTSIDE, "load-balancer balanced-far", FAR, (Way.LOAD_BALANCER_OUTSIDE,)),
    Path(OUTSIDE, "pod far", FAR, (Way.OUTSIDE_TO_POD,)),
    Path(OUTSIDE, "node node-3", AGENT, (Way.OUTSIDE_TO_NODE,)),
    Path(NEAR, "outside office", OUTSIDE, (Way.POD_TO_OUTSIDE,)),
    Path(THIRD, "node node-3", AGENT, (Way.POD_TO_OWN_NODE,)),
    Path(NEAR, "node node-3", AGENT, (Way.POD_TO_OTHER_NODE,)),
    Path(NODE_1, "pod near", NEAR, (Way.NODE_TO_OWN_POD,)),
    Path(NODE_1, "pod far", FAR, (Way.NODE_TO_OTHER_POD,)),
    Path(NODE_3, "pod near", NEAR, (Way.NODE_TO_OTHER_POD,)),
)


class Question(NamedTuple):
    """A path, asked over one protocol and family."""

    path: Path
    protocol: Protocol
    family: int

    @property
    def can_be_asked(self) -> bool:
        """Names are looked up for IPv4 first, and outside nobody serves SCTP."""
        served = self.protocol is not Protocol.SCTP or self.path.server != OUTSIDE
        return served and (not self.path.destination.startswith("name ") or self.family == 4)

    def must_see(self, lack: Lack) -> Verdict:
        """The verdict where the network lacks this."""
        path = self.path
        if (
            lack.way not in (Way.ANY, *path.ways)
            or lack.protocol not in (None, self.protocol)
            or lack.family not in (None, self.family)
            or lack.nodes not in (None, (WHERE[path.source], WHERE[path.server]))
        ):
            return Verdict.CONNECTED
        if lack.way is Way.DNS:
            return Verdict.NAME_NOT_RESOLVED
        refused = lack.manner is not Manner.DROPPED and self.protocol is not Protocol.TCP
        if refused and path.source in {NODE_1, NODE_3, AGENT}:
            return Verdict.ERROR
        return SEEN[lack.manner]


SEEN = {
    Manner.DROPPED: Verdict.TIMED_OUT,
    Manner.RESET: Verdict.REFUSED,
    Manner.HOST_UNREACHABLE: Verdict.REFUSED,
    # A cluster's probe cannot tell it from a machine of ours without a route.
    Manner.NO_ROUTE: Verdict.ERROR,
}
QUESTIONS = [
    question
    for path in PATHS
    for protocol in Protocol
    for family in (4, 6)
    for question in [Question(path, protocol, family)]
    if question.can_be_asked
]
ATTEMPTS = 3
BURST = 20
"""Questions at once where answers are ICMP errors: the kernel sends only so many at once."""
QUICK, PATIENT = 0.4, 10.0
"""Seconds to wait where silence is expected, and where an answer is."""


class World:
    """A cluster with all of OBJECTS, and every question put to it at once."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster
        self.info = cluster.start(ClusterSpec(nodes=3, families=(4, 6), outside=(OFFICE,)))
        self.apply(*OBJECTS)

    def apply(self, *objects: KubernetesObject) -> None:
        self.cluster.apply(manifest_list(objects))
        self.cluster.wait_ready(20)
        state = self.cluster.state()
        self._services = {item.name: item for item in state.services}
        self._ips = {
            **{f"pod {item.name}": item.ips for item in state.pods},
            **{f"node {item.name}": item.ips for item in state.nodes},
            **{f"node-port {item.name}": item.ips for item in state.nodes},
            **{f"service {item.name}": item.cluster_ips for item in state.services},
            **{f"load-balancer {item.name}": item.load_balancer_ips for item in state.services},
            "outside office": OFFICE.ips,
        }

    def wrong(self, *lacking: Lack) -> list[str]:
        """What is seen that must not be where the network lacks these, time and again: a busy
        machine may lose a datagram.
        """
        wanted = {question: _all_of(question, lacking) for question in QUESTIONS}
        refused = any(lack.manner is not Manner.DROPPED for lack in lacking)
        for _ in range(ATTEMPTS):
            seen = self._seen(wanted, at_once=BURST if refused else len(wanted))
            wanted = {one: wanted[one] for one, what in seen.items() if what is not wanted[one]}
            if not wanted:
                break
        return [
            f"{question.path.source} -> {question.path.destination} {question.protocol.value} "
            f"IPv{question.family}: {seen[question].value}, not {verdict.value}"
            for question, verdict in wanted.items()
        ]

    def _seen(self, wanted: dict[Question, Verdict], at_once: int) -> dict[Question, Verdict]:
        probes = [self._probe(*item) for item in wanted.items()]
        batches = [probes[start : start + at_once] for start in range(0, len(probes), at_once)]
        answers = [answer.verdict for batch in batches for answer in self.cluster.probe(batch)]
        return dict(zip(wanted, answers, strict=True))

    def ask(self, path: Path, timeout: float = PATIENT) -> Verdict:
        probe = self._probe(Question(path, Protocol.TCP, 4), timeout=timeout)
        return self.cluster.probe([probe])[0].verdict

    def _probe(
        self, question: Question, wanted: Verdict = Verdict.CONNECTED, timeout: float = PATIENT
    ) -> Probe:
        silent = wanted in (Verdict.TIMED_OUT, Verdict.NAME_NOT_RESOLVED)
        host, port = self._dialled(question)
        return Probe(
            Source.parse(question.path.source),
            host,
            port,
            frozenset({question.path.server}),
            question.protocol,
            timeout=QUICK if silent else timeout,
        )

    def _dialled(self, question: Question) -> tuple[str, int]:
        asked, protocol = question.path.destination, question.protocol
        kind, name = asked.split()
        port = 1 if kind in {"service", "load-balancer"} or name == "to-far" else NUMBERS[protocol]
        if kind == "name":
            return name, port
        if kind == "node-port":
            (port,) = (
                item.node_port or 0
                for item in self._services["everywhere"].ports
                if item.protocol is protocol
            )
        return str(next(ip for ip in self._ips[asked] if ip.version == question.family)), port


def _all_of(question: Question, lacking: tuple[Lack, ...]) -> Verdict:
    verdicts = [question.must_see(lack) for lack in lacking]
    return next((seen for seen in verdicts if seen is not Verdict.CONNECTED), Verdict.CONNECTED)


@contextmanager
def world(*lacking: Lack, implementation: str = "none") -> Iterator[World]:
    with closing(EmbeddedCluster(implementation, lacking=frozenset(lacking))) as cluster:
        yield World(cluster)


LACKS = [
    *(Lack(way) for way in Way),
    *(Lack(protocol=protocol) for protocol in Protocol),
    *(Lack(family=family) for family in (4, 6)),
    Lack(Way.OTHER_NODE, Protocol.SCTP),
    Lack(Way.POD_TO_OUTSIDE, family=6),
    Lack(Way.OTHER_NODE, nodes=("node-1", "node-2")),
    Lack(Way.OTHER_NODE, nodes=("node-2", "node-1")),
    Lack(Way.POD_TO_OTHER_NODE, nodes=("node-1", "node-3")),
    Lack(Way.NODE_TO_OTHER_POD, nodes=("node-3", "node-1")),
    *(Lack(manner=manner) for manner in Manner if manner is not Manner.DROPPED),
]


@pytest.mark.parametrize("lack", LACKS, ids=str)
def test_what_is_lacking_never_comes_and_all_else_does(lack: Lack) -> None:
    with world(lack) as lacking:
        assert lacking.wrong(lack) == []
        assert lacking.info.details["lacking"] == str(lack)


def test_a_network_may_lack_several_things() -> None:
    several = (Lack(Way.HAIRPIN), Lack(Way.OUTSIDE_TO_POD), Lack(protocol=Protocol.SCTP))
    with world(*several) as lacking:
        assert lacking.wrong(*several) == []


def test_a_network_that_lacks_nothing_does_not_say_so() -> None:
    with world() as whole:
        assert whole.wrong() == []
        assert "lacking" not in whole.info.details


POLICY = """\
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: policy}
"""
OPEN = "spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}"
CLOSED = "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}"


@pytest.mark.parametrize("manner", Manner)
def test_it_is_lacking_whatever_the_policies(manner: Manner) -> None:
    beside, far = PATHS[:2]
    lack = Lack(Way.OTHER_NODE, manner=manner)
    with world(lack, implementation="reference") as lacking:
        lacking.cluster.apply(POLICY + OPEN)
        assert lacking.wrong(lack) == []
        lacking.cluster.apply(POLICY + CLOSED)
        assert lacking.ask(beside, QUICK) is Verdict.TIMED_OUT
        assert lacking.ask(far, QUICK) is SEEN[manner]


def test_a_pod_that_comes_later_lacks_the_same() -> None:
    itself = Path("default/late", "service to-late", "default/late", (Way.HAIRPIN,))
    others = Path(NEAR, "service to-late", "default/late", (Way.OTHER_NODE,))
    newcomer = Pod("default", "late", {"app": "late"}, ports=PORTS, image="own", node="node-2")
    with world(Lack(Way.HAIRPIN)) as lacking:
        lacking.apply(newcomer, service("to-late", "late"))
        assert lacking.ask(itself, QUICK) is Verdict.TIMED_OUT
        assert lacking.ask(others) is Verdict.CONNECTED


@pytest.mark.parametrize("lack", [Lack(), Lack(family=4), Lack(Way.DNS)], ids=str)
def test_the_probes_are_tested_on_machines_beside_that_network(lack: Lack) -> None:
    driver = EmbeddedDriver(Options(), frozenset({lack}))
    with closing(driver.cluster()) as cluster:
        cluster.start(ClusterSpec())
        for check in checks_in_time(cluster):
            assert check.observation.verdict is check.expected, check


def test_only_ways_between_nodes_are_lacking_between_two_of_them() -> None:
    with pytest.raises(ValueError, match="not a way between nodes"):
        Lack(Way.HAIRPIN, nodes=("node-1", "node-2"))
