"""Machines outside that several make, use and lose at once, with a docker that only pretends."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kind.machines import Machines
from netpol_conformance.clusters.kind.tools import ToolError

from .fake_docker import FakeDocker, machines_of

OFFICE, VISITOR = ip_address("172.17.1.5"), ip_address("2001:db8::10")
CONTAINER = "some-outside-172-17-1-5"
MANY = 6
"""Users at once, of threads or processes."""
PROGRAM = """
import sys, tempfile
from ipaddress import ip_address
from pathlib import Path
from suites.selfcheck.clusters.fake_docker import machines_of
tempfile.tempdir = sys.argv[2]
machines = machines_of(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
for port in (80, 443):
    for ip in ("172.17.1.5", "2001:db8::10"):
        machines.start(ip_address(ip), [port])
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where turns are taken
    return FakeDocker(tmp_path)


@pytest.fixture
def machines(docker: FakeDocker) -> Machines:
    return machines_of(docker.program)


def started(docker: FakeDocker) -> dict[str, set[int]]:
    """The containers that were started, which must have been once each, and what they serve."""
    names = [call.split("--name ")[1].split()[0] for call in docker.calls if "--name" in call]
    assert len(names) == len(set(names)), names
    assert docker.offences == []
    return {name: docker.served(name) for name in names}


BOTH = {CONTAINER: {80, 443}, "some-outside-2001-db8--10": {80, 443}}


def test_threads_that_share_the_machines_make_each_once(docker: FakeDocker) -> None:
    """Some share one view of them, as a run's scenarios do, and some have their own."""
    views = [machines_of(docker.program) for _ in range(2)]

    def use(number: int) -> None:
        for port in (80, 443) if number % 3 else (443, 80):
            for ip in (OFFICE, VISITOR) if number % 2 else (VISITOR, OFFICE):
                views[number % 2].start(ip, [port])

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(use, range(MANY))) == [None] * MANY
    assert started(docker) == BOTH


def test_processes_that_share_the_machines_make_each_once(
    docker: FakeDocker, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(docker.program), str(tmp_path)]
    pipe = subprocess.PIPE
    users = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(MANY // 2)]
    for user in users:
        assert user.stdout is not None
        assert user.stdout.readline() == b"ready\n"
    for user in users:
        assert user.stdin is not None
        user.stdin.close()  # now, all at once
    for user in users:
        with user:
            assert user.wait() == 0
    assert started(docker) == BOTH


def test_a_name_is_waited_for_that_somebody_else_has_reserved(
    docker: FakeDocker, machines: Machines
) -> None:
    docker.reserve(CONTAINER, calls=5)
    machine = machines.start(OFFICE, [80])
    assert machine.container.startswith(f"{CONTAINER}.")
    assert docker.served(CONTAINER) == {80}
    assert docker.commands["rm"] == 0


def test_a_name_that_stays_reserved_ends_in_dockers_own_words(
    docker: FakeDocker, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netpol_conformance.clusters.kind.machines._START", 0.0)
    docker.reserve(CONTAINER, calls=100)
    with pytest.raises(ToolError, match="is already in use by container"):
        machines.start(OFFICE, [80])


def test_a_machine_that_died_is_another_one(docker: FakeDocker, machines: Machines) -> None:
    before = machines.start(OFFICE, [80])
    docker.kill(CONTAINER)
    with pytest.raises(ToolError, match="is not running"):
        machines.route(before, {ip_address("10.244.1.2"): "node-1"})
    after = machines.start(OFFICE, [80])
    assert after.container != before.container
    assert machines.agent(before) != machines.agent(after)
    assert "address replace 172.17.1.5" in docker.scripts(CONTAINER)
    assert docker.served(CONTAINER) == {80}
    with pytest.raises(ToolError, match="No such container"):
        machines.route(before, {ip_address("10.244.1.2"): "node-1"})
    assert docker.offences == []


def test_one_that_an_earlier_process_made_is_taken_over(docker: FakeDocker) -> None:
    before = machines_of(docker.program).start(OFFICE, [80])
    assert machines_of(docker.program).start(OFFICE, [80, 443]) == before
    assert started(docker) == {CONTAINER: {80, 443}}


def test_what_is_as_it_should_be_costs_one_look(docker: FakeDocker, machines: Machines) -> None:
    machine = machines.start(OFFICE, [80])
    before = len(docker.calls)
    assert machines.start(OFFICE, [80]) == machine
    assert len(docker.calls) == before + 1


def test_all_targets_are_routed_by_one_command(docker: FakeDocker, machines: Machines) -> None:
    machine = machines.start(OFFICE, [])
    before = len(docker.calls)
    pods = {ip_address(f"192.168.{at}.7"): f"node-{at}" for at in (1, 2)}
    machines.route(machine, pods)
    assert len(docker.calls) == before + 1
    routes = [line for line in docker.scripts(CONTAINER).splitlines() if " 192.168." in line]
    assert [line.split()[:5] for line in routes] == [
        ["ip", "-4", "route", "replace", "192.168.1.7"],
        ["ip", "-4", "route", "replace", "192.168.2.7"],
    ]
    assert " via 172.18.0.2 " in routes[0]
    assert " via 172.18.0.3 " in routes[1]


def test_a_node_that_does_not_run_is_named(docker: FakeDocker, machines: Machines) -> None:
    docker.kill("node-2")
    with pytest.raises(ClusterError, match="does not run any more"):
        machines.start(OFFICE, [])


def test_all_are_removed_in_the_end(docker: FakeDocker, machines: Machines) -> None:
    machines.start(OFFICE, [80])
    docker.kill(CONTAINER)
    machines.remove()
    assert docker.commands["rm"] == 1
    assert "link delete npc-outside" in docker.scripts("node-2")
