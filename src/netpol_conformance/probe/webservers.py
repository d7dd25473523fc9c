"""The real web servers that pods run, nginx and busybox httpd, and waiting until one serves."""

from __future__ import annotations

import asyncio
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_exponential

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.child import Child, Inside
from netpol_conformance.probe.reading import IDENTITY_HEADER, Page, Reading
from netpol_conformance.probe.sockets import exchange, open_socket
from netpol_conformance.probe.verdict import Probe, Source, Verdict

START_TIMEOUT = 10.0
"""Seconds that a server has to come up, on a machine however loaded."""


async def until_serving(
    child: Child, identity: str, inside: Inside, family: int, port: int
) -> None:
    """Return when ``child`` answers on ``port`` of its loopback as ``identity``.

    Raises OSError, with what it printed, if it ends or has not come up in START_TIMEOUT.
    """
    loopback = "127.0.0.1" if family == 4 else "::1"
    probe = Probe(Source(SourceKind.POD, identity), loopback, port, frozenset({identity}))
    reading = Reading(Verdict.ERROR, remark="not asked")

    async def ask() -> bool:
        nonlocal reading
        with inside():
            opened = open_socket(Protocol.TCP, family)
        reading = await exchange(opened, probe, probe.host)
        return reading.verdict is Verdict.CONNECTED or await _ended(child)

    await AsyncRetrying(
        retry=retry_if_result(lambda settled: not settled),
        stop=stop_after_delay(START_TIMEOUT),
        wait=wait_exponential(multiplier=0.001, max=0.05),
        retry_error_callback=lambda _state: None,
    )(ask)
    if reading.verdict is not Verdict.CONNECTED:
        said = child.output().strip() or "nothing"
        raise OSError(
            f"the server of {identity} does not serve port {port} "
            f"({reading.remark or reading.verdict}); it printed: {said}"
        )


async def _ended(child: Child) -> bool:
    return await child.exited(asyncio.get_running_loop().time())


_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_nginx() -> str | None:
    """The absolute path of nginx, which is often not on a user's PATH; None without one."""
    return shutil.which("nginx") or shutil.which("nginx", path=_PATH)


def nginx_config(
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
class _WebServer(ABC):
    """One pod's web server on TCP ``ports`` over ``families``, run by the program at ``program``.

    ``directory`` is empty, exists and is the pod's alone.
    """

    identity: str
    ports: tuple[int, ...]
    directory: Path
    program: str
    families: tuple[int, ...] = (4,)
    inside: Inside = nullcontext
    _children: list[Child] = field(default_factory=list, init=False)

    @abstractmethod
    def _commands(self) -> list[list[str]]:
        """Write the files; what to run: one command for all ports, or one for each."""

    async def start(self) -> None:
        """Serve; raises OSError if it does not come up."""
        try:
            for command in self._commands():
                self._children.append(Child(command, environment={}, inside=self.inside))
            await asyncio.gather(
                *(
                    until_serving(child, self.identity, self.inside, self.families[0], port)
                    for child, port in zip(cycle(self._children), self.ports, strict=False)
                )
            )
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End its processes."""
        while self._children:
            self._children.pop().close()


class Nginx(_WebServer):
    """One pod's nginx, one process for all ports."""

    def _commands(self) -> list[list[str]]:
        path = self.directory / "nginx.conf"
        path.write_text(nginx_config(self.identity, self.ports, self.directory, self.families))
        # -e: until it has read the configuration it would log to a file of the system's.
        return [[self.program, "-e", "stderr", "-p", str(self.directory), "-c", str(path)]]


class Httpd(_WebServer):
    """One pod's ``busybox httpd``, a process a port, each on both address families by itself."""

    def _commands(self) -> list[list[str]]:
        page, path = Page(self.identity), self.directory / "index.html"
        path.write_bytes(page.content)
        os.utime(path, (page.modified, page.modified))
        words = [self.program, "httpd", "-f", "-h", str(self.directory), "-p"]
        return [[*words, str(port)] for port in self.ports]
