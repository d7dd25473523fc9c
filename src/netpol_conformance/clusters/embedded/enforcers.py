"""The enforcers of a cluster, one a node, and what makes them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.enforcer.apply import Nft, NftError
from netpol_conformance.enforcer.controller import Controller, EnforcerFactory
from netpol_conformance.enforcer.loading import EnforcerError, load
from netpol_conformance.model.objects import KubernetesObject, WatchEvent
from netpol_conformance.model.version import KubernetesVersion

_log = logging.getLogger(__name__)


class Enforcers:
    """One controller a node, made by ``factory`` (see ``find_factory``).

    ``firewalls`` is each node's nftables by the node's name.
    Raises ClusterError where an enforcer cannot put a change in force.
    """

    def __init__(
        self,
        factory: EnforcerFactory | None,
        firewalls: Mapping[str, Nft],
        version: KubernetesVersion,
    ) -> None:
        self._factory = factory
        self._firewalls = firewalls
        self._version = version
        self._controllers: dict[str, Controller] = {}
        self._missed: list[WatchEvent] | None = None

    def start(self, objects: Iterable[KubernetesObject]) -> None:
        """Start one on each node, afresh, from all objects there are."""
        if self._factory is None:
            return
        known = tuple(objects)
        for node, firewall in self._firewalls.items():
            with _blamed(f"the enforcer of {node} cannot start"):
                controller = self._factory(node, firewall.run, self._version)
                controller.start(known)
            self._controllers[node] = controller

    def handle(self, events: Sequence[WatchEvent]) -> None:
        """Pass changes to every controller; in force when this returns, unless they are cut off."""
        if self._missed is not None:
            self._missed += events
            return
        if not events:
            return
        for node, controller in self._controllers.items():
            with _blamed(f"the enforcer of {node} failed"):
                controller.handle(events)

    def cut_off(self) -> None:
        """Cut them off from the API: they run and see no change."""
        if self._missed is None:
            _log.debug("the enforcers are cut off from the API")
            self._missed = []
            for node, controller in self._controllers.items():
                with _blamed(f"the enforcer of {node} failed"):
                    controller.lose_api()

    def reconnect(self) -> None:
        """Reconnect the enforcers to the API; they catch up on what they missed."""
        missed, self._missed = self._missed or [], None
        _log.debug("the enforcers have the API again, and %d events", len(missed))
        self.handle(missed)

    def stop(self) -> None:
        """Kill them all: their rules stay, as they do in a real cluster."""
        _log.debug("the enforcers are killed")
        self._controllers.clear()


@contextmanager
def _blamed(fault: str) -> Iterator[None]:
    """Whatever an enforcer raises, be it somebody's own with a mistake in it, is ``fault``."""
    try:
        yield
    except NftError as error:
        raise ClusterError(f"{fault}: {error}") from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        raise ClusterError(f"{fault}: {type(error).__name__}: {error} ({where})") from error


def find_factory(implementation: str) -> EnforcerFactory | None:
    """What makes the enforcers of ``implementation``; None where nobody enforces.

    Raises ClusterError if there is no such thing.
    """
    if implementation == "none":
        return None
    try:
        return load(implementation)
    except EnforcerError as error:
        also = "" if ":" in implementation else ', or "none"'
        raise ClusterError(f"{error}{also}") from error
