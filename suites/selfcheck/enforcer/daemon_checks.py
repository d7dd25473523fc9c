"""The daemon as a process, in user and network namespaces of its own.

``test_kernel`` runs each check in a process that has such namespaces, its loopback up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import daemon_objects as raw
from fake_api import FakeApi
from tenacity import retry, stop_after_delay, wait_fixed

from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import Nft, NftError

PATIENCE = 30.0
PORT = 9479
MAIN = ruleset.TABLES[0]


@contextmanager
def daemon(api: FakeApi, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "netpol_conformance", "enforcer", "run", "--node", "node-1"]
    command += ["--api", api.url, "--no-network", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except urllib.error.URLError as error:
        return 0, str(error)


@retry(stop=stop_after_delay(PATIENCE), wait=wait_fixed(0.02), reraise=True)
def until(holds: Callable[[], bool]) -> None:
    assert holds()


def ready() -> bool:
    return ask("/readyz")[0] == 200


def isolated(nft: Nft, address: str) -> bool:
    return address in listed(nft, f"set {MAIN} ingress_isolated4")


def listed(nft: Nft, what: str) -> str:
    """What nft has of it; empty while it is not there."""
    try:
        return nft.run(f"list {what}\n")
    except NftError:
        return ""


def cluster() -> FakeApi:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    api = FakeApi()
    api.put(raw.node(), raw.namespace(), raw.deny(app="web"), raw.pod("web", "10.244.1.2"))
    return api


def rules_outlive_the_process_and_its_restart_replaces_them() -> None:
    nft = Nft()
    with cluster().serving() as api:
        with daemon(api) as process:
            until(ready)
            assert isolated(nft, "10.244.1.2")
            process.kill()
            process.wait()
        assert isolated(nft, "10.244.1.2")
        api.put(raw.pod("web", "10.244.1.9"))
        api.refuses = 503
        with daemon(api) as process:
            until(lambda: "first lists" in ask("/readyz")[1])
            assert isolated(nft, "10.244.1.2")
            api.refuses = 0
            until(ready)
            assert isolated(nft, "10.244.1.9")
            assert not isolated(nft, "10.244.1.2")
            process.terminate()
            assert process.wait() == 0
        assert isolated(nft, "10.244.1.9")


def an_outage_leaves_the_last_state_in_force() -> None:
    nft = Nft()
    with cluster().serving() as api, daemon(api):
        until(ready)
        api.stop()
        until(lambda: "netpol_enforcer_watch_lost{" in ask("/metrics")[1])
        assert isolated(nft, "10.244.1.2")
        assert ready()
        api.put(raw.pod("web", "10.244.1.9"))
        api.start()
        until(lambda: isolated(nft, "10.244.1.9"))
        until(lambda: "netpol_enforcer_watch_lost{" not in ask("/metrics")[1])


def a_new_node_is_closed_before_the_first_sync() -> None:
    nft = Nft()
    with cluster().serving() as api:
        api.withholds = "/api/v1/pods"
        with daemon(api):
            until(lambda: "10.244.1.0/24" in listed(nft, f"table {MAIN}"))
            assert "10.244.1.2" not in listed(nft, f"table {MAIN}")
            assert not ready()
            api.withholds = ""
            until(ready)
            assert "10.244.1.2" in listed(nft, f"table {MAIN}")


def a_table_that_somebody_removed_comes_back_with_the_next_change() -> None:
    nft = Nft()
    with cluster().serving() as api, daemon(api):
        until(ready)
        nft.run(f"delete table {MAIN}\n")
        api.put(raw.pod("db", "10.244.1.3"))
        until(lambda: isolated(nft, "10.244.1.2"))


def the_log_is_one_json_object_a_line() -> None:
    with cluster().serving() as api, daemon(api) as process:
        until(ready)
        process.terminate()
        _, errors = process.communicate()
    events = [json.loads(line)["event"] for line in errors.splitlines()]
    assert events == ["started", "closed until the first sync", "in force", "ready"], events
