"""What the enforcer's tests share: a kernel that is none."""

from __future__ import annotations

import pytest

from .fake_kernel import FakeKernel


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()
