"""The enforcer's DaemonSet on a real cluster: restarts, absence, a new policy, the pod network."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from netpol_conformance.enforcer.manifests import DAEMON_SET, NAMESPACE
from netpol_conformance.image.names import OWN_IMAGE

from .conftest import Kind

PATIENCE = 120.0
DENIED, ALLOWED = "0.1", "0.9"
"""Seconds a connect may take: of what is denied many tries are wanted; of what is allowed, all that
a busy machine takes, short of the second after which a dropped SYN is sent again.
"""
SCENE = "enforcer-under-test"
SERVE = """
import socket, threading
def answer(connection):
    with connection:
        if connection.recv(1000):
            connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
# A queue that never overflows: a full one drops SYNs, and that would look like a policy.
server = socket.create_server(("", 80), backlog=1024)
while True:
    threading.Thread(target=answer, args=server.accept()[:1]).start()
"""
DENY = f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: {SCENE}}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  ingress:
    - from:
        - podSelector: {{matchLabels: {{app: far}}}}
"""
KNOCK = """
import socket, sys, time
tries = reached = 0
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    tries += 1
    try:
        with socket.create_connection((sys.argv[1], 80), timeout=float(sys.argv[3])):
            reached += 1
    except OSError:
        pass
    time.sleep(0.01)
print(tries, reached)
"""
HOLD = """
import socket, sys
with socket.create_connection((sys.argv[1], 80), timeout=60) as connection:
    print("connected", flush=True)
    sys.stdin.readline()
    connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(connection.recv(100).decode().split("\\r\\n")[0])
"""


@retry(stop=stop_after_delay(PATIENCE), wait=wait_fixed(0.2), reraise=True)
def until(holds: Callable[[], object]) -> None:
    assert holds()


@dataclass(frozen=True)
class Scene:
    """Three pods: web, near (on web's node) and far (on another); web admits far alone."""

    kind: Kind
    nodes: tuple[str, str]

    def kubectl(self, *words: str, given: str | None = None) -> str:
        return self.kind.kubectl("--namespace", SCENE, *words, given=given)

    def start(self, **nodes: str) -> None:
        """Start pods, by their names on these nodes."""
        containers = [{"name": "web", "image": OWN_IMAGE, "command": ["python3", "-c", SERVE]}]
        pods = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": {"app": name}},
                "spec": {
                    "nodeName": node,
                    "terminationGracePeriodSeconds": 0,
                    "containers": containers,
                },
            }
            for name, node in nodes.items()
        ]
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
        self.kubectl("apply", "--filename", "-", given=given)
        self.kubectl("wait", "pod", *nodes, "--for=condition=Ready", "--timeout=120s")

    def address(self, name: str) -> str:
        return self.kubectl("get", "pod", name, "--output=jsonpath={.status.podIP}")

    def spawn(self, name: str, code: str, *words: str) -> subprocess.Popen[str]:
        there = ["--kubeconfig", str(self.kind.driver.kubeconfig), "--namespace", SCENE]
        command = ["kubectl", *there, "exec", "--stdin", name, "--", "python3", "-c", code, *words]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def knock(self, source: str, target: str, seconds: float = 0.5) -> tuple[int, int]:
        """How often ``source`` tried and reached ``target``'s address."""
        with self.spawn(source, KNOCK, target, str(seconds), DENIED) as knocking:
            tries, reached = knocking.communicate()[0].split()
        return int(tries), int(reached)

    def enforcer(self, *words: str) -> str:
        return self.kind.kubectl("--namespace", NAMESPACE, *words)

    def wait_for_the_enforcer(self) -> None:
        self.enforcer("rollout", "status", f"daemonset/{DAEMON_SET}", "--timeout=120s")


@pytest.fixture(scope="module")
def scene(kind: Kind) -> Iterator[Scene]:
    nodes = kind.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()
    scene = Scene(kind, (nodes[-1], nodes[0]))
    kind.kubectl("create", "namespace", SCENE)
    try:
        scene.start(web=nodes[-1], near=nodes[-1], far=nodes[0])
        until(lambda: scene.knock("near", scene.address("web"))[1])
        scene.kubectl("apply", "--filename", "-", given=DENY)
        until(lambda: scene.knock("near", scene.address("web"))[1] == 0)
        yield scene
    finally:
        kind.kubectl("delete", "namespace", SCENE)


def test_a_restart_opens_nothing_and_cuts_nothing(scene):
    web = scene.address("web")
    with (
        scene.spawn("far", HOLD, web) as held,
        scene.spawn("near", KNOCK, web, "8", DENIED) as denied,
        scene.spawn("far", KNOCK, web, "8", ALLOWED) as allowed,
    ):
        assert held.stdout.readline() == "connected\n"
        scene.enforcer("delete", "pod", f"--selector=app.kubernetes.io/name={DAEMON_SET}")
        scene.wait_for_the_enforcer()
        tries, reached = map(int, denied.communicate()[0].split())
        assert tries
        assert reached == 0
        tries, reached = map(int, allowed.communicate()[0].split())
        assert reached == tries
        assert held.communicate("go on\n")[0].startswith("HTTP/1")


def test_a_pod_that_the_enforcer_has_not_seen_is_closed(scene):
    patch = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "at-all"}}}}}
    target = f"daemonset/{DAEMON_SET}"
    scene.enforcer("patch", target, "--patch", json.dumps(patch))
    until(lambda: not scene.enforcer("get", "pods", "--output=name"))
    try:
        scene.start(unseen=scene.nodes[0])
        tries, reached = scene.knock("far", scene.address("unseen"))
        assert tries
        assert reached == 0
        assert scene.knock("unseen", scene.address("far"))[1] == 0
    finally:
        patch["spec"]["template"]["spec"]["nodeSelector"] = None
        scene.enforcer("patch", target, "--patch", json.dumps(patch))
        scene.wait_for_the_enforcer()
    until(lambda: scene.knock("far", scene.address("unseen"))[1])


def test_the_enforcer_tells_how_it_is_doing(scene):
    words = ("exec", f"daemonset/{DAEMON_SET}", "--", "busybox", "wget", "-qO-")
    metrics = scene.enforcer(*words, "http://127.0.0.1:9479/metrics")
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[0] != "#")
    assert values["netpol_enforcer_ready"] == "1"
    assert int(values["netpol_enforcer_policies"]) >= 1
    assert int(values["netpol_enforcer_set_elements"]) > 0
    assert values["netpol_enforcer_problems"] == "0"
    assert scene.enforcer(*words, "http://127.0.0.1:9479/readyz") == "ok\n"


def test_the_enforcer_may_read_and_nothing_else(scene):
    account = f"--as=system:serviceaccount:{NAMESPACE}:{DAEMON_SET}"
    rights = scene.enforcer("auth", "can-i", "--list", "--no-headers", account)
    granted = [line for line in rights.splitlines() if "networkpolicies" in line or "pods " in line]
    assert granted
    assert all(line.rstrip().endswith("[get list watch]") for line in granted)
