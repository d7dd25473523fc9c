"""What the suite's own tests share: golden files, an environment that is no CI's, and how a program
gets namespaces of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files anew from what the tests get; read the difference before commit",
    )


@pytest.fixture(autouse=True, scope="session")
def _outside_github() -> Iterator[None]:
    """Runs that tests make are not the step of GitHub Actions that the tests may run in."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
            patched.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def unshare() -> tuple[str, ...]:
    """What makes the command after it root of a user and a network namespace of its own."""
    words = ("unshare", "--user", "--map-root-user", "--net")
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are forbidden here")
    return words


@pytest.fixture
def in_namespaces(
    request: pytest.FixtureRequest, unshare: tuple[str, ...]
) -> Callable[[str], None]:
    """``in_namespaces("module.function")``: that function, of the test's folder or by its whole
    name, must raise nothing where it has namespaces of its own and a kernel to program.
    """
    folder = Path(request.path).parent
    path = os.pathsep.join(map(str, (folder, folder.parent, request.config.rootpath)))

    def run(check: str) -> None:
        module, _, function = check.rpartition(".")
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


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: ``text`` must be what ``golden/<name>`` beside the test file holds.

    ``pytest --update-golden`` writes the files instead.
    """
    folder = Path(request.path).parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.exists(), f"{path} is missing; write it with --update-golden"
        # Bytes, lest line ends be translated and a stray carriage return go unseen.
        assert text.encode() == path.read_bytes(), f"{path} differs; --update-golden accepts it"

    return check
