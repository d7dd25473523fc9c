from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.enforcer.ranges import EVERYTHING, PeerRange, PortRange, disjoint

numbers = st.integers(0, 12)
ranges = st.tuples(numbers, numbers).map(sorted)
port_ranges = st.one_of(
    st.builds(lambda p, ports: PortRange(p, p, *ports), st.sampled_from((6, 17)), ranges),
    st.just(EVERYTHING),
)
peer_ranges = st.lists(
    st.builds(
        lambda f, peers, port_range: PeerRange(f, *peers, port_range),
        st.sampled_from((4, 6)),
        ranges,
        port_ranges,
    ),
    max_size=6,
)


def points(peer_range: PeerRange) -> set[tuple[int, int, int, int]]:
    port_range = peer_range.port_range
    return {
        (peer_range.family, peer, protocol, port)
        for peer in range(peer_range.low, peer_range.high + 1)
        for protocol in (1, 6, 17)
        if port_range.protocol_low <= protocol <= port_range.protocol_high
        for port in range(14)
        if port_range.port_low <= port <= port_range.port_high
    }


@settings(max_examples=60, deadline=None)
@given(peer_ranges)
def test_the_union_stays_and_nothing_overlaps(given_ranges: list[PeerRange]) -> None:
    result = disjoint(given_ranges)
    parts = [points(peer_range) for peer_range in result]
    assert set().union(*parts) == set().union(*map(points, given_ranges))
    assert not any(one & other for one, other in combinations(parts, 2))


@settings(max_examples=50, deadline=None)
@given(peer_ranges, st.randoms())
def test_the_form_depends_on_the_union_alone(given_ranges: list[PeerRange], random) -> None:
    shuffled = random.sample(given_ranges, len(given_ranges))
    assert disjoint(shuffled) == disjoint(given_ranges) == disjoint(disjoint(given_ranges))


def test_neighbouring_addresses_become_one_box() -> None:
    port_range = PortRange(6, 6, 80, 90)
    assert disjoint(PeerRange(4, n, n, port_range) for n in range(8)) == {
        PeerRange(4, 0, 7, port_range)
    }
