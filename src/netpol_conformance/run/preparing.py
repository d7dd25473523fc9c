"""What is found out before anything rests on it: whether the probes work, and what the pod network
carries.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from netpol_conformance.clusters.base import Cluster, ClusterError, ClusterSpec, RefusedError
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import SelfCheck, Verdict
from netpol_conformance.run.addressing import AddressError
from netpol_conformance.run.events import Consumer, NetworkMeasured, SelfTested, evidence
from netpol_conformance.run.measuring import Measured, measure, path_results
from netpol_conformance.run.network import Network
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Scenario

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often the probes are tested at most; one test must be without a fault."""


class Prepared(NamedTuple):
    """What the test of the probes came to, and what the pod network carries."""

    tested: Outcome
    network: Network


UNPREPARED = Prepared(Outcome.INCONCLUSIVE, Network())
"""Nothing is known."""


def prepare(
    cluster: Callable[[], Cluster],
    scenarios: Sequence[Scenario],
    timeouts: Timeouts,
    emit: Consumer,
) -> Prepared:
    """Test the probes and measure the paths that ``scenarios`` use, in what ``cluster`` gives."""
    return Prepared(_test_probes(cluster, emit), _measure(cluster, scenarios, timeouts, emit))


def _test_probes(cluster: Callable[[], Cluster], emit: Consumer) -> Outcome:
    try:
        checks = self_test(cluster())
    except ClusterError as error:
        event = SelfTested(outcome=Outcome.INCONCLUSIVE, reason=str(error), evidence=())
    else:
        wrong = complaint(checks)
        event = SelfTested(
            outcome=Outcome.INCONCLUSIVE if wrong or not checks else Outcome.PASS,
            reason=wrong or "Each probe connects where it can and sees a drop where it cannot.",
            evidence=tuple(evidence("control", check.observation) for check in checks),
        )
    _log.info("test of the probes: %s: %s", event.outcome.value, event.reason)
    emit(event)
    return event.outcome


def _measure(
    cluster: Callable[[], Cluster],
    scenarios: Sequence[Scenario],
    timeouts: Timeouts,
    emit: Consumer,
) -> Network:
    measured, reason = Measured(), ""
    try:
        measured = measure(cluster(), scenarios, timeouts)
    except (ClusterError, RefusedError, AddressError) as error:
        reason = str(error)
    _log.info("the pod network was measured%s", reason and f": {reason}")
    emit(NetworkMeasured(paths=tuple(path_results(measured)), reason=reason))
    return measured.network


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
