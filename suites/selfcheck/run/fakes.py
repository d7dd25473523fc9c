"""A cluster without a cluster: the oracle answers every probe, and faults can be put in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from netpol_conformance.api.server import Api
from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterInfo,
    Lifecycle,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.model.objects import ClusterState, ObjectKey, Pod, SourceKind
from netpol_conformance.oracle.decision import Answer, Connection, End, OutsideAddress
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Source, Tool, Verdict
from netpol_conformance.scenario.planning import change, planned
from netpol_conformance.scenario.types import Scenario, Step

Fault = Callable[[Probe, Verdict], Verdict]
PROBE = Probe(Source(SourceKind.POD, "self", "test"), "127.0.0.1", 80, frozenset(["test/self"]))


@dataclass
class FakeCluster:
    """Answers as the specification says, ``fault`` having the last word on each verdict.

    ``enforces`` turned off answers as if there were no policies; ``tested`` is what the test of
    the probes sees.
    """

    scenario: Scenario
    fault: Fault = lambda _, verdict: verdict
    enforces: bool = True
    tested: Verdict = Verdict.CONNECTED
    starts: bool = True
    reused: bool = False

    def __post_init__(self) -> None:
        self.scenario = replace(self.scenario, objects=())
        self.probes: list[Probe] = []
        self.left = self.left_clean = False
        self._api = Api()

    def start(self, spec: object) -> ClusterInfo:
        if not self.starts:
            raise ClusterError("user namespaces are forbidden; allow them")
        self._api = planned(self.scenario, -1)
        return ClusterInfo("fake", "oracle", str(self.scenario.version), 2, ("IPv4",))

    def self_test(self) -> tuple[SelfCheck, ...]:
        return (SelfCheck(Verdict.CONNECTED, _observed(PROBE, self.tested, None)),)

    def apply_initial(self, manifests: str) -> bool:
        self.apply(manifests)
        return self.reused

    def apply(self, manifests: str) -> tuple[()]:
        refusal = change(self._api, Step("", apply=manifests), self.scenario)
        if refusal is not None:
            raise RefusedError(str(refusal))
        return ()

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        for key in keys:
            self._api.delete(key)

    def wait_ready(self, timeout: float) -> None:
        pass

    def state(self) -> ClusterState:
        return self._api.state()

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        self.probes += probes
        state = self.state()
        oracle = Oracle(state if self.enforces else replace(state, policies=()))
        return tuple(self._answer(oracle, probe) for probe in probes)

    def lifecycle(self) -> Lifecycle:
        raise UnsupportedError("needs what only machines of one's own can do")

    def release(self, *, clean: bool = False) -> None:
        self.left = True
        self.left_clean = clean

    def close(self) -> None:
        pass

    def _answer(self, oracle: Oracle, probe: Probe) -> Observation:
        identity = min(probe.identities)
        namespace, _, name = identity.partition("/")
        if namespace == "outside":
            destination, port = OutsideAddress(ip_address(probe.host)), probe.port
        else:
            destination = _pod(oracle.state, namespace, name)
            port = destination.ports[0].number
        answer = oracle.answer(
            Connection(self._end(oracle.state, probe.source), destination, port, probe.protocol)
        )
        verdict = Verdict.CONNECTED if answer is Answer.ALLOWED else Verdict.TIMED_OUT
        verdict = self.fault(probe, verdict)
        return _observed(probe, verdict, identity if verdict is Verdict.CONNECTED else None)

    def _end(self, state: ClusterState, source: Source) -> End:
        if source.kind == SourceKind.OUTSIDE:
            spec = next(host for host in self.scenario.outside if host.name == source.name)
            return OutsideAddress(ip_address(spec.addresses[0]))
        return _pod(state, source.namespace, source.name)


def _pod(state: ClusterState, namespace: str, name: str) -> Pod:
    return next(pod for pod in state.pods if (pod.namespace, pod.name) == (namespace, name))


def _observed(probe: Probe, verdict: Verdict, identity: str | None) -> Observation:
    tool = "wget" if probe.tool is Tool.WGET else "socket"
    return Observation(
        probe, verdict, f"{tool} {probe.host}", verdict.value, 0.0, 0.01, 0, identity
    )
