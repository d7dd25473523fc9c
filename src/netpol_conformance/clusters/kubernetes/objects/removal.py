"""Removing what a run made, and nothing else: the namespaces that carry its label."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from netpol_conformance.clusters.base import ClusterError, NotReadyError
from netpol_conformance.clusters.interrupting import has_been_interrupted, has_insisted
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import NAMESPACES, PODS, SERVICES, Client
from netpol_conformance.clusters.kubernetes.api.naming import RUN_LABEL
from netpol_conformance.clusters.kubernetes.objects.brief import brief
from netpol_conformance.clusters.kubernetes.objects.objects import why_not_gone
from netpol_conformance.clusters.kubernetes.objects.patience import Patience
from netpol_conformance.clusters.kubernetes.objects.waits import while_it_moves

REMOVAL_TIMEOUT = 120.0
"""Seconds in which one of the namespaces being removed must be gone, with all that is in it."""
TELL_EVERY = 5.0
"""Seconds between two lines that say how far the removal is."""
TERMINATING_EACH, TERMINATING_MOST = 3, 16
"""How many namespaces may be on their way out, for each worker and in all, before more are made.

A scenario has two or three; the namespace controller works at ten at once, all others queue.
"""
_ROOM = 400
"""Characters for namespaces and what holds them; the rest of a message says what to do."""
STUCK_AFTER = 300.0
"""Seconds after which a namespace that is still being removed counts as stuck."""


def begin_to_empty(client: Client, selector: str) -> None:
    """Delete pods and Services of the namespaces that match, without waiting. Raises ClusterError.

    Where a namespace is deleted with its pods, the cluster looks at all that could be in it again
    and again until they are gone, which was a third of the API server's work in a run.
    """
    with client.in_words():
        for namespace in client.items(NAMESPACES, labelSelector=selector):
            name = namespace["metadata"]["name"]
            for resource in (PODS, SERVICES):
                for item in client.items(resource, name):
                    client.delete(resource, item["metadata"]["name"], name)


def begin_removal(client: Client, selector: str) -> list[Manifest]:
    """Delete the namespaces that match a label selector, without waiting; returns those there were.

    Raises ClusterError.
    """
    with client.in_words():
        found = client.items(NAMESPACES, labelSelector=selector)
        for namespace in found:
            if "deletionTimestamp" not in namespace["metadata"]:
                client.delete(NAMESPACES, namespace["metadata"]["name"])
    return found


def remove_run(
    client: Client, run: str, on_progress: Callable[[str], None] = lambda _line: None
) -> None:
    """Delete all that a run made and wait until it is gone, telling how far that is.

    Raises ClusterError naming what is left, why, and what to do about it, where nothing goes for
    REMOVAL_TIMEOUT or somebody does not want to wait.
    """
    selector = f"{RUN_LABEL}={run}"
    removal = _Removal(on_progress)

    def left() -> list[Manifest]:
        # Each time: a worker that was cut off may have made one meanwhile.
        remaining = begin_removal(client, selector)
        removal.see(remaining)
        if remaining and has_insisted():
            raise ClusterError(
                f"not waited for: {_described(remaining)}; "
                f"remove them with kubectl delete namespace -l {selector}"
            )
        return remaining

    patience = removal.patience
    remaining = while_it_moves(left, "the run's namespaces to be gone", patience)
    if remaining:
        raise ClusterError(
            f"not removed, {patience.words}: {_described(remaining)}; "
            f"look after them with kubectl get namespaces -o yaml -l {selector}"
        )


class _Removal:
    """How far a removal is: told now and then, and waited for as long as something goes."""

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self.patience = Patience(REMOVAL_TIMEOUT)
        self._on_progress = on_progress
        self._seen: set[str] = set()
        self._left: set[str] = set()
        self._told_at: float | None = None

    def see(self, remaining: Sequence[Manifest]) -> None:
        """Take note of what remains."""
        left = {namespace["metadata"]["name"] for namespace in remaining}
        if self._left - left:
            self.patience.renew()
        self._seen |= left
        self._left = left
        due = self._told_at is None or self.patience.taken >= self._told_at + TELL_EVERY
        if left and due:
            self._told_at = self.patience.taken
            again = "; Ctrl-C again leaves them" if has_been_interrupted() else ""
            self._on_progress(f"removing {len(self._seen)} namespaces: {len(left)} left{again}")


def wait_for_leftovers(
    client: Client, run: str, workers: int, still_wanted: Callable[[], None]
) -> None:
    """Wait until few enough namespaces of the run are on their way out to make more.

    ``still_wanted`` raises where nobody waits any more. Raises NotReadyError naming what does not
    go, and why.
    """
    most = min(TERMINATING_EACH * workers, TERMINATING_MOST)
    patience = Patience(REMOVAL_TIMEOUT)
    before: set[str] = set()

    def too_many() -> list[Manifest]:
        nonlocal before
        still_wanted()
        with client.in_words():
            found = client.items(NAMESPACES, labelSelector=f"{RUN_LABEL}={run}")
        going = [space for space in found if "deletionTimestamp" in space["metadata"]]
        names = {space["metadata"]["name"] for space in going}
        if before - names:
            patience.renew()
        before = names
        return going if len(going) >= most else []

    what = f"namespaces of earlier scenarios to be gone, all but {most - 1}"
    left = while_it_moves(too_many, what, patience)
    if left:
        raise NotReadyError(
            f"namespaces of earlier scenarios are not removed, {patience.words}, and more would "
            f"only add to them: {_described(left)}: run fewer scenarios at once with --jobs"
        )


def check_no_stuck(client: Client) -> None:
    """Raise ClusterError for a namespace of an earlier run that cannot be removed."""
    with client.in_words():
        found = client.items(NAMESPACES, labelSelector=RUN_LABEL)
    stuck = [namespace for namespace in found if _removing_for(namespace) > STUCK_AFTER]
    if stuck:
        raise ClusterError(
            f"namespaces of an earlier run are stuck in Terminating: {_described(stuck)}: "
            "remove what holds them, then run again"
        )


def _removing_for(namespace: Manifest) -> float:
    """Seconds since its deletion began; 0 if it has not."""
    began = namespace["metadata"].get("deletionTimestamp")
    if began is None:
        return 0.0
    then = datetime.strptime(began, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return time.time() - then.timestamp()


def _described(namespaces: Sequence[Manifest]) -> str:
    reasons = ((space["metadata"]["name"], why_not_gone(space)) for space in namespaces)
    return brief("namespace", reasons, _ROOM)
