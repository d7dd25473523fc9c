"""Which pod has an address now. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netpol_conformance.model.objects import IPAddress, ObjectKey, Pod


def claimed(pod: Pod | None) -> tuple[IPAddress, ...]:
    """The addresses that a pod says are its own: none if it has finished or borrows its node's."""
    return () if pod is None or pod.finished or pod.host_network else pod.ips


class Claims:
    """Pods' claims of addresses, in the order in which they were made.

    An address may go to another pod before the API has forgotten the one that had it (S51): of
    several pods that claim it, the last one has it.
    """

    def __init__(self) -> None:
        self._claims: defaultdict[IPAddress, list[ObjectKey]] = defaultdict(list)

    def owned(self, pod: ObjectKey, ips: Iterable[IPAddress]) -> tuple[IPAddress, ...]:
        """Those of ``ips``, all claimed by ``pod``, that it has."""
        return tuple(ip for ip in ips if self._claims[ip][-1] == pod)

    def move(
        self, pod: ObjectKey, old: Iterable[IPAddress], new: Iterable[IPAddress]
    ) -> set[ObjectKey]:
        """Note what a pod claims instead of ``old``; the other pods that this concerns."""
        old, new = set(old), set(new)
        others: set[ObjectKey] = set()
        for ip in old - new:
            self._claims[ip].remove(pod)
            others.update(self._claims[ip][-1:])
            if not self._claims[ip]:
                del self._claims[ip]
        for ip in new - old:
            others.update(self._claims[ip][-1:])
            self._claims[ip].append(pod)
        return others
