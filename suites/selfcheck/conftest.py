"""What the suite's own tests share: golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files anew from what the tests get; read the difference before commit",
    )


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
