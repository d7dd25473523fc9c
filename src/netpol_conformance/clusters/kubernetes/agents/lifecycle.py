"""What can happen to pods on a real cluster, and how it is watched meanwhile: by the pods' agents.

What only the owner of the machines could do is refused, each with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.base import ClusterError, UnsupportedError
from netpol_conformance.clusters.kubernetes.agents.streams import (
    ANSWER_SLACK,
    Agents,
    StreamError,
    by_source,
)
from netpol_conformance.clusters.kubernetes.api.client import PODS, Client
from netpol_conformance.clusters.kubernetes.objects.objects import Objects
from netpol_conformance.clusters.kubernetes.objects.waits import require
from netpol_conformance.model.objects import ObjectKey, Pod, SourceKind
from netpol_conformance.probe import wire
from netpol_conformance.probe.continuous_wire import TaskRequest, read_series, task_line
from netpol_conformance.probe.prober import INTERVAL, WITNESS_INTERVAL
from netpol_conformance.probe.verdict import Observation, Probe, Series, Source

NO_CUT = "needs to cut the enforcer off from the API, and from nothing else"
FINISH_TIMEOUT = 60.0
"""Seconds for the kubelet to end a pod whose time is over."""
_PAUSE = 0.2
_MAX_SOURCES = 64


@dataclass
class KubernetesLifecycle:
    """As ``clusters.base.Lifecycle``, for one scenario's part of a cluster; ``changed`` hears of
    changes that it makes.
    """

    client: Client
    objects: Objects
    agents: Agents
    changed: Callable[[], None]
    _asking: dict[Source, list[int]] = field(default_factory=dict)
    _probes: list[Probe] = field(default_factory=list)
    _tasks: dict[Source, TaskRequest] = field(default_factory=dict)
    _gone: dict[int, Series] = field(default_factory=dict)
    _held: list[Probe] = field(default_factory=list)

    # -- enforcer and pods -----------------------------------------------------------------------

    def stop_enforcer(self) -> None:
        """Not here: whose enforcer it is, and how to stop it, is not known."""
        raise UnsupportedError("needs to stop the enforcer, which is the cluster's own")

    def start_enforcer(self) -> None:
        """Not here either."""
        raise UnsupportedError("needs to start the enforcer, which is the cluster's own")

    def cut_off_enforcer(self) -> None:
        """Not here: agents and kubelets need the API as well."""
        raise UnsupportedError(NO_CUT)

    def reconnect_enforcer(self) -> None:
        """Nothing was cut off."""

    def finish(self, pods: Sequence[ObjectKey]) -> None:
        """End pods by a deadline: their phase is then Failed, and their addresses are free."""
        self.before_removal(pods)
        for key in pods:
            place = self.objects.names.real(key.namespace)
            patch = {"spec": {"activeDeadlineSeconds": 1}}
            self.objects.call(self.client.patch, PODS, patch, key.name, place)
            self.agents.forget(Source(SourceKind.POD, key.name, key.namespace))
        for key in pods:
            self._until_finished(key)
        self.changed()

    def reuse(self, pods: Mapping[ObjectKey, Pod]) -> None:  # noqa: ARG002 - refused, whichever
        """Not here: the cluster gives its addresses as it likes."""
        raise UnsupportedError("needs an address to be given to a certain pod, as no cluster does")

    def _until_finished(self, key: ObjectKey) -> None:
        place = self.objects.names.real(key.namespace)

        def finished() -> bool:
            pod = self.objects.call(self.client.get, PODS, key.name, place) or {}
            return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")

        require(finished, f"{key} to end", FINISH_TIMEOUT, _PAUSE)

    # -- meanwhile -------------------------------------------------------------------------------

    def begin_series(self, probes: Sequence[Probe], witnesses: Sequence[Probe]) -> None:
        """Have the agents ask, and pods that come ask as they start."""
        self._probes = [*probes, *witnesses]
        intervals = [INTERVAL] * len(probes) + [WITNESS_INTERVAL] * len(witnesses)
        _check(self._probes)
        self._asking = by_source(self._probes)
        self._gone = {}
        self._tasks = {
            source: TaskRequest(
                0,
                "begin",
                tuple(self.objects.names.real_probe(self._probes[at]) for at in places),
                tuple(intervals[at] for at in places),
            )
            for source, places in self._asking.items()
        }
        there = self._there()
        for source in self._asking.keys() - there:
            self._expect(source)

        def begin(source: Source, _: list[int]) -> None:
            self._answer_lines(source, self._tasks[source], ANSWER_SLACK)

        self._everywhere(self._of(there), begin)

    def before_removal(self, keys: Sequence[ObjectKey]) -> None:
        """Collect the series of pods that are about to be deleted, alone or with their namespace;
        those of their names that come may go on.
        """
        spaces = {key.name for key in keys if key.kind == "Namespace"}
        names = {(key.namespace, key.name) for key in keys if key.kind == "Pod"}
        sources = {
            source
            for source in self._asking
            if source.namespace in spaces or (source.namespace, source.name) in names
        }
        if sources:
            self._gone |= self._seen(self._of(sources & self._there()))
        for source in sources:
            self._expect(source)

    def end_series(self) -> tuple[Series, ...]:
        """What they saw, its times by this machine's clock."""
        found = self._seen(self._of(self._there()))
        for at, before in self._gone.items():
            found[at] = _joined(before, found[at]) if at in found else before
        self.objects.watching.clear()
        self._asking = {}
        if len(found) < len(self._probes):
            raise ClusterError(f"the agents told of {len(found)} of {len(self._probes)} series")
        return tuple(found[at] for at in range(len(self._probes)))

    def _seen(self, groups: Mapping[Source, list[int]]) -> dict[int, Series]:
        """What these sources saw; they ask no more."""
        found: dict[int, Series] = {}

        def end(source: Source, places: list[int]) -> None:
            asked = [self._probes[at] for at in places]
            lines = self._answer_lines(source, TaskRequest(0, "end"), ANSWER_SLACK)
            if len(lines) != len(places):
                raise ClusterError(f"{source} told of {len(lines)} of {len(places)} series")
            for line in lines:
                at, series = read_series(line, asked, time.time())
                found[places[at]] = self._own(series)

        self._everywhere(groups, end)
        return found

    def _of(self, sources: AbstractSet[Source]) -> dict[Source, list[int]]:
        """Those of the sources that have something to ask, and the places of it."""
        return {source: at for source, at in self._asking.items() if source in sources}

    def _expect(self, source: Source) -> None:
        """Have the pod that is to come ask as it starts."""
        key = ObjectKey("Pod", source.namespace, source.name)
        self.objects.watching[key] = task_line(self._tasks[source])

    def hold(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Have the agents open connections and keep them."""
        _check(probes)
        self._held = list(probes)
        real = [self.objects.names.real_probe(probe) for probe in probes]
        patience = max(probe.timeout for probe in probes)
        return self._observed(
            lambda places: TaskRequest(0, "hold", tuple(real[at] for at in places)), patience
        )

    def ask_held(self, timeout: float) -> tuple[Observation, ...]:
        """Have them use the connections again, and close them."""
        return self._observed(lambda _: TaskRequest(0, "use", timeout=timeout), timeout)

    def _observed(
        self, request: Callable[[list[int]], TaskRequest], patience: float
    ) -> tuple[Observation, ...]:
        found: dict[int, Observation] = {}

        def ask(source: Source, places: list[int]) -> None:
            asked = [self._held[at] for at in places]
            for line in self._answer_lines(source, request(places), patience + ANSWER_SLACK):
                answer = wire.read_answer(line, asked)
                if answer.observation is not None:
                    own = self.objects.names.own_observation(answer.observation, asked[answer.at])
                    found[places[answer.at]] = own

        self._everywhere(by_source(self._held), ask)
        if len(found) < len(self._held):
            raise ClusterError(f"the agents told of {len(found)} of {len(self._held)} connections")
        return tuple(found[at] for at in range(len(self._held)))

    def _there(self) -> set[Source]:
        """The pods that are there now."""
        own = self.objects.names.own
        metadata = [pod["metadata"] for pod in self.objects.pods()]
        return {Source(SourceKind.POD, each["name"], own(each["namespace"])) for each in metadata}

    def _everywhere(
        self, groups: Mapping[Source, list[int]], work: Callable[[Source, list[int]], None]
    ) -> None:
        """Do ``work`` for all sources at once; raises ClusterError if one of them fails."""
        with ThreadPoolExecutor(_MAX_SOURCES) as pool:
            doing = {
                source: pool.submit(copy_context().run, work, source, at)
                for source, at in groups.items()
            }
        for source, done in doing.items():
            try:
                done.result()
            except (StreamError, wire.WireError) as error:
                self.agents.forget(source)
                raise ClusterError(f"the agent of {source} failed meanwhile: {error}") from error

    def _answer_lines(self, source: Source, request: TaskRequest, patience: float) -> list[str]:
        return self.agents.stream(source).do(request, patience)

    def _own(self, series: Series) -> Series:
        """The series in the scenario's names."""
        text = self.objects.names.text
        seen = (
            each._replace(identity=each.identity and text(each.identity), remark=text(each.remark))
            for each in series.samples
        )
        return replace(series, samples=tuple(seen))


def _joined(before: Series, after: Series) -> Series:
    """What two pods of one name saw, one after the other."""
    return Series(
        before.probe,
        before.samples + after.samples,
        before.presence + after.presence,
        before.fault or after.fault,
    )


def _check(probes: Sequence[Probe]) -> None:
    """Raise UnsupportedError for what agents do not ask over time."""
    for probe in probes:
        outside = any(name.startswith("outside/") for name in probe.identities)
        if probe.source.kind != SourceKind.POD or outside:
            raise UnsupportedError("only pods ask each other all the time on a real cluster")
