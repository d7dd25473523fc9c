"""Case after case on many clusters at once, until one disagrees or the budget is spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.fuzz.asking import FAULTS, Disagreement, Target, disagreements
from netpol_conformance.fuzz.cases import Case, scenario_of
from netpol_conformance.fuzz.drawing import case_of

_TICK = 0.2
"""Seconds between two looks at the clock, and two words on progress."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may spend: states asked, and seconds."""

    cases: float = float("inf")
    seconds: float = float("inf")


@dataclass(frozen=True, slots=True)
class Found:
    """A case, its seed, and what is wrong in the first state that disagrees."""

    seed: int
    case: Case
    wrong: tuple[Disagreement, ...]


@dataclass(slots=True)
class Searched:
    """What a search came to. ``cases`` counts states asked in full, each after a change."""

    cases: int = 0
    seeds: int = 0
    seconds: float = 0.0
    found: list[Found] = field(default_factory=list)
    faults: list[tuple[int, Exception]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def rate(self) -> float:
        """Cases a minute."""
        return self.cases / self.seconds * 60 if self.seconds else 0.0


class _StoppedError(Exception):
    """The time is up in the middle of a case."""


class Search:
    """One search, from seed ``first`` on, by ``jobs`` workers, each on a cluster of its own."""

    def __init__(self, target: Target, first: int, budget: Budget, jobs: int = 1) -> None:
        self._target = target
        self._next = first
        self._budget = budget
        self._jobs = jobs
        self._given = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._deadline = time.monotonic() + budget.seconds
        self._clusters: list[Cluster] = []
        self.result = Searched()

    def run(self, on_progress: Callable[[Searched], None] = lambda _: None) -> Searched:
        """Search; ``on_progress`` hears of the progress, several times a second.

        Seeds are given out in order, and those begun are ended: the lowest that disagrees is found
        whatever ``jobs`` is. Ctrl-C ends it, with what was found. Raises what is no fault of
        clusters or machine.
        """
        began = time.monotonic()
        pool = ThreadPoolExecutor(self._jobs, thread_name_prefix="fuzz")
        workers = [pool.submit(self._work) for _ in range(self._jobs)]
        try:
            while wait(workers, timeout=_TICK).not_done:
                self.result.seconds = time.monotonic() - began
                on_progress(self.result)
                if time.monotonic() > self._deadline:
                    self._stopping.set()
        except KeyboardInterrupt:
            self.result.interrupted = True
        finally:
            self._end(pool, workers)
        self.result.seconds = time.monotonic() - began
        self.result.found.sort(key=lambda found: found.seed)
        return self.result

    def _end(self, pool: ThreadPoolExecutor, workers: list[Future[None]]) -> None:
        self._stopping.set()
        if any(not worker.done() for worker in workers):
            for cluster in self._clusters:
                cluster.close()
        pool.shutdown(wait=True)
        for worker in workers:
            worker.result()

    def _work(self) -> None:
        with closing(self._target.cluster()) as cluster:
            with self._lock:
                self._clusters.append(cluster)
            while (given := self._give()) is not None:
                self._ask(cluster, *given)

    def _give(self) -> tuple[int, Case] | None:
        """The next seed's case, as much of it as the budget has left; one is drawn at a time."""
        with self._lock:
            left = self._budget.cases - self._given
            if left <= 0 or self._stopping.is_set() or self.result.found or self.result.faults:
                return None
            seed, self._next = self._next, self._next + 1
            case = case_of(seed, self._target.shape)
            if len(case.changes) > left:
                case = replace(case, changes=case.changes[: int(left)])
            self._given += len(case.changes)
            self.result.seeds += 1
            return seed, case

    def _ask(self, cluster: Cluster, seed: int, case: Case) -> None:
        try:
            wrong = disagreements(cluster, scenario_of(case), self._target.timeouts, self._count)
        except _StoppedError:
            return
        except FAULTS as fault:
            with self._lock:
                if not self._stopping.is_set():
                    self.result.faults.append((seed, fault))
            return
        if wrong:
            with self._lock:
                self.result.cases += 1
                self.result.found.append(Found(seed, case, wrong))

    def _count(self) -> None:
        with self._lock:
            self.result.cases += 1
        if self._stopping.is_set():
            raise _StoppedError
