"""``${pod/db}`` in a manifest: addresses that are known only when the cluster runs. Strict.

A template is ``${...}`` around a name of the directory: ``pod/db``, ``pod/secondary/web``,
``node/node-1``, ``outside/office``, ``cluster/pods`` (the network of all pods, as a CIDR); with
``/IPv6`` behind it for the address of that family. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from netpol_conformance.model.objects import ClusterState, IPAddress, IPNetwork
from netpol_conformance.scenario.errors import did_you_mean
from netpol_conformance.scenario.types import OutsideSpec

_TEMPLATE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[^{}\n]*)\}|(?P<stray>))")


class TemplateError(ValueError):
    """A ``${...}`` that stands for nothing; ``line`` counts from 1 in the text given."""

    def __init__(self, reason: str, suggestion: str, line: int) -> None:
        self.reason, self.suggestion, self.line = reason, suggestion, line
        super().__init__(f"line {line}: {reason}" + (f"; {suggestion}" if suggestion else ""))


def fill(text: str, directory: Mapping[str, str]) -> str:
    """``text`` with each ``${name}`` replaced; raises TemplateError for an unknown name."""

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["name"]
        if name not in directory:
            reason = f'"${{{name}}}" stands for no address of this scenario'
            raise TemplateError(reason, did_you_mean(name, directory), _line(text, match))
        return directory[name]

    for match in _TEMPLATE.finditer(text):  # refused before anything is replaced
        if match["stray"] is not None:
            reason = "a lone dollar sign"
            raise TemplateError(reason, "write ${...} or, for a dollar, $$", _line(text, match))
    return _TEMPLATE.sub(value, text)


def directory(state: ClusterState, outside: Iterable[OutsideSpec] = ()) -> dict[str, str]:
    """What each name stands for in ``state``: the value is an address, or a CIDR for a network.

    Pods without an address, and families that a thing lacks, have no entry.
    """
    entries: dict[str, str] = {}
    for pod in state.pods:
        entries |= _addresses(f"pod/{pod.namespace}/{pod.name}", pod.ips)
        if pod.namespace == "default":
            entries |= _addresses(f"pod/{pod.name}", pod.ips)
    for node in state.nodes:
        entries |= _addresses(f"node/{node.name}", node.ips)
    for host in outside:
        entries |= _addresses(f"outside/{host.name}", map(ip_address, host.addresses))
    return entries | _addresses("cluster/pods", _pod_networks(state))


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _addresses(name: str, ips: Iterable[IPAddress | IPNetwork]) -> dict[str, str]:
    return {name + ("/IPv6" if ip.version == 6 else ""): str(ip) for ip in ips}


def _pod_networks(state: ClusterState) -> Iterable[IPNetwork]:
    """The smallest network of each family around the pod networks of all nodes."""
    around: dict[int, IPNetwork] = {}
    for network in (cidr for node in state.nodes for cidr in node.pod_cidrs):
        whole = around.get(network.version, network)
        while not network.subnet_of(whole):  # type: ignore[arg-type] # of one family
            whole = whole.supernet()
        around[network.version] = whole
    return around.values()
