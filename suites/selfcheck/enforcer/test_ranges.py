from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.enforcer.ranges import EVERYTHING, Box, Span, disjoint

numbers = st.integers(0, 12)
ranges = st.tuples(numbers, numbers).map(sorted)
spans = st.one_of(
    st.builds(lambda p, ports: Span(p, p, *ports), st.sampled_from((6, 17)), ranges),
    st.just(EVERYTHING),
)
boxes = st.lists(
    st.builds(lambda f, peers, span: Box(f, *peers, span), st.sampled_from((4, 6)), ranges, spans),
    max_size=6,
)


def points(box: Box) -> set[tuple[int, int, int, int]]:
    span = box.span
    return {
        (box.family, peer, protocol, port)
        for peer in range(box.low, box.high + 1)
        for protocol in (1, 6, 17)
        if span.protocol_low <= protocol <= span.protocol_high
        for port in range(14)
        if span.port_low <= port <= span.port_high
    }


@settings(max_examples=60, deadline=None)
@given(boxes)
def test_the_union_stays_and_nothing_overlaps(given_boxes: list[Box]) -> None:
    result = disjoint(given_boxes)
    parts = [points(box) for box in result]
    assert set().union(*parts) == set().union(*map(points, given_boxes))
    assert not any(one & other for one, other in combinations(parts, 2))


@settings(max_examples=50, deadline=None)
@given(boxes, st.randoms())
def test_the_form_depends_on_the_union_alone(given_boxes: list[Box], random) -> None:
    shuffled = random.sample(given_boxes, len(given_boxes))
    assert disjoint(shuffled) == disjoint(given_boxes) == disjoint(disjoint(given_boxes))


def test_neighbouring_addresses_become_one_box() -> None:
    span = Span(6, 6, 80, 90)
    assert disjoint(Box(4, n, n, span) for n in range(8)) == {Box(4, 0, 7, span)}
