"""Which places on the axes there is a case for.

Direction, peer and port are crossed in full, for how a rule reads depends on all three. The
other axes are turned so that every pair of values is met; once all are, cheap values are
preferred, and of these such as were met least.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product

from netpol_conformance.scenario.axes import AXES, Pair, pairs

Place = dict[str, str]
"""A value for each axis."""

_GRID = ("peer", "direction", "port")
_TURNED = tuple(axis for axis in AXES if axis not in _GRID)
_COSTS = {"SCTP": 1, "IPv6": 2}
"""What not every kernel or cluster has, and what doubles the connections to ask for."""

BLOCKS = ("ipBlock", "ipBlock and except", "mixed")
"""The peers with a block of addresses."""


@cache
def places() -> tuple[Place, ...]:
    """Every place there is a case for; always the same."""
    seen: Counter[Pair] = Counter()
    chosen: list[Place] = []
    for values in product(*(AXES[axis] for axis in _GRID)):
        fixed = dict(zip(_GRID, values, strict=True))
        if no_such_case(fixed):
            continue
        place = min(_candidates(fixed), key=lambda candidate: _badness(candidate, seen))
        seen.update(pairs(place))
        chosen.append(place)
    return tuple(chosen)


def no_such_case(place: Place) -> str:
    """Why these values of the grid make no case, or nothing if they do. No pair is lost by it."""
    named_way_out = place["port"] == "name" and place["direction"] != "ingress"
    if named_way_out and place["peer"] in BLOCKS:
        return "blocks are meant for addresses outside the cluster (S31), whose ports have no names"
    return ""


def _candidates(fixed: Place) -> list[Place]:
    return [
        {axis: ({**fixed, **dict(zip(_TURNED, values, strict=True))})[axis] for axis in AXES}
        for values in product(*(AXES[axis] for axis in _TURNED))
    ]


def _badness(place: Place, seen: Counter[Pair]) -> tuple[int, int, int]:
    """Fewest new pairs, dearest, and most often met: the worst."""
    met = [seen[pair] for pair in pairs(place)]
    cost = sum(_COSTS.get(value, 0) for value in place.values())
    return -met.count(0), cost, sum(count * count for count in met)
