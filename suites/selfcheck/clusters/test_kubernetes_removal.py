"""Removing what a run made: what is told meanwhile, what is waited for, and what is left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_conformance.clusters.base import ClusterError, NotReadyError
from netpol_conformance.clusters.interrupting import Terminable, shield
from netpol_conformance.clusters.kubernetes.objects.brief import MOST_CHARACTERS
from netpol_conformance.clusters.kubernetes.objects.removal import (
    REMOVAL_TIMEOUT,
    TERMINATING_EACH,
    TERMINATING_MOST,
    remove_run,
    wait_for_leftovers,
)

from .clocks import Clock
from .kubernetes_api import ScriptedApi, serving

SPACES = "/api/v1/namespaces"
HELD = {
    "type": "NamespaceFinalizersRemaining",
    "status": "True",
    "message": "Some content in the namespace has finalizers remaining: example.org/hold in 1 "
    "resource instances",
}
Names = list[str]


class GoingApi(ScriptedApi):
    """Has namespaces of which one goes every ``seconds``, from the first on."""

    def __init__(self, clock: Clock, number: int, seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds
        self._names = [f"npc-1-{at}-default" for at in range(number)]

    def answer(self, method: str, url: str, body: Any) -> tuple[int, object]:
        gone = int(self._clock.now // self._seconds)
        return 200, {"items": [_going(name) for name in self._names[gone:]]}


def _going(name: str) -> dict[str, Any]:
    metadata = {"name": name, "deletionTimestamp": "2020-01-01T00:00:00Z"}
    return {"metadata": metadata, "status": {"conditions": [HELD]}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    made.take_over(monkeypatch)
    return made


@pytest.fixture
def told() -> Names:
    return []


@pytest.fixture
def signals() -> Iterator[None]:
    terminable = Terminable()
    terminable.begin()
    yield
    terminable.end()


def test_how_far_the_removal_is_is_told_every_few_seconds(clock: Clock, told: Names) -> None:
    with serving(GoingApi(clock, 12, 1)) as api:
        remove_run(api.client(), "1", told.append)
    assert told == [
        "removing 12 namespaces: 12 left",
        "removing 12 namespaces: 7 left",
        "removing 12 namespaces: 2 left",
    ]


def test_where_nothing_was_made_nothing_is_told(clock: Clock, told: Names) -> None:
    with serving(GoingApi(clock, 0, 1)) as api:
        remove_run(api.client(), "1", told.append)
    assert told == []


def test_as_long_as_something_goes_it_is_waited_for(clock: Clock, told: Names) -> None:
    with serving(GoingApi(clock, 8, REMOVAL_TIMEOUT - 1)) as api:
        remove_run(api.client(), "1", told.append)
    assert clock.now > 7 * REMOVAL_TIMEOUT


def test_what_does_not_go_is_told_in_short(clock: Clock) -> None:
    with (
        serving(GoingApi(clock, 70, float("inf"))) as api,
        pytest.raises(ClusterError) as raised,
    ):
        remove_run(api.client(), "1")
    message = str(raised.value)
    assert message.startswith("not removed, no progress for 120 s: namespaces npc-1-0-default, ")
    assert message.endswith(
        "and 65 more; look after them with kubectl get namespaces -o yaml "
        "-l netpol-conformance/run=1"
    )
    assert message.count("example.org/hold in 1 resource instances") == 1
    assert len(message) <= MOST_CHARACTERS
    assert REMOVAL_TIMEOUT <= clock.now < REMOVAL_TIMEOUT + 1


@pytest.mark.usefixtures("signals")
def test_who_does_not_want_to_wait_is_told_what_is_left(clock: Clock, told: Names) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            signal.raise_signal(signal.SIGINT)

    with (
        shield(),
        serving(GoingApi(clock, 12, 1)) as api,
        pytest.raises(ClusterError) as raised,
    ):
        remove_run(api.client(), "1", tell)
    assert told[0] == "removing 12 namespaces: 12 left; Ctrl-C again leaves them"
    message = str(raised.value)
    assert message.startswith("not waited for: namespaces npc-1-5-default, ")
    assert message.endswith(
        "and 2 more; remove them with kubectl delete namespace -l netpol-conformance/run=1"
    )


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("sent", [[signal.SIGINT], [signal.SIGINT, signal.SIGHUP]])
def test_one_signal_or_a_closed_terminal_leaves_nothing(
    sent: list[signal.Signals], clock: Clock, told: Names
) -> None:
    with shield(), serving(GoingApi(clock, 3, 1)) as api:
        for number in sent:
            signal.raise_signal(number)
        remove_run(api.client(), "1", told.append)
    assert clock.now == 3


# -- before more is made ---------------------------------------------------------------------------


def unless(error: Exception | None = None) -> Any:
    def still_wanted() -> None:
        if error:
            raise error

    return still_wanted


def test_few_leftovers_are_not_waited_for(clock: Clock) -> None:
    with serving(GoingApi(clock, TERMINATING_EACH - 1, float("inf"))) as api:
        wait_for_leftovers(api.client(), "1", 1, unless())
    assert clock.now == 0


@pytest.mark.parametrize(
    ("workers", "left"), [(1, TERMINATING_EACH - 1), (16, TERMINATING_MOST - 1)]
)
def test_many_leftovers_are_waited_for_until_there_are_few(
    workers: int, left: int, clock: Clock
) -> None:
    with serving(GoingApi(clock, 70, 5)) as api:
        wait_for_leftovers(api.client(), "1", workers, unless())
    assert clock.now == 5 * (70 - left)


def test_leftovers_that_do_not_go_are_told_of_in_short(clock: Clock) -> None:
    with (
        serving(GoingApi(clock, 70, float("inf"))) as api,
        pytest.raises(NotReadyError) as raised,
    ):
        wait_for_leftovers(api.client(), "1", 4, unless())
    message = str(raised.value)
    assert "and 65 more" in message
    assert "example.org/hold in 1 resource instances" in message
    assert "--jobs" in message
    assert len(message) <= MOST_CHARACTERS


def test_who_does_not_want_to_begin_any_more_does_not_wait(clock: Clock) -> None:
    with (
        serving(GoingApi(clock, 70, float("inf"))) as api,
        pytest.raises(ClusterError, match="closed"),
    ):
        wait_for_leftovers(api.client(), "1", 4, unless(ClusterError("closed")))
    assert clock.now == 0
