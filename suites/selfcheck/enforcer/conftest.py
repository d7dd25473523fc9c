"""A kernel that is none, and checks of a real one in user and network namespaces of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .fake_kernel import FakeKernel


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


@pytest.fixture
def in_namespaces(unshare: tuple[str, ...]) -> Callable[[str], None]:
    """``in_namespaces("module.function")``: that function of this folder must raise nothing."""
    path = os.pathsep.join(map(str, Path(__file__).parents[:2]))

    def run(check: str) -> None:
        module, _, function = check.partition(".")
        code = f"from {module} import {function}; {function}()"
        result = subprocess.run(
            [*unshare, sys.executable, "-c", code],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert result.returncode == 0, result.stderr

    return run
