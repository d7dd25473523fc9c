"""Ranges of (peer address, protocol, port), and making them disjoint.

An interval set of nftables refuses elements that overlap in part, so what policies allow a pod is
first expressed as ranges that do not overlap, the same for any order of the policies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import NamedTuple

from netpol_conformance.model.objects import IPNetwork


class PortRange(NamedTuple):
    """Inclusive ranges of IP protocol numbers and of ports.

    The protocols are one or all; where they are all, the ports are all too.
    """

    protocol_low: int
    protocol_high: int
    port_low: int
    port_high: int


EVERYTHING = PortRange(0, 255, 0, 65535)


class PeerRange(NamedTuple):
    """The peers ``low`` to ``high`` (inclusive, as integers, of ``family`` 4 or 6) on
    ``port_range``.
    """

    family: int
    low: int
    high: int
    port_range: PortRange

    @property
    def exact(self) -> bool:
        """Whether this is one address, one protocol, one port: an element of a hash set."""
        port_range = self.port_range
        return (
            self.low == self.high
            and port_range.protocol_low == port_range.protocol_high
            and port_range.port_low == port_range.port_high
        )


def disjoint(peer_ranges: Iterable[PeerRange]) -> frozenset[PeerRange]:
    """The same union as ``peer_ranges`` in a canonical form of which no two overlap.

    Sweeps over the peers' addresses; between two boundaries the spans are united per protocol,
    and neighbouring stretches of equal spans become one.
    """
    families: dict[int, list[PeerRange]] = defaultdict(list)
    for peer_range in peer_ranges:
        families[peer_range.family].append(peer_range)
    return frozenset(
        PeerRange(family, low, high, port_range)
        for family, members in families.items()
        for low, high, port_ranges in _merged(_stretches(members))
        for port_range in port_ranges
    )


def _stretches(peer_ranges: Iterable[PeerRange]) -> Iterator[tuple[int, int, frozenset[PortRange]]]:
    entering: dict[int, list[PortRange]] = defaultdict(list)
    leaving: dict[int, list[PortRange]] = defaultdict(list)
    for peer_range in peer_ranges:
        entering[peer_range.low].append(peer_range.port_range)
        leaving[peer_range.high + 1].append(peer_range.port_range)
    active: Counter[PortRange] = Counter()
    start = 0
    for point in sorted(entering.keys() | leaving.keys()):
        if active:
            yield start, point - 1, _united(active)
        active.update(entering.get(point, ()))
        active.subtract(leaving.get(point, ()))
        active = +active
        start = point


def _united(port_ranges: Iterable[PortRange]) -> frozenset[PortRange]:
    if EVERYTHING in (port_ranges := sorted(port_ranges)):
        return frozenset((EVERYTHING,))
    united: list[PortRange] = []
    for port_range in port_ranges:
        last = united[-1] if united else None
        if (
            last
            and last.protocol_low == port_range.protocol_low
            and port_range.port_low <= last.port_high + 1
        ):
            united[-1] = last._replace(port_high=max(last.port_high, port_range.port_high))
        else:
            united.append(port_range)
    return frozenset(united)


def _merged(
    stretches: Iterable[tuple[int, int, frozenset[PortRange]]],
) -> list[tuple[int, int, frozenset[PortRange]]]:
    merged: list[tuple[int, int, frozenset[PortRange]]] = []
    for low, high, port_ranges in stretches:
        if merged and (merged[-1][1] + 1, merged[-1][2]) == (low, port_ranges):
            merged[-1] = (merged[-1][0], high, port_ranges)
        else:
            merged.append((low, high, port_ranges))
    return merged


def collapsed(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    """The same addresses as ``networks``, of either family, in the fewest networks."""
    networks = tuple(networks)
    v4 = collapse_addresses(net for net in networks if isinstance(net, IPv4Network))
    v6 = collapse_addresses(net for net in networks if isinstance(net, IPv6Network))
    return [*v4, *v6]
