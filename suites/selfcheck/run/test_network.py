"""What a network carries, by kind of path, and what follows for a scenario's cells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.verdict import Probe, Verdict
from netpol_conformance.run.events import LateResult, RefusalResult
from netpol_conformance.run.measuring import measure, path_results
from netpol_conformance.run.network import Network, PathKind, path_kinds
from netpol_conformance.run.results import lacks_paths_only
from netpol_conformance.run.scenario import ScenarioRun
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.types import CellKey, Destination, SourceRef, Via

from .fakes import FakeCluster
from .playing import steps
from .test_scenario_run import NAMED, SCENARIO

QUICK = Timeouts(enforce=0.05, network=0.05)
TCP = PathKind("pod", "pod", "", Protocol.TCP, 4, ("node-1", "node-2"))
SAME = replace(TCP, nodes=("node-1", "node-1"))
STATE = planned_state(NAMED, 0)


def pod(name: str) -> SourceRef:
    return SourceRef(SourceKind.POD, "default", name)


def kinds(source: str, destination: Destination) -> set[str]:
    return {str(kind) for kind in path_kinds(STATE, NAMED, CellKey(pod(source), destination))}


def test_a_cells_kinds_say_from_what_to_what_and_through_what():
    service = Destination(Via.SERVICE, "default", "nginx", 80)
    assert kinds("busybox", service) == {"pod to pod through a Service, TCP over IPv4"}
    assert kinds("nginx", service) == {"pod to itself through a Service, TCP over IPv4"}
    udp = Destination(Via.POD, "default", "dns", 53, Protocol.UDP)
    assert kinds("nginx", udp) == {"pod to pod, UDP over IPv4"}
    assert kinds("nginx", replace(udp, name="nobody")) == set()


@pytest.mark.parametrize(
    ("network", "known"),
    [
        (Network(), None),
        (Network(assumed=True), True),
        (Network({TCP: True}), True),
        (Network({TCP: False}), False),
        (Network({SAME: True}), True),
        (Network({SAME: False}), False),
        (Network({SAME: True, replace(TCP, nodes=("node-2", "node-1")): False}), None),
        (Network({replace(TCP, protocol=Protocol.UDP): True}), None),
        (Network({replace(TCP, family=6): False}), None),
    ],
)
def test_what_was_not_measured_is_as_its_like_or_not_known(network, known):
    assert network.carries([TCP]) is known


def test_of_several_servers_all_must_be_reached():
    network = Network({TCP: True, SAME: False})
    assert network.carries([TCP, SAME]) is False
    assert Network({TCP: True}).carries([]) is None


def through_service(probe: Probe, verdict: Verdict) -> Verdict:
    """A network without Services."""
    return Verdict.TIMED_OUT if "10.96." in probe.host or "nginx" in probe.host else verdict


def test_what_carries_nothing_is_measured_and_what_does_is_too():
    measured = measure(FakeCluster(NAMED, fault=through_service), [NAMED], QUICK)
    found = {str(kind): carried for kind, carried in measured.network.carried.items()}
    assert found["pod to pod through a Service, TCP over IPv4"] is False
    assert not measured.network.isolated
    results = list(path_results(measured))
    assert all((item.evidence is None) == item.carried for item in results)


def test_what_carries_only_under_a_policy_is_the_plugins_doing():
    cluster = FakeCluster(SCENARIO)
    cluster.fault = lambda probe, verdict: (
        verdict if cluster.state().policies or probe.host == "127.0.0.1" else Verdict.TIMED_OUT
    )
    witnesses = cluster.fault

    def isolating(probe: Probe, verdict: Verdict) -> Verdict:
        own = str(probe.source).removeprefix("pod/") in {*probe.identities}
        return Verdict.CONNECTED if own else witnesses(probe, verdict)

    cluster.fault = isolating
    measured = measure(cluster, [SCENARIO], QUICK)
    assert measured.network.isolated
    assert all(measured.network.carried.values())


def nothing(probe: Probe, verdict: Verdict) -> Verdict:
    """A network over which nothing comes, whoever is to blame."""
    own = probe.identities == {f"{probe.source.namespace}/{probe.source.name}"}
    return verdict if own else Verdict.TIMED_OUT


@pytest.mark.parametrize(
    ("carries", "outcome"),
    [(True, Outcome.FAIL), (False, Outcome.INCONCLUSIVE), (None, Outcome.INCONCLUSIVE)],
)
def test_silence_is_a_failure_only_where_the_network_carries(carries, outcome):
    events = []
    cluster = FakeCluster(SCENARIO, fault=nothing)
    run = ScenarioRun(
        SCENARIO, cluster, QUICK, events.append, network=lambda: Network(assumed=carries)
    )
    assert run.run() is outcome
    first, second = steps(events)
    assert {cell.outcome for cell in first.cells} == {outcome}
    # Closed without any policy, and by one: of such a denial nothing is shown but S1.
    assert {cell.outcome for cell in second.cells} == {outcome}
    if carries is False:
        assert all(cell.not_carried for cell in first.cells)
        assert "doesn't carry it: measured before any policy" in events[-1].reason
        assert not events[-1].not_carried, "core may not lack it"


def test_what_is_late_beside_what_is_not_carried_is_not_for_the_networks_sake():
    events = []
    ScenarioRun(
        SCENARIO,
        FakeCluster(SCENARIO, fault=nothing),
        QUICK,
        events.append,
        network=lambda: Network(assumed=False),
    ).run()
    lost, *_ = steps(events)
    assert lacks_paths_only([lost])
    doubt = LateResult(within=5, seconds=7, outcome=Outcome.INCONCLUSIVE, reason="few looks")
    assert not lacks_paths_only([lost.model_copy(update={"late": doubt})])
    refusal = RefusalResult(expected="", answer="", outcome=Outcome.FAIL, reason="accepted")
    assert not lacks_paths_only([lost.model_copy(update={"refusal": refusal})])


def test_a_way_that_is_open_though_it_is_not_carried_fails_where_it_must_be_closed():
    events = []
    run = ScenarioRun(
        SCENARIO,
        FakeCluster(SCENARIO, enforces=False),
        QUICK,
        events.append,
        network=lambda: Network(assumed=False),
    )
    assert run.run() is Outcome.FAIL
