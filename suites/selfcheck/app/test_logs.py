"""A run's log: what is in the file and on the terminal, what never is, and what ends no run."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest

from netpol_conformance import redaction
from netpol_conformance.app.logs import Verbosity, log_to
from netpol_conformance.clusters.base import ClusterError, ClusterSpec
from netpol_conformance.clusters.embedded.cluster import EmbeddedCluster
from netpol_conformance.clusters.kind import tools
from netpol_conformance.clusters.kubernetes.agents.exec import ExecChannel
from netpol_conformance.clusters.kubernetes.agents.streams import Agents, StreamError
from netpol_conformance.clusters.kubernetes.api.client import SECRETS
from netpol_conformance.clusters.kubernetes.external import CommandClient
from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.verdict import Probe, Source
from netpol_conformance.run.session import CURRENT_SCENARIO

from ..clusters.kubernetes_api import ScriptedApi, serving

LOG = logging.getLogger("netpol_conformance.clusters.somewhere")
SECRET = "hunter2-4711"
POD = Source(SourceKind.POD, "a", "default")


@pytest.fixture(autouse=True)
def _nothing_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_learnt", set())


def written(folder: Path, name: str = "run.log") -> list[str]:
    return (folder / name).read_text().splitlines()


@pytest.mark.parametrize(
    ("verbosity", "shown"),
    [
        (Verbosity.QUIET, ["grave"]),
        (Verbosity.VERBOSE, ["plain", "grave"]),
        (Verbosity.DEBUG, ["tiny", "plain", "grave"]),
    ],
)
def test_the_file_has_all_of_it_whatever_the_terminal_shows(
    tmp_path: Path, verbosity: Verbosity, shown: list[str]
) -> None:
    terminal = io.StringIO()
    with log_to(tmp_path / "new", verbosity, stream=terminal):
        LOG.debug("tiny")
        LOG.info("plain")
        LOG.warning("grave")
    assert [line.split()[-1] for line in terminal.getvalue().splitlines()] == shown
    assert [line.split()[-1] for line in written(tmp_path / "new")] == ["tiny", "plain", "grave"]


def test_a_line_says_when_how_grave_who_and_what(tmp_path: Path) -> None:
    with log_to(tmp_path):
        LOG.info("one\ntwo")
    first, second = written(tmp_path)
    time, *rest = first.split()
    assert len(time) == len("2026-01-31T12:00:00.000Z")
    assert rest == ["INFO", "[MainThread]", "netpol_conformance.clusters.somewhere:", "one"]
    assert second == "    two"


def test_a_line_names_the_scenario_that_its_thread_works_for(tmp_path: Path) -> None:
    def work(path: str) -> None:
        CURRENT_SCENARIO.set(path)
        LOG.info("at %s", path)

    with log_to(tmp_path), ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["a.yaml", "b.yaml"]))
        LOG.info("at none")
    assert sorted(line.split()[2] + line.split()[-1] for line in written(tmp_path)) == [
        "[MainThread]none",
        "[a.yaml]a.yaml",
        "[b.yaml]b.yaml",
    ]


def test_what_happens_in_an_embedded_cluster_is_in_the_log(tmp_path: Path) -> None:
    def work() -> None:
        CURRENT_SCENARIO.set("a.yaml")
        cluster = EmbeddedCluster()
        cluster.start(ClusterSpec(nodes=1))
        cluster.close()

    with log_to(tmp_path), ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
    said = [line.split(maxsplit=2)[2] for line in written(tmp_path)]
    enforcer = "netpol_conformance.enforcer.controller: node-1: loaded afresh"
    assert any(line.startswith(f"[a.yaml] {enforcer}") for line in said), said
    assert any("embedded.process: start: done in" in line for line in said), said


def test_nothing_stays_when_the_run_is_over(tmp_path: Path) -> None:
    logger = logging.getLogger("netpol_conformance")
    before = (list(logger.handlers), logger.level, logger.propagate)
    with log_to(tmp_path, Verbosity.DEBUG):
        pass
    assert (list(logger.handlers), logger.level, logger.propagate) == before


def test_what_others_log_is_not_ours(tmp_path: Path) -> None:
    with log_to(tmp_path, Verbosity.DEBUG):
        logging.getLogger("kubernetes.client.rest").warning("response body: %s", SECRET)
    assert written(tmp_path) == []


# -- what must not end a run -----------------------------------------------------------------------


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_a_full_disk_is_told_once_and_ends_nothing(tmp_path: Path, level: int) -> None:
    (tmp_path / "run.log").symlink_to("/dev/full")
    terminal = io.StringIO()
    with log_to(tmp_path, stream=terminal):
        for number in range(2000):
            LOG.log(level, "line %d", number)
    (line,) = terminal.getvalue().splitlines()
    assert "run.log ends here: [Errno 28]" in line


def test_a_folder_that_there_cannot_be_is_told_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    terminal = io.StringIO()
    with log_to(tmp_path / "file" / "folder", stream=terminal):
        LOG.info("goes on")
    (line,) = terminal.getvalue().splitlines()
    assert "there will be no log: " in line


def test_a_process_that_leaves_in_a_hurry_has_its_log(tmp_path: Path) -> None:
    program = (
        "import logging, sys; from pathlib import Path; from netpol_conformance.app.logs import *\n"
        f"with log_to(Path({str(tmp_path)!r})):\n"
        " logging.getLogger('netpol_conformance.x').debug('last words')\n"
        " sys.exit(1)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    assert written(tmp_path)[-1].endswith("last words")


# -- secrets ---------------------------------------------------------------------------------------


def through_the_client(_folder: Path, _patch: pytest.MonkeyPatch) -> None:
    """A Secret is copied, and the server's answer repeats what it was sent."""
    with serving(ScriptedApi()) as api:
        path = "/api/v1/namespaces/a/secrets"
        said = {"message": f"Authorization: Bearer {SECRET}", "data": {"password": SECRET}}
        api.answers["POST", path] = (403, said)
        client = api.client()
        client.configuration.api_key = {"authorization": f"Bearer {SECRET}"}
        with pytest.raises(Exception, match="Bearer") as refused:
            client.create(SECRETS, {"data": {"password": SECRET}}, "a")
    LOG.info("ends: %s", refused.value)


def through_exec(_folder: Path, _patch: pytest.MonkeyPatch) -> None:
    with serving(ScriptedApi()) as api:
        client = api.client()
        client.configuration.api_key = {"authorization": f"Bearer {SECRET}"}
        agents = Agents(lambda _source: ExecChannel(client, "default", "a"))
        agents.ask([Probe(POD, "127.0.0.1", 80, frozenset())])
        agents.close()
        with pytest.raises(StreamError):
            ExecChannel(client, "default", "a")


def through_an_external_client(folder: Path, patch: pytest.MonkeyPatch) -> None:
    program(folder, patch, "sshpass")
    client = CommandClient(f"sshpass -p {SECRET} ssh probe.example --password '{SECRET}'")
    client.start([])
    client.probe([Probe(POD, "127.0.0.1", 80, frozenset())])
    client.close()
    with pytest.raises(ClusterError) as failed:
        client.address_towards(ip_address("192.0.2.1"))
    LOG.info("ends: %s", failed.value)


def through_a_command(folder: Path, patch: pytest.MonkeyPatch) -> None:
    program(folder, patch, "docker")
    words = ["docker", "login", f"--password={SECRET}", f"https://me:{SECRET}@registry.example"]
    with pytest.raises(tools.ToolError) as failed:
        tools.run(words, given=SECRET)
    LOG.info("ends: %s", failed.value)


def through_the_environment(_folder: Path, _patch: pytest.MonkeyPatch) -> None:
    """The cluster's process gets all of it; values whose names say so are known from the start."""
    cluster = EmbeddedCluster()
    cluster.start(ClusterSpec(nodes=1))
    cluster.close()
    LOG.info("somebody's token is %s", SECRET)


def program(folder: Path, patch: pytest.MonkeyPatch, name: str) -> None:
    """A program that fails and repeats its arguments."""
    path = folder / name
    path.write_text('#!/bin/sh\necho "$0: bad arguments: $*" >&2\nexit 1\n')
    path.chmod(0o755)
    patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    "way",
    [
        through_the_client,
        through_exec,
        through_an_external_client,
        through_a_command,
        through_the_environment,
    ],
)
def test_secrets_are_never_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    if way is through_the_environment:
        monkeypatch.setenv("SOMEBODYS_TOKEN", SECRET)
    terminal = io.StringIO()
    with log_to(tmp_path, Verbosity.DEBUG, stream=terminal):
        way(tmp_path, monkeypatch)
    for text in (terminal.getvalue(), "\n".join(written(tmp_path))):
        assert "netpol_conformance.clusters" in text
        assert SECRET not in text
