"""Whether policies' blocks hold on a cluster what they hold in the planned one.

A scenario is written for blocks that hold some of its pods and hosts and leave others out. On a
cluster with other addresses the same manifests may mean something else, and cells may come out as
stated without resting on a block at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

from netpol_conformance.model.objects import (
    ClusterState,
    Direction,
    IPAddress,
    IPBlock,
    Node,
    ObjectKey,
    Pod,
    TranslatedSource,
)
from netpol_conformance.scenario.paths import End, PathError, path
from netpol_conformance.scenario.planning import state_in_force
from netpol_conformance.scenario.types import OutsideSpec, Scenario, Step

Addresses = Mapping[str, tuple[IPAddress, ...]]
"""What the ends of cells have, by their names."""


class BlockError(Exception):
    """A block is not what the scenario means by it; says which, and whose address shows it."""


class Place(NamedTuple):
    """Where a block stands in a policy; ``rule`` and ``peer`` count from 0."""

    policy: ObjectKey
    direction: Direction
    rule: int
    peer: int


def check_blocks(state: ClusterState, scenario: Scenario, step_index: int) -> None:
    """Raise BlockError unless the blocks of policies in ``state`` hold those ends of the step's
    stated cells that they hold in the planned cluster, and no others.

    ``state`` is what must be in force after step ``step_index``, which counts from 0.
    """
    blocks = dict(_blocks(state))
    if not blocks:
        return
    planned = state_in_force(scenario, step_index)
    meant = dict(_blocks(planned))
    step = scenario.steps[step_index]
    for direction in Direction:
        here = dict(_peers(state, scenario, step, direction))
        there = dict(_peers(planned, scenario, step, direction))
        for place, block in blocks.items():
            if place.direction is direction and place in meant:
                _check(place, (block, here), (meant[place], there))


def _check(
    place: Place, real: tuple[IPBlock, Addresses], planned: tuple[IPBlock, Addresses]
) -> None:
    """Raise BlockError where the two blocks differ in whom they hold, of those that both know."""
    held, meant = _held(*real), _held(*planned)
    lost = [name for name in held if not held[name] and meant.get(name)]
    extra = [name for name in held if held[name] and meant.get(name) is False]
    block, addresses = real
    for names, does, means in (
        (lost, "does not hold", "to hold"),
        (extra, "holds", "to leave out"),
    ):
        if names:
            shown = ", ".join(
                f"{name} ({_of_family(addresses[name], block.cidr.version)})" for name in names
            )
            raise BlockError(
                f"On this cluster the block {_words(block)} of {place.policy} {does} {shown}, "
                f"which the scenario means it {means}: its cells would not show what they are for."
            )


def _held(block: IPBlock, addresses: Addresses) -> dict[str, bool]:
    """Who is in the block, of those that have an address of its family."""
    return {
        name: ip in block.cidr and not any(ip in network for network in block.excepted)
        for name, ips in addresses.items()
        if (ip := _of_family(ips, block.cidr.version)) is not None
    }


def _of_family(ips: Sequence[IPAddress], family: int) -> IPAddress | None:
    return next((ip for ip in ips if ip.version == family), None)


def _blocks(state: ClusterState) -> Iterator[tuple[Place, IPBlock]]:
    for policy in state.policies:
        for direction in policy.policy_types:
            for rule, part in enumerate(policy.rules(direction)):
                for number, peer in enumerate(part.peers):
                    if peer.ip_block is not None:
                        yield Place(policy.key, direction, rule, number), peer.ip_block


def _peers(
    state: ClusterState, scenario: Scenario, step: Step, direction: Direction
) -> Iterator[tuple[str, tuple[IPAddress, ...]]]:
    """Whom a rule of this direction may be asked about, by the stated cells of the step."""
    for cell, _ in (*step.expected, *step.meanwhile):
        with suppress(PathError):  # a pod that comes or goes in this step
            for flow in path(state, scenario, cell).flows:
                end = flow.source if direction is Direction.INGRESS else flow.destination
                if not isinstance(end, TranslatedSource):  # whose address nobody knows
                    yield _named(end)


def _named(end: End) -> tuple[str, tuple[IPAddress, ...]]:
    match end:
        case Pod():
            return f"pod {end.namespace}/{end.name}", end.ips
        case Node():
            return end.name, end.ips
        case OutsideSpec():
            return f"outside/{end.name}", tuple(map(ip_address, end.addresses))


def _words(block: IPBlock) -> str:
    excepted = ", ".join(map(str, block.excepted))
    return f"{block.cidr} except {excepted}" if excepted else str(block.cidr)
