"""The daemon as a process that programs a kernel, in namespaces of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = ("unshare", "--user", "--map-root-user", "--net")
CHECKS = (
    "a_new_node_is_closed_before_the_first_sync",
    "a_table_that_somebody_removed_comes_back_with_the_next_change",
    "an_outage_leaves_the_last_state_in_force",
    "rules_outlive_the_process_and_its_restart_replaces_them",
    "the_log_is_one_json_object_a_line",
)


@pytest.fixture(scope="module")
def _may_unshare() -> None:
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are forbidden here")


@pytest.mark.usefixtures("_may_unshare")
@pytest.mark.parametrize("check", CHECKS)
def test_daemon(check: str) -> None:
    command = [*UNSHARE, sys.executable, "-c", f"import daemon_checks; daemon_checks.{check}()"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=180, env=environment
    )
    assert result.returncode == 0, result.stderr
