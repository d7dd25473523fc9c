"""What goes wrong around a run is reported, costs exit code 3 at most, and leaves nothing."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .real_cluster import Ended, Kind, Run

SCENARIO = "handbook/simple-example.yaml"


def _restricted(kind: Kind, folder: Path, **user: str) -> Path:
    """A kubeconfig for the cluster with other credentials, or another server."""
    config: dict[str, Any] = yaml.safe_load(kind.driver.kubeconfig.read_text(encoding="utf-8"))
    server = user.pop("server", "")
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    if user:
        config["users"][0]["user"] = user
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def _refused(kind: Kind, folder: Path, kubeconfig: Path, *words: str) -> str:
    """What a run with this kubeconfig says, which tests nothing and reports just that."""
    there = ("--cluster", "kubeconfig", "--kubeconfig", str(kubeconfig))
    run = Run(folder / "report", SCENARIO, *there, *kind.image, *words).ended()
    assert run.code == 3, run.output
    assert run.report is not None
    return run.output


@pytest.fixture
def nothing_left(kind: Kind) -> Iterator[None]:
    """The cluster's objects are the same after the test as before."""
    with kind.unchanged():
        yield


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_leaves_the_cluster_as_it_was_and_a_report(kind: Kind) -> None:
    run = kind.begin("handbook", "--jobs", "2").ended(
        lambda process: os.kill(process, signal.SIGINT)
    )
    assert run.code == 3, run.output
    assert run.report is not None
    assert run.report.partial


@pytest.mark.usefixtures("nothing_left")
def test_missing_rights_are_named(kind: Kind, tmp_path: Path) -> None:
    kind.kubectl("create", "serviceaccount", "powerless", "--namespace", "default")
    try:
        token = kind.kubectl("create", "token", "powerless", "--namespace", "default").strip()
        told = _refused(kind, tmp_path, _restricted(kind, tmp_path, token=token))
    finally:
        kind.kubectl("delete", "serviceaccount", "powerless", "--namespace", "default")
    assert "create" in told
    assert "namespaces" in told


@pytest.mark.usefixtures("nothing_left")
def test_credentials_that_are_no_good_any_more_are_named(kind: Kind, tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1}).encode()).decode().rstrip("=")
    config = _restricted(kind, tmp_path, token=f"e30.{claims}.c2ln")
    assert "401" in _refused(kind, tmp_path, config)


def test_an_api_server_out_of_reach_is_named(kind: Kind, tmp_path: Path) -> None:
    config = _restricted(kind, tmp_path, server="https://127.0.0.1:1")
    assert "https://127.0.0.1:1 cannot be reached" in _refused(kind, tmp_path, config)


@pytest.mark.usefixtures("nothing_left")
def test_an_image_that_cannot_be_pulled_is_named(kind: Kind, tmp_path: Path) -> None:
    image = "registry.invalid/netpol-conformance:none"
    assert image in _refused(kind, tmp_path, kind.driver.kubeconfig, "--image", image)


@pytest.mark.usefixtures("nothing_left")
def test_an_image_that_docker_lacks_is_named(kind: Kind) -> None:
    run = kind.run(SCENARIO, "--image", "netpol-conformance:none")
    assert run.code == 3
    assert "Docker has no image netpol-conformance:none" in run.output


def test_an_enforcer_killed_in_mid_run_is_no_ones_pass(killed: Ended, on_kind: Ended) -> None:
    """What it still has to enforce fails; what is reported is a finding about it, or none.

    The next run puts the enforcer back, on nodes too where a killed run had stopped it.
    """
    assert killed.code in {1, 3}, killed.output
    assert killed.report is not None
    assert killed.report.outcome.value in {"FAIL", "INCONCLUSIVE"}
    assert "FAIL" not in on_kind.outcomes.values(), on_kind.output


STUCK = """
apiVersion: v1
kind: Namespace
metadata:
  name: npc-earlier
  labels: {netpol-conformance/run: earlier}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: held, namespace: npc-earlier, finalizers: [example.com/held]}
"""


def test_a_run_leaves_the_cluster_as_it_was(kind: Kind) -> None:
    """Also what an earlier run left: it neither waits for a namespace that is stuck in Terminating,
    nor touches it. Nor does this test wait for it in the end, so it is the last one.
    """
    earlier = "namespace/npc-earlier"
    kind.kubectl("apply", "-f", "-", given=STUCK)
    try:
        kind.kubectl("delete", earlier, "--wait=false")
        kind.kubectl("wait", earlier, "--for=condition=NamespaceFinalizersRemaining")
        with kind.unchanged():
            assert kind.run(SCENARIO).code == 0
        assert "Namespace /npc-earlier" in kind.objects()
    finally:
        patch = '{"metadata": {"finalizers": null}}'
        kind.kubectl(
            "patch", "configmap", "held", "-n", "npc-earlier", "--type=merge", "--patch", patch
        )
