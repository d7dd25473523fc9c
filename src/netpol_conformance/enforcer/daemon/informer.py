"""An informer: list, watch, and list again where the watch expired."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from netpol_conformance.enforcer.daemon.api import Api, ApiError, ExpiredError, Raw
from netpol_conformance.enforcer.daemon.reading import JUDGES, Reading, Resource, read
from netpol_conformance.enforcer.daemon.store import Changed, Connected, Delta, Listed

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts while the API is away: doubled each time, and by chance less."""


class Informer:
    """Calls ``handler`` with every delta of ``resource``; ``run`` is for a thread of its own.

    While the API is unavailable or refuses, it retries, and reports that once.
    """

    def __init__(
        self,
        api: Api,
        resource: Resource,
        handler: Callable[[Delta], object],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api = api
        self._resource = resource
        self._handler = handler
        self._pause = pause
        self._version = ""
        self._failures = 0

    def run(self) -> None:
        """List and watch; never returns."""
        while True:
            self.turn()

    def turn(self) -> None:
        """One list, if need be, and one watch until it ends."""
        try:
            if not self._version:
                self._list()
            self._watch()
        except ExpiredError as error:
            self._version = ""
            self._retry(str(error))
        except ApiError as error:
            self._retry(str(error))
        else:
            self._pause(FIRST_PAUSE)  # lest an API that ends watches at once be asked for ever

    def _list(self) -> None:
        version = ""
        readings: list[Reading] = []
        for page in self._api.pages(self._resource.path):
            # Page by page, so that the text of one page only is ever in memory.
            readings += (read(self._resource, item) for item in page.items)
            version = page.version
        self._handler(Listed(self._resource, tuple(readings)))
        self._version = version

    def _watch(self) -> None:
        with self._api.watch(self._resource.path, self._version) as changes:
            self._failures = 0
            self._handler(Connected(self._resource))
            for change in self._deltas(changes):
                self._handler(change)

    def _deltas(self, changes: Iterator[Raw]) -> Iterator[Delta]:
        for change in changes:
            item = change["object"]
            if change["type"] != "BOOKMARK":
                gone = change["type"] == "DELETED"
                yield Changed(self._resource, read(self._resource, item), gone)
            self._version = item["metadata"]["resourceVersion"]

    def _retry(self, reason: str) -> None:
        if self._resource in JUDGES:
            self._version = ""  # a list is complete at one moment, a watch never
        self._handler(Connected(self._resource, reason))
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._failures += 1
        self._pause(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads nodes, hides nothing
