"""Ends as the masks know them: a bit, an address as a number, and a node."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from netpol_conformance.model.objects import IPAddress, IPBlock, Pod

EVERYONE = -1
"""The mask of every end, pod or not."""


class Place(NamedTuple):
    """An end of a connection of one family.

    ``number`` is the pod's own, or the number of pods for an end that is none; ``bit`` its mask.
    ``address`` is None where the end has none of the family. ``node`` names the node that a pod
    runs on, or the node itself; empty for any other end. A ``translated`` one has an address that
    nobody knows (S41).
    """

    number: int
    bit: int
    address: int | None
    family: int
    node: str
    is_pod: bool
    translated: bool = False


def address_of(ips: Iterable[IPAddress], family: int) -> int | None:
    """The first address of the family, as a number."""
    return next((int(ip) for ip in ips if ip.version == family), None)


def mask_of(numbers: Iterable[int], size: int) -> int:
    """The mask with these bits set, all below ``size``."""
    octets = bytearray(size // 8 + 1)
    for number in numbers:
        octets[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(octets, "little")


class PlaceIndex:
    """The places of a cluster's pods, for one address family."""

    def __init__(self, pods: Sequence[Pod], family: int) -> None:
        self._pods = pods
        self.family = family
        self._places: dict[int, Place] = {}

    def pod(self, number: int) -> Place:
        """The place of the pod of this number."""
        place = self._places.get(number)
        if place is None:
            pod = self._pods[number]
            address = address_of(pod.ips, self.family)
            place = Place(number, 1 << number, address, self.family, pod.node, is_pod=True)
            self._places[number] = place
        return place

    def other(self, address: int | None, node: str = "") -> Place:
        """The place of a node, of a pod taken for its node (S7), or of an outside address."""
        number = len(self._pods)
        return Place(number, 1 << number, address, self.family, node, is_pod=False)

    def translated(self) -> Place:
        """The place of an address in the client's place, which no block surely holds."""
        return self.other(None)._replace(translated=True)

    def between(self, first: int, last: int) -> int:
        """The mask of the pods whose address is in this closed range."""
        addresses, numbers = self._sorted
        found = numbers[bisect_left(addresses, first) : bisect_right(addresses, last)]
        return mask_of(found, len(self._pods))

    @cached_property
    def _sorted(self) -> tuple[list[int], list[int]]:
        pairs = sorted(
            (address, number)
            for number, pod in enumerate(self._pods)
            if (address := address_of(pod.ips, self.family)) is not None
        )
        return [address for address, _ in pairs], [number for _, number in pairs]


class Block:
    """An ipBlock as ranges of numbers (S30, S32)."""

    __slots__ = ("_holes", "_mask", "_range", "family")

    def __init__(self, block: IPBlock) -> None:
        self.family = block.cidr.version
        self._range = (int(block.cidr.network_address), int(block.cidr.broadcast_address))
        self._holes = tuple(
            (int(hole.network_address), int(hole.broadcast_address)) for hole in block.excepted
        )
        self._mask: int | None = None

    def holds(self, place: Place) -> bool:
        """Whether the place's address is in the block and in no exception of it."""
        address = place.address
        if address is None or place.family != self.family:
            return False
        first, last = self._range
        return first <= address <= last and not any(
            low <= address <= high for low, high in self._holes
        )

    def pods(self, places: PlaceIndex) -> int:
        """The mask of the pods in the block; of nobody for the other family's places."""
        if places.family != self.family:
            return 0
        if self._mask is None:
            self._mask = places.between(*self._range)
            for hole in self._holes:
                self._mask &= ~places.between(*hole)
        return self._mask
