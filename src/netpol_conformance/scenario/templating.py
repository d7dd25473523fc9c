"""``${pod/db}`` in a manifest: addresses that are known only when the cluster runs. Strict.

A template is ``${...}`` around a name of the directory: ``pod/db``, ``pod/secondary/web``,
``node/node-1``, ``outside/office``, ``cluster/pods`` (the block of all pods, as a CIDR); with
``/IPv6`` behind it for the address of that family. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from netpol_conformance.model.objects import ClusterState, IPAddress
from netpol_conformance.scenario.blocks import NoBlock, blocks_of_pods
from netpol_conformance.scenario.errors import did_you_mean
from netpol_conformance.scenario.types import OutsideSpec

_TEMPLATE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[^{}\n]*)\}|(?P<stray>))")


class TemplateError(ValueError):
    """A ``${...}`` that stands for nothing; ``line`` counts from 1 in the text given."""

    def __init__(self, reason: str, suggestion: str, line: int) -> None:
        self.reason, self.suggestion, self.line = reason, suggestion, line
        hint = f"; {suggestion}" if suggestion else ""
        super().__init__(f"line {line} of the step's manifests: {reason}{hint}")


def fill(text: str, directory: Mapping[str, str | NoBlock]) -> str:
    """``text`` with each ``${name}`` replaced; raises TemplateError for a name that is unknown, or
    that stands for a block which this cluster does not have.
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["name"]
        if name not in directory:
            reason = f'"${{{name}}}" stands for no address of this scenario'
            raise TemplateError(reason, did_you_mean(name, directory), _line(text, match))
        found = directory[name]
        if isinstance(found, NoBlock):
            reason = f'"${{{name}}}" stands for no block on this cluster: {found.reason}'
            raise TemplateError(reason, "", _line(text, match))
        return found

    for match in _TEMPLATE.finditer(text):  # refused before anything is replaced
        if match["stray"] is not None:
            reason = "a lone dollar sign"
            raise TemplateError(reason, "write ${...} or, for a dollar, $$", _line(text, match))
    return _TEMPLATE.sub(value, text)


def directory(state: ClusterState, outside: Iterable[OutsideSpec] = ()) -> dict[str, str | NoBlock]:
    """What each name stands for in ``state``: an address, or a CIDR for a block.

    Pods without an address, and families that a thing lacks, have no entry.
    """
    hosts = {host.name: [ip_address(text) for text in host.addresses] for host in outside}
    entries: dict[str, str | NoBlock] = {}
    for pod in state.pods:
        entries |= _addresses(f"pod/{pod.namespace}/{pod.name}", pod.ips)
        if pod.namespace == "default":
            entries |= _addresses(f"pod/{pod.name}", pod.ips)
    for node in state.nodes:
        entries |= _addresses(f"node/{node.name}", node.ips)
    for name, ips in hosts.items():
        entries |= _addresses(f"outside/{name}", ips)
    for family, block in blocks_of_pods(state, hosts).items():
        entries[_of_family("cluster/pods", family)] = (
            block if isinstance(block, NoBlock) else str(block)
        )
    return entries


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _addresses(name: str, ips: Iterable[IPAddress]) -> dict[str, str]:
    return {_of_family(name, ip.version): str(ip) for ip in ips}


def _of_family(name: str, family: int) -> str:
    return f"{name}/IPv6" if family == 6 else name
