"""The node's routes, its MTU and its CNI configuration: the network's only I/O."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from netpol_conformance.enforcer.daemon.network import (
    NAME,
    Route,
    Wiring,
    configuration,
    masquerade,
    wiring,
)
from netpol_conformance.enforcer.daemon.settings import Folders
from netpol_conformance.model.objects import IPAddress, Node

_log = logging.getLogger(__name__)

_PROTOCOL = "157"
"""What marks our routes among all others: a number that no routing daemon uses."""
_TIMEOUT = 10.0


class WiringError(Exception):
    """The node's network cannot be made; the message says what failed."""


class Network:
    """Keeps a node's share of the pod network at what the nodes' objects say.

    ``apply`` puts nft text in force (``Nft.run``).
    """

    def __init__(
        self, node: str, apply: Callable[[str], object], folders: Folders | None = None
    ) -> None:
        self._node = node
        self._apply = apply
        self._folders = folders or Folders()
        self._made: Wiring | None = None

    @property
    def made(self) -> bool:
        """Whether pods can start: their network is there and the runtime knows of it."""
        return self._made is not None

    def update(self, nodes: Iterable[Node]) -> bool:
        """Make what is missing and remove what is not wanted; whether there was anything to do.

        Raises WiringError, or NftError; the next call tries again.
        """
        wanted = wiring(nodes, self._node)
        if wanted is None or wanted == self._made:
            return False
        self._apply(masquerade(wanted))
        _route(wanted)
        if self._made is None or wanted.own != self._made.own:
            publish(configuration(wanted.own, _mtu(wanted.own)), self._folders)
        self._made = wanted
        return True


def publish(text: str, folders: Folders) -> None:
    """Let the runtime start pods, until the node is started anew.

    The file that it reads is a link into what a reboot empties: with the rules gone, no pod
    starts before the enforcer has put them in force again. Raises WiringError.
    """
    file = folders.run / "cni.conflist"
    link = folders.cni / f"10-{NAME}.conflist"
    try:
        folders.run.mkdir(parents=True, exist_ok=True)
        _replace(file, lambda path: path.write_text(text, encoding="utf-8"))
        # A new link each time: the runtime watches its own folder and nothing else.
        _replace(link, lambda path: path.symlink_to(file))
    except OSError as error:
        raise WiringError(f"cannot write the CNI configuration: {error}") from error


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    """Replace ``path`` atomically."""
    # The runtime reads names that end in .conf, .conflist and .json only.
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    make(new)
    new.replace(path)


def _route(wanted: Wiring) -> None:
    """Bring our routes to what is wanted; those of others are never touched."""
    for family in sorted({network.version for network in wanted.own.pod_cidrs}):
        wished = {route for route in wanted.routes if route.network.version == family}
        there = _routes(family)
        lines = [f"route del {_written(route)}" for route in sorted(there - wished, key=str)]
        lines += [f"route replace {_written(route)}" for route in sorted(wished - there, key=str)]
        if lines:
            _ip(f"-{family}", "-batch", "-", text="\n".join(lines) + "\n")


def _written(route: Route) -> str:
    return f"{route.network} via {route.gateway} proto {_PROTOCOL}"


def _routes(family: int) -> set[Route]:
    listed = _ip_json(f"-{family}", "route", "show", "proto", _PROTOCOL)
    return {
        Route(ip_network(item["dst"]), ip_address(item["gateway"]))
        for item in listed
        if "gateway" in item
    }


def _mtu(node: Node) -> int:
    """The MTU of the device that carries the node's own address: what other nodes can be sent."""
    own: set[IPAddress] = set(node.ips)
    for device in _ip_json("address", "show"):
        addresses = (item.get("local", "") for item in device.get("addr_info", ()))
        if own & {ip_address(text) for text in addresses if text}:
            return int(device["mtu"])
    listed = ", ".join(map(str, node.ips))
    raise WiringError(f"no device here has an address of node {node.name} ({listed})")


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = json.loads(_ip("-json", *arguments) or "[]")
    return parsed


def _ip(*arguments: str, text: str = "") -> str:
    command = ["ip", *arguments]
    listed, began = " ".join(command), time.monotonic()
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WiringError(f"{listed}: {error}") from error
    took = 1000 * (time.monotonic() - began)
    _log.debug("%s: exit %d in %.1f ms", listed, done.returncode, took)
    if done.returncode:
        raise WiringError(f"{listed}: {done.stderr.strip()}")
    return done.stdout
