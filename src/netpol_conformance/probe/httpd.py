"""``busybox httpd`` as a pod runs it: a server without a header of its own.

Who it is shows in the ETag of its only page (``reading.Page``).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from netpol_conformance.probe.child import Child, Inside
from netpol_conformance.probe.readiness import until_serving
from netpol_conformance.probe.reading import Page


@dataclass(slots=True)
class Httpd:
    """One pod's ``busybox httpd`` on TCP ``ports``, a process a port, by the program ``busybox``.

    ``directory`` is empty, exists and is the pod's alone; the page is written there. httpd listens
    on both address families by itself.
    """

    identity: str
    ports: tuple[int, ...]
    directory: Path
    busybox: str
    inside: Inside = nullcontext
    _children: list[Child] = field(default_factory=list, init=False)

    async def start(self) -> None:
        """Serve; raises OSError if a server does not come up."""
        page, path = Page(self.identity), self.directory / "index.html"
        path.write_bytes(page.content)
        os.utime(path, (page.modified, page.modified))
        try:
            for port in self.ports:
                self._children.append(self._serve(port))
            await asyncio.gather(
                *(
                    until_serving(child, self.identity, self.inside, 4, port)
                    for child, port in zip(self._children, self.ports, strict=True)
                )
            )
        except BaseException:
            await self.stop()
            raise

    def _serve(self, port: int) -> Child:
        return Child(
            [self.busybox, "httpd", "-f", "-p", str(port), "-h", str(self.directory)],
            environment={},
            inside=self.inside,
        )

    async def stop(self) -> None:
        """End the processes."""
        while self._children:
            self._children.pop().close()
