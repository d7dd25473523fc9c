from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address

import pytest

from netpol_conformance.clusters.base import ClusterError, OutsideHost, UnsupportedError
from netpol_conformance.clusters.kubernetes.external import CommandClient, Turn
from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.verdict import Probe, Source, Verdict

HERE = f"env PATH={sys.exec_prefix}/bin:/usr/bin:/bin sh -c"
OFFICE = OutsideHost("office", (ip_address("203.0.113.10"),))


def test_a_command_asks_where_it_runs() -> None:
    client = CommandClient(HERE)
    client.start([OFFICE])
    probe = Probe(Source(SourceKind.OUTSIDE, "office"), "127.0.0.1", 1, frozenset())
    (seen,) = client.probe([probe])
    client.close()
    assert seen.verdict is Verdict.REFUSED, seen


def test_it_says_its_address() -> None:
    assert CommandClient(HERE).address_towards(ip_address("127.0.0.1")) == ip_address("127.0.0.1")


@pytest.mark.parametrize("command", ["/no/such/ssh host", "false", "echo"])
def test_a_command_that_does_not_work_is_named(command: str) -> None:
    with pytest.raises(ClusterError, match=r"the external client does not work: .*installed"):
        CommandClient(command).address_towards(ip_address("127.0.0.1"))


def test_one_host_cannot_stand_for_two() -> None:
    with pytest.raises(UnsupportedError, match="several hosts outside"):
        CommandClient(HERE).start([OFFICE, OFFICE])


def test_a_name_would_lead_elsewhere() -> None:
    with pytest.raises(UnsupportedError, match="DNS has a name"):
        CommandClient(HERE).start([replace(OFFICE, named=True)])


def test_one_at_a_time_has_the_turn() -> None:
    first, second = Turn("a host of this test's"), Turn("a host of this test's")
    first.take()
    with ThreadPoolExecutor(1) as other:
        taken = other.submit(second.take)
        assert not taken.done()
        first.give_back()
        taken.result(20)
    second.give_back()
    second.give_back()
