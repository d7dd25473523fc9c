"""How many scenarios run at once: what makes them fewer, and more again."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from netpol_conformance.clusters.base import Load
from netpol_conformance.run.throttle import Throttle, is_fast, why_slow

READY = 30.0
FAST = Load(answers=(0.02,) * 50, ready=(3.0,) * 5)


@pytest.mark.parametrize(
    ("load", "limit", "why"),
    [
        (FAST, 4, ""),
        (Load(), 4, ""),
        (Load((0.02,) * 100, (16.0,) * 3), 4, "pods take 16 s to be ready"),
        (Load((0.02,) * 100, (2.0, 16.0, 30.0)), 4, "pods take 16 s to be ready"),
        (Load((0.02,) * 100, (2.0, 2.0, 30.0)), 4, ""),
        (Load((0.02,) * 100, (30.0,) * 2), 4, ""),
        (Load((0.02,) * 100, (30.0,)), 1, "pods take 30 s to be ready"),
        (Load((0.8,) * 20), 4, "its API takes 0.8 s to answer"),
        (Load((0.8,) * 19), 4, ""),
        (Load((0.02,) * 300, refused=12), 4, "its API refused 12 of 300 requests at first"),
        (Load((0.02,) * 300, refused=3), 4, ""),
    ],
)
def test_what_counts_as_slow(load: Load, limit: int, why: str) -> None:
    assert why_slow(load, limit, READY) == why


@pytest.mark.parametrize(
    ("load", "fast"),
    [
        (FAST, True),
        (Load((0.02,) * 50), True),
        (Load(), False),
        (Load((0.3,) * 50, (3.0,) * 5), False),
        (Load((0.02,) * 50, (10.0,) * 5), False),
        (Load((0.02,) * 50, (3.0,)), False),
        (Load((0.02,) * 50, (3.0,) * 5, refused=1), False),
    ],
)
def test_what_counts_as_fast(load: Load, fast: bool) -> None:
    assert is_fast(load, 4, READY) == fast


class Cluster:
    """What a throttle measures, always the same, and what it tells."""

    def __init__(self, most: int) -> None:
        self.load = FAST
        self.told: list[str] = []
        self.throttle = Throttle(most, lambda: self.load, READY, self.told.append)

    def run(self, number: int) -> int:
        """So many turns at once, from begin to end; what the limit is then.

        All are measured to be slow, or fast, and only the first to end may change the limit.
        """
        with ExitStack() as turns:
            for _ in range(number):
                turns.enter_context(self.throttle.turn())
        return self.throttle.limit


SLOW = Load((0.02,) * 50, (25.0,) * 5)


def test_while_the_cluster_is_slow_the_number_is_halved_down_to_one() -> None:
    cluster = Cluster(16)
    cluster.load = SLOW
    assert [cluster.run(cluster.throttle.limit) for _ in range(6)] == [8, 4, 2, 1, 1, 1]


def test_while_it_is_fast_the_number_grows_by_one_up_to_what_was_asked_for() -> None:
    cluster = Cluster(4)
    cluster.load = SLOW
    assert cluster.run(4) == 2
    cluster.load = FAST
    assert [cluster.run(cluster.throttle.limit) for _ in range(4)] == [3, 4, 4, 4]


def test_where_it_is_neither_the_number_stays() -> None:
    cluster = Cluster(4)
    cluster.load = Load((0.3,) * 50, (10.0,) * 5)
    assert [cluster.run(4) for _ in range(50)] == [4] * 50


def test_that_there_are_fewer_is_told_once() -> None:
    cluster = Cluster(16)
    cluster.load = SLOW
    for _ in range(4):
        cluster.run(cluster.throttle.limit)
    (line,) = cluster.told
    assert line == (
        "the cluster is slow (pods take 25 s to be ready): 8 scenarios at once instead of 16, "
        "until it is faster"
    )


def test_no_more_than_the_limit_have_their_turn_at_once() -> None:
    cluster = Cluster(4)
    cluster.load = SLOW
    cluster.run(4)
    cluster.load = Load()
    inside = most = 0
    lock, both = threading.Lock(), threading.Barrier(2)

    def work() -> None:
        nonlocal inside, most
        with cluster.throttle.turn():
            with lock:
                inside += 1
                most = max(most, inside)
            both.wait(20)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_when_the_run_ends_nobody_waits_for_a_turn() -> None:
    cluster = Cluster(1)
    with cluster.throttle.turn():
        waiting = threading.Thread(target=cluster.run, args=[1])
        waiting.start()
        cluster.throttle.open()
        waiting.join(20)
        assert not waiting.is_alive()
