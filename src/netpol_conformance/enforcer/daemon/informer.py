"""Following one resource for ever: list, watch, and list again where the watch fell behind."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from netpol_conformance.enforcer.daemon.api import Api, ApiError, ExpiredError, Raw
from netpol_conformance.enforcer.daemon.reading import JUDGES, Reading, Resource, read
from netpol_conformance.enforcer.daemon.store import Changed, Connected, Listed, News

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts while the API is away: doubled each time, and by chance less."""


class Follower:
    """Tells ``tell`` all that happens to ``resource``; ``run`` is for a thread of its own.

    While the API is away, or refuses, it asks again and again and says so once.
    """

    def __init__(
        self,
        api: Api,
        resource: Resource,
        tell: Callable[[News], object],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api = api
        self._resource = resource
        self._tell = tell
        self._pause = pause
        self._version = ""
        self._failures = 0

    def run(self) -> None:
        """Follow; never returns."""
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
        self._tell(Listed(self._resource, tuple(readings)))
        self._version = version

    def _watch(self) -> None:
        with self._api.watch(self._resource.path, self._version) as changes:
            self._failures = 0
            self._tell(Connected(self._resource))
            for change in self._news(changes):
                self._tell(change)

    def _news(self, changes: Iterator[Raw]) -> Iterator[News]:
        for change in changes:
            item = change["object"]
            if change["type"] != "BOOKMARK":
                gone = change["type"] == "DELETED"
                yield Changed(self._resource, read(self._resource, item), gone)
            self._version = item["metadata"]["resourceVersion"]

    def _retry(self, reason: str) -> None:
        if self._resource in JUDGES:
            self._version = ""  # a list tells at one moment that it is up to date, a watch never
        self._tell(Connected(self._resource, reason))
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._failures += 1
        self._pause(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads nodes, hides nothing
