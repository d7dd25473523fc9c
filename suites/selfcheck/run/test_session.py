"""What a run comes to: never green without evidence."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from netpol_conformance.clusters.base import ClusterError, Load, NotReadyError, UnsupportedError
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Probe, SelfCheck, Verdict
from netpol_conformance.run.events import (
    NetworkMeasured,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    SelfTested,
    StepFinished,
)
from netpol_conformance.run.network import Network
from netpol_conformance.run.preparing import Prepared
from netpol_conformance.run.session import CURRENT_SCENARIO, Session, Setting, Stop, end_of_run
from netpol_conformance.run.timeouts import Timeouts

from .fakes import PROBE, FakeCluster, _observed
from .test_scenario_run import NAMED, SCENARIO

WATCHED = replace(SCENARIO.steps[0], meanwhile=SCENARIO.steps[0].expected)


@dataclass
class FakeDriver:
    """Gives every worker a fake cluster made with ``options``."""

    options: dict = field(default_factory=dict)
    name = "fake"
    implementation = "oracle"
    concurrency = 2
    controlled = True

    def load(self) -> Load:
        return Load()

    def cluster(self) -> FakeCluster:
        return FakeCluster(SCENARIO, **self.options)


def session(events: list, **options) -> Session:
    setting = Setting(FakeDriver(options), jobs=2, timeouts=Timeouts(enforce=0.05))
    return Session(setting, events.append)


def ended(run: Session, scenarios) -> RunFinished:
    run.begin(scenarios)
    run.wait()
    return run.finish()


def ends(events: list) -> list[ScenarioFinished]:
    return [event for event in events if isinstance(event, ScenarioFinished)]


def copies(number: int):
    return [replace(SCENARIO, path=f"handbook/{index}.yaml") for index in range(number)]


def test_all_scenarios_run_once():
    events = []
    end = ended(session(events), copies(5))
    assert sorted(item.path for item in ends(events)) == [item.path for item in copies(5)]
    assert (end.outcome, end.exit_code, end.partial) == (Outcome.PASS, 0, False)
    assert isinstance(events[0], RunStarted)
    assert sum(isinstance(event, SelfTested) for event in events) == 1


def test_what_works_for_a_scenario_can_tell_which_it_is(monkeypatch):
    seen = set()
    ask = FakeCluster.probe

    def probe(self, probes):
        seen.add(CURRENT_SCENARIO.get())
        return ask(self, probes)

    monkeypatch.setattr(FakeCluster, "probe", probe)
    ended(session([]), copies(3))
    assert seen - {""} == {item.path for item in copies(3)}


def test_a_probe_that_fails_its_own_test_makes_no_green_run():
    events = []
    end = ended(session(events, tested=Verdict.TIMED_OUT), copies(1))
    assert [item.outcome for item in ends(events)] == [Outcome.PASS]
    assert end.exit_code == 3


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ([Verdict.TIMED_OUT, Verdict.CONNECTED], 0),
        ([Verdict.TIMED_OUT, Verdict.TIMED_OUT, Verdict.CONNECTED], 0),
        ([Verdict.TIMED_OUT] * 3 + [Verdict.CONNECTED], 3),
        ([Verdict.ERROR, Verdict.CONNECTED], 3),
    ],
)
def test_only_an_answer_that_is_late_is_waited_for_again(seen, code, monkeypatch):
    def self_test(_self):
        return (SelfCheck(Verdict.CONNECTED, _observed(PROBE, seen.pop(0), None)),)

    monkeypatch.setattr(FakeCluster, "self_test", self_test)
    assert ended(session([]), copies(1)).exit_code == code


def test_what_was_never_started_makes_the_run_partial():
    stop = Stop()
    run = Session(Setting(FakeDriver(), jobs=2), lambda _event: None, stop)
    run.begin(copies(30))
    stop("It was interrupted.")
    stop("And once more.")
    run.wait()
    end = run.finish()
    assert end.partial
    assert end.reason == "It was interrupted."
    assert end.exit_code in (1, 3)


class Haunted(FakeCluster):
    """A cluster on which something of another scenario outlived its policies."""

    def __init__(self) -> None:
        super().__init__(SCENARIO, reused=True, fault=self._haunting)
        self._haunted = False

    def start(self, spec: object):
        self._haunted = False
        return super().start(spec)

    def apply_initial(self, manifests: str) -> bool:
        self._haunted = True
        return super().apply_initial(manifests)

    def _haunting(self, probe: Probe, verdict: Verdict) -> Verdict:
        return Verdict.TIMED_OUT if self._haunted else verdict


def test_what_another_scenario_left_makes_no_scenario_fail(monkeypatch):
    monkeypatch.setattr(FakeDriver, "cluster", lambda _self: Haunted())
    events = []
    assert ended(session(events), copies(2)).exit_code == 0
    for finished in ends(events):
        assert finished.outcome is Outcome.PASS
        assert "In those that another scenario had left" in finished.reason
    told = Counter(type(event) for event in events)
    assert told[ScenarioStarted] == told[ScenarioFinished] == 2
    assert told[StepFinished] == 2 * len(SCENARIO.steps)


class Broken(FakeCluster):
    """A cluster with a bug of ours in it, or one that cannot do what is asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__(SCENARIO)
        self._error = error

    def apply(self, manifests: str):
        raise self._error


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [
        (KeyError("bug"), Outcome.INCONCLUSIVE, "The suite itself failed"),
        (ClusterError("the API is away"), Outcome.INCONCLUSIVE, "the API is away"),
        (UnsupportedError("no SCTP"), Outcome.UNSUPPORTED, "no SCTP"),
    ],
)
def test_no_error_makes_a_green_run(error, outcome, told, monkeypatch):
    monkeypatch.setattr(FakeDriver, "cluster", lambda _: Broken(error))
    events = []
    assert ended(session(events), copies(1)).exit_code == 3
    (finished,) = ends(events)
    assert finished.outcome is outcome
    assert told in finished.reason


def test_a_run_in_which_nothing_could_be_asked_is_not_conformant():
    end = end_of_run([Outcome.UNSUPPORTED] * 3, Outcome.PASS, 0.0, partial=False)
    assert end.exit_code == 3
    assert "Nothing was tested" in end.reason
    both = end_of_run([Outcome.UNSUPPORTED, Outcome.PASS], Outcome.PASS, 0.0, partial=False)
    assert both.exit_code == 0


def test_scenarios_that_need_a_processor_come_last_and_few_at_a_time(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    busy = [replace(item, path=f"busy/{item.path}", steps=(WATCHED,)) for item in copies(6)]
    running, most, begun, events = Counter(), Counter(), [], []
    lock = threading.Lock()

    class Waiting:
        probes_continuously = reused = not_ready = False

        def __init__(self, scenario, _cluster, _timeouts, emit, **_options):
            self.path, self.emit = scenario.path, emit

        def run(self):
            kind = self.path.split("/")[0]
            with lock:
                begun.append(kind)
                running[kind] += 1
                most[kind] = max(most[kind], running[kind])
                assert not (running["busy"] and running["handbook"])
            time.sleep(0.05)
            with lock:
                running[kind] -= 1
            self.emit(
                ScenarioFinished(path=self.path, outcome=Outcome.PASS, duration=0.0, rerun="")
            )

    monkeypatch.setattr("netpol_conformance.run.session.ScenarioRun", Waiting)
    run = Session(Setting(FakeDriver(), jobs=6), events.append)
    ended(run, [*busy, *copies(6)])
    assert [item.outcome for item in ends(events)] == [Outcome.PASS] * 12
    assert most["busy"] == 2
    assert most["handbook"] > 2
    assert begun == ["handbook"] * 6 + ["busy"] * 6


def test_what_waits_for_its_turn_never_begins_once_the_run_is_ended():
    run = session([])
    run.begin([replace(SCENARIO, path="busy/a.yaml", steps=(WATCHED,)), *copies(30)])
    assert run.finish().partial


def without_udp(probe: Probe, verdict: Verdict) -> Verdict:
    """A pod network that carries no UDP."""
    own = probe.identities == {f"{probe.source.namespace}/{probe.source.name}"}
    return Verdict.TIMED_OUT if probe.protocol is Protocol.UDP and not own else verdict


@pytest.mark.parametrize(("features", "code"), [(("sctp",), 0), ((), 3)], ids=["extended", "core"])
def test_what_the_network_lacks_is_listed_and_only_core_cannot_do_without(features, code):
    events = []
    udp = replace(NAMED, features=features)
    end = ended(session(events, fault=without_udp), [SCENARIO, udp])
    assert end.exit_code == code
    outcomes = {item.path: (item.outcome, item.not_carried) for item in ends(events)}
    assert outcomes[SCENARIO.path] == (Outcome.PASS, False)
    assert outcomes[udp.path] == (Outcome.INCONCLUSIVE, code == 0)
    (measured,) = [event for event in events if isinstance(event, NetworkMeasured)]
    lacking = {path.kind for path in measured.paths if not path.carried}
    assert lacking
    assert all("UDP" in kind for kind in lacking)


def test_a_run_of_nothing_but_what_the_network_lacks_is_not_green():
    events = []
    end = ended(session(events, fault=without_udp), [replace(NAMED, features=("sctp",))])
    assert end.exit_code == 3


def test_a_network_that_cannot_be_measured_spoils_nothing_that_passes(monkeypatch):
    def broken(*_: object) -> None:
        raise ClusterError("no pods for that")

    monkeypatch.setattr("netpol_conformance.run.preparing.measure", broken)
    events = []
    end = ended(session(events), copies(1))
    assert end.exit_code == 0
    (measured,) = [event for event in events if isinstance(event, NetworkMeasured)]
    assert measured.reason == "no pods for that"


# -- not ready in time -----------------------------------------------------------------------------


class Crowded(FakeCluster):
    """One of several clusters that are ready only if no other of them is in use."""

    in_use = 0
    ever = True

    def start(self, spec: object):
        with LOCK:
            Crowded.in_use += 1
        return super().start(spec)

    def wait_ready(self, timeout: float) -> None:
        if Crowded.in_use > 1 or not self.ever:
            raise NotReadyError("not ready, no progress for 30 s")

    def release(self, *, clean: bool = False) -> None:
        with LOCK:
            Crowded.in_use -= 1
        super().release(clean=clean)


LOCK = threading.Lock()


@pytest.fixture
def crowded(monkeypatch):
    """The class of clusters in use; the probes' test has passed before they are counted."""
    made = type("Of this test", (Crowded,), {})
    monkeypatch.setattr(Crowded, "in_use", 0)
    monkeypatch.setattr(FakeDriver, "cluster", lambda _self: made(SCENARIO))
    prepared = Prepared(Outcome.PASS, Network())
    monkeypatch.setattr(Session, "_prepare", lambda _self, _scenarios: prepared)
    return made


@pytest.mark.parametrize("controlled", [True, False])
def test_what_was_not_ready_is_tried_again_alone_at_the_end(crowded, controlled, monkeypatch):
    monkeypatch.setattr(FakeDriver, "controlled", controlled)
    all_there = threading.Barrier(2)
    first = set()
    wait_ready = Crowded.wait_ready

    def wait(self, timeout):
        path = CURRENT_SCENARIO.get()
        with LOCK:
            again, _ = path in first, first.add(path)
        if not again:
            all_there.wait(20)
        wait_ready(self, timeout)
        if not again:
            raise NotReadyError("the other one was ready too late")

    monkeypatch.setattr(crowded, "wait_ready", wait)
    events = []
    end = ended(session(events), copies(2))
    assert (end.outcome, end.exit_code, end.partial) == (Outcome.PASS, 0, False)
    assert [item.outcome for item in ends(events)] == [Outcome.PASS] * 2
    for finished in ends(events):
        assert "at the end of the run" in finished.reason
        assert "At first it came to INCONCLUSIVE" in finished.reason
    told = Counter(type(event) for event in events)
    assert told[ScenarioStarted] == told[ScenarioFinished] == 2
    assert told[StepFinished] == 2 * len(SCENARIO.steps)


def test_what_is_not_ready_twice_is_inconclusive_and_told_once(crowded):
    crowded.ever = False
    events = []
    end = ended(session(events), copies(3))
    assert (end.outcome, end.exit_code, end.partial) == (Outcome.INCONCLUSIVE, 3, False)
    assert [item.outcome for item in ends(events)] == [Outcome.INCONCLUSIVE] * 3
    assert sum(isinstance(event, ScenarioStarted) for event in events) == 3


def test_a_cluster_that_is_never_ready_is_not_asked_for_ever(crowded):
    crowded.ever = False
    begun, events = [], []
    crowded.apply = lambda self, manifests: begun.append(CURRENT_SCENARIO.get())
    ended(session(events), copies(20))
    assert [item.outcome for item in ends(events)] == [Outcome.INCONCLUSIVE] * 20
    assert len(begun) == 20 + 5


def test_of_a_run_that_is_ended_first_attempts_are_told_where_there_was_no_last(crowded):
    """One scenario is at it until its cluster is closed, so that no last attempt can begin."""
    crowded.ever = False
    lasting, stop, events = threading.Event(), Stop(), []
    first, *others = copies(3)

    def apply_initial(self, manifests):
        if CURRENT_SCENARIO.get() == first.path:
            lasting.wait(20)
        return False

    crowded.apply_initial = apply_initial
    crowded.close = lambda self: lasting.set()
    run = Session(Setting(FakeDriver(), jobs=2), events.append, stop)
    run.begin([first, *others])
    for future in run._all_first[1:]:
        future.exception(20)
    stop("It was interrupted.")
    run.wait()
    assert run.finish().partial
    assert sorted(item.path for item in ends(events)) == [item.path for item in others]
    assert all("not ready" in item.reason for item in ends(events))


def test_that_fewer_run_at_once_is_said(monkeypatch):
    slow = Load(answers=(5.0,) * 100)
    monkeypatch.setattr(FakeDriver, "load", lambda _self: slow)
    said = []
    setting = Setting(FakeDriver(), jobs=4, timeouts=Timeouts(enforce=0.05))
    assert ended(Session(setting, lambda _: None, None, said.append), copies(8)).exit_code == 0
    (line,) = said
    assert line.startswith("the cluster is slow (its API takes 5.0 s to answer): 2 scenarios at")
