"""Enforcer, daemon and the kernel's nftables, in user and network namespaces of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

CHECKS = (
    "daemon_checks.a_new_node_is_closed_before_the_first_sync",
    "daemon_checks.a_table_that_somebody_removed_comes_back_with_the_next_change",
    "daemon_checks.an_outage_leaves_the_last_state_in_force",
    "daemon_checks.rules_outlive_the_process_and_its_restart_replaces_them",
    "daemon_checks.the_log_is_one_json_object_a_line",
    "kernel_checks.after_any_events_the_kernel_holds_a_fresh_compile",
    "kernel_checks.a_large_load_is_built_aside_and_takes_over_at_once",
    "kernel_checks.golden_files_load",
    "kernel_checks.a_table_that_was_removed_comes_back_with_the_next_change",
    "kernel_checks.a_refused_text_changes_nothing_and_says_why",
    "packet_checks.ipv4_packets_meet_the_rules",
    "packet_checks.ipv6_packets_meet_the_rules",
)


@pytest.mark.parametrize("check", CHECKS)
def test_kernel(check: str, in_namespaces: Callable[[str], None]) -> None:
    in_namespaces(check)
