"""The settings of a daemon. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from netpol_conformance.enforcer.controller import Controller, EnforcerFactory

PORT = 9479
"""Where health and metrics are answered unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and how to be let in. ``token`` is read for each request: it changes."""

    url: str
    token: Path | None = None
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of the runtime's CNI configuration, and of files that a reboot removes."""

    cni: Path = Path("/etc/cni/net.d")
    run: Path = Path("/run/netpol-conformance")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one daemon does. ``enforcer`` None leaves policy to others, ``network`` the network."""

    node: str
    access: Access
    enforcer: EnforcerFactory | None = Controller
    network: bool = True
    folders: Folders = field(default_factory=Folders)
    host: str = "127.0.0.1"
    port: int = PORT
