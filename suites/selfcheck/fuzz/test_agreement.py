"""The oracle and enforcement, written apart, mean the same: over random clusters and changes."""

from __future__ import annotations

import random

import pytest

from netpol_conformance.fuzz.cases import Shape
from netpol_conformance.model.version import KubernetesVersion

from .searching import describe, search, target

OLD = Shape(version=KubernetesVersion(1, 6))
AFRESH = {
    "IPv4": (Shape(), 50),
    "both families": (Shape((4, 6)), 10),
    "IPv6": (Shape((6,)), 10),
    "1.6": (OLD, 10),
}


def check(shape: Shape, first: int, cases: int) -> None:
    where = target(shape=shape)
    done = search(where, first, cases)
    assert done.cases == cases
    assert not done.found, describe(where, done.found[0])


@pytest.mark.parametrize(("shape", "cases"), AFRESH.values(), ids=AFRESH)
def test_enforcement_agrees_with_the_oracle(shape: Shape, cases: int) -> None:
    check(shape, random.randrange(1_000_000_000), cases)


@pytest.mark.parametrize("shape", [Shape(), OLD], ids=["IPv4", "1.6"])
def test_it_agrees_on_the_same_cases_in_every_run(shape: Shape) -> None:
    check(shape, 0, 30)
