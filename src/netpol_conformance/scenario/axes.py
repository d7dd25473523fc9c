"""The axes that the corpus crosses pair by pair, and the values of each. Data, and what may meet.

A case says where it stands in ``axes: {direction: egress, port: range, ...}``. Not here: which
cases there are and what they expect (``script/pairwise`` writes those).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from netpol_conformance.scenario.errors import did_you_mean

AXES: dict[str, tuple[str, ...]] = {
    "direction": ("ingress", "egress", "both"),
    "peer": (
        "none",
        "empty",
        "podSelector",
        "namespaceSelector",
        "both",
        "two items",
        "ipBlock",
        "ipBlock and except",
        "mixed",
    ),
    "port": ("none", "number", "name", "range", "protocol", "two"),
    "protocol": ("TCP", "UDP", "SCTP"),
    "policies": ("one", "overlapping", "disjoint", "allow-all"),
    "operator": ("In", "NotIn", "Exists", "DoesNotExist"),
    "where": ("same node", "other node"),
    "family": ("IPv4", "IPv6"),
}
"""Each axis with its values, in the order in which they are listed.

- direction: which of its directions the policy speaks of
- peer: how a rule names whom it admits; *none* has no ``from`` or ``to``, *empty* an empty
  podSelector, *both* the two selectors in one item, *two items* one in each, *mixed* a
  podSelector beside an ipBlock
- port: how a rule names ports; *protocol* has a protocol and no port
- protocol: of the ports that the case is about
- policies: *overlapping* has a second policy for the same pod, *disjoint* one for another pod,
  *allow-all* one that opens everything later
- operator: of the peers' selectors; where peers have none, of the policy's own podSelector
- where: the peers' node, seen from the policy's pod
- family: of the addresses
"""

Pair = tuple[tuple[str, str], tuple[str, str]]
"""A value of one axis and a value of another: ``(("direction", "egress"), ("port", "name"))``."""


def pairs(place: Mapping[str, str]) -> Iterator[Pair]:
    """The pairs that one place, as a case writes it, is an example of."""
    known = [(axis, place[axis]) for axis in AXES if axis in place]
    yield from combinations(known, 2)


def all_pairs() -> tuple[Pair, ...]:
    """Every pair there is. No two values of these axes exclude each other."""
    return tuple(
        ((one, first), (other, second))
        for one, other in combinations(AXES, 2)
        for first in AXES[one]
        for second in AXES[other]
    )


def check(place: dict[str, str]) -> dict[str, str]:
    """``place`` itself; raises ValueError for an axis or a value that is none."""
    for axis, value in place.items():
        if axis not in AXES:
            raise ValueError(f'no axis is called "{axis}"; {did_you_mean(axis, AXES)}')
        if value not in AXES[axis]:
            hint = did_you_mean(value, AXES[axis])
            raise ValueError(f'the axis {axis} has no value "{value}"; {hint}')
    return place
