"""The enforcer and the kernel's nftables, in user and network namespaces of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

CHECKS = (
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
