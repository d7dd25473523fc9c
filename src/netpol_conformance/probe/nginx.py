"""The real ``nginx`` as a pod runs it, with a header that says which pod it is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from netpol_conformance.probe.child import Child, Inside
from netpol_conformance.probe.readiness import until_serving
from netpol_conformance.probe.reading import IDENTITY_HEADER

_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find() -> str | None:
    """The absolute path of nginx, which is often not on a user's PATH; None without one."""
    return shutil.which("nginx") or shutil.which("nginx", path=_PATH)


def config(
    identity: str, ports: Iterable[int], directory: Path, families: tuple[int, ...] = (4,)
) -> str:
    """The configuration: one process that answers everything, and writes only to ``directory``."""
    listen = [
        f"    listen {'[::]:' if family == 6 else '0.0.0.0:'}{port}"
        f"{' ipv6only=on' if family == 6 else ''};"
        for family in families
        for port in ports
    ]
    temporary = [f"  {name}_temp_path {directory}/{name};" for name in _TEMPORARY]
    return "\n".join(
        [
            "daemon off;",
            "master_process off;",
            "user root;",
            f"pid {directory}/nginx.pid;",
            "error_log stderr error;",
            "events { worker_connections 256; }",
            "http {",
            "  access_log off;",
            "  server_tokens off;",
            *temporary,
            "  server {",
            *listen,
            f'    add_header {IDENTITY_HEADER} "{identity}" always;',
            '    location / { default_type text/plain; return 200 "nginx\\n"; }',
            "  }",
            "}",
            "",
        ]
    )


@dataclass(slots=True)
class Nginx:
    """One pod's nginx on TCP ``ports`` over ``families``, run by the program at ``program``.

    ``directory`` is empty, exists and is the pod's alone.
    """

    identity: str
    ports: tuple[int, ...]
    directory: Path
    program: str
    families: tuple[int, ...] = (4,)
    inside: Inside = nullcontext
    _child: Child | None = field(default=None, init=False)

    async def start(self) -> None:
        """Serve; raises OSError if nginx does not come up."""
        path = self.directory / "nginx.conf"
        path.write_text(config(self.identity, self.ports, self.directory, self.families))
        # -e: until it has read the configuration it would log to a file of the system's.
        argv = [self.program, "-e", "stderr", "-p", str(self.directory), "-c", str(path)]
        child = self._child = Child(argv, environment={}, inside=self.inside)
        serving = partial(until_serving, child, self.identity, self.inside, self.families[0])
        try:
            await asyncio.gather(*map(serving, self.ports))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close()
            self._child = None
