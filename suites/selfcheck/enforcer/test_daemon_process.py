"""The daemon as a process that programs a kernel, in namespaces of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

CHECKS = (
    "a_new_node_is_closed_before_the_first_sync",
    "a_table_that_somebody_removed_comes_back_with_the_next_change",
    "an_outage_leaves_the_last_state_in_force",
    "rules_outlive_the_process_and_its_restart_replaces_them",
    "the_log_is_one_json_object_a_line",
)


@pytest.mark.parametrize("check", CHECKS)
def test_daemon(check: str, in_namespaces: Callable[[str], None]) -> None:
    in_namespaces(f"daemon_checks.{check}")
