"""Testing the probes themselves, before anything rests on what they see."""

from __future__ import annotations

from collections.abc import Sequence

from netpol_conformance.clusters.base import Cluster, ClusterSpec
from netpol_conformance.probe.verdict import SelfCheck, Verdict

_ATTEMPTS = 3
"""How often the probes are tested at most; one test must be without a fault."""


def self_test(cluster: Cluster) -> tuple[SelfCheck, ...]:
    """What the probes see in ``cluster``, which is started for it and released.

    Raises ClusterError.
    """
    try:
        cluster.start(ClusterSpec(nodes=1))
        return checks_in_time(cluster)
    finally:
        cluster.release()


def checks_in_time(cluster: Cluster) -> tuple[SelfCheck, ...]:
    """What the probes see in the started ``cluster``.

    They are tested once more where all that is wrong is an answer that came too late, as on a
    busy machine. Raises ClusterError.
    """
    for _ in range(_ATTEMPTS - 1):
        checks = cluster.self_test()
        if not _only_late(checks):
            return checks
    return cluster.self_test()


def complaint(checks: Sequence[SelfCheck]) -> str:
    """What ``checks`` saw that they must not, in words; empty if nothing."""
    return "; ".join(
        f"{check.observation.command}: expected {check.expected.value}, "
        f"saw {check.observation.verdict.value}"
        for check in _faults(checks)
    )


def _faults(checks: Sequence[SelfCheck]) -> list[SelfCheck]:
    return [check for check in checks if check.observation.verdict is not check.expected]


def _only_late(checks: Sequence[SelfCheck]) -> bool:
    """Whether something is wrong, and all of it that an answer did not come in time."""
    late = (Verdict.CONNECTED, Verdict.TIMED_OUT)
    wrong = _faults(checks)
    return bool(wrong) and all((c.expected, c.observation.verdict) == late for c in wrong)
