"""The enforcer and the kernel's nftables, in user and network namespaces of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = ("unshare", "--user", "--map-root-user", "--net")
CHECKS = (
    "kernel_checks.after_any_events_the_kernel_holds_a_fresh_compile",
    "kernel_checks.a_large_load_is_built_aside_and_takes_over_at_once",
    "kernel_checks.golden_files_load",
    "kernel_checks.a_table_that_was_removed_comes_back_with_the_next_change",
    "kernel_checks.a_refused_text_changes_nothing_and_says_why",
    "packet_checks.ipv4_packets_meet_the_rules",
    "packet_checks.ipv6_packets_meet_the_rules",
)


@pytest.fixture(scope="module")
def _may_unshare() -> None:
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are forbidden here")


@pytest.mark.usefixtures("_may_unshare")
@pytest.mark.parametrize("check", CHECKS)
def test_kernel(check: str) -> None:
    module, _, function = check.partition(".")
    code = f"from {module} import {function}; {function}()"
    command = [*UNSHARE, sys.executable, "-c", code]
    path = os.pathsep.join(map(str, Path(__file__).parents[:2]))
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
