"""Where CI is set, only what is listed may be skipped; elsewhere anything may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.fixture
def cluster():
    pytest.skip("nothing to make it with")

def test_of_a_fixture(cluster): ...

def test_by_itself():
    pytest.skip("no program")

@pytest.mark.skipif(True, reason="no module")
def test_marked(): ...

def test_listed():
    pytest.skip("UNSUPPORTED: no IPv6 here")

@pytest.mark.xfail
def test_expected_to_fail():
    assert False
"""
WHOLE_FILE = "import pytest; pytest.skip('no system', allow_module_level=True)"


def _lines(folder: Path, ci: str, *options: str) -> str:
    """What pytest says at the end of the tests above, under this repository's ``conftest.py``."""
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]")
    (folder / "test_single.py").write_text(TESTS)
    (folder / "test_whole.py").write_text(WHOLE_FILE)
    command = [sys.executable, "-m", "pytest", "-p", "no:netpol_conformance", "-q", *options]
    environment = {**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        [*command, "--continue-on-collection-errors"],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_skip_that_is_not_listed_fails_and_says_what_to_do(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    said = _lines(tmp_path, "true", *options)
    assert "1 failed, 1 skipped, 1 xfailed, 3 errors" in said
    for reason in ("nothing to make it with", "no program", "no module", "no system"):
        assert f"Skipped, though CI is set: {reason}\n" in said
    assert "script/bootstrap --dev" in said


def test_elsewhere_any_test_may_be_skipped(tmp_path: Path) -> None:
    assert "5 skipped, 1 xfailed" in _lines(tmp_path, "")
