"""An API server of few words: what a test lays down for a request is what it answers."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client import Configuration

from netpol_conformance.clusters.kubernetes.api.client import Client

Answer = tuple[int, object]
_FIRST_ADDRESS = ip_address("10.0.0.0")


def node(name: str, ready: str = "True", **spec: Any) -> dict[str, Any]:
    """A node as the API has it, with one address inside."""
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "KubeletNotReady",
        "message": "cni plugin not initialized",
    }
    return {
        "metadata": {"name": name},
        "spec": {"podCIDRs": ["10.1.0.0/24"], **spec},
        "status": {
            "conditions": [condition],
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": "192.0.2.7"},
            ],
        },
    }


class ScriptedApi:
    """``answers`` by (method, path); a list is answered item by item, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer | list[Answer]] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.address = ""

    def answer(self, method: str, url: str, body: Any) -> Answer:
        path = urlsplit(url)
        self.requests.append((method, path.path, dict(parse_qsl(path.query)), body))
        laid = self.answers.get((method, path.path))
        if laid is None:
            return 404, {"reason": "NotFound", "message": f"{path.path} not found"}
        if isinstance(laid, list):
            return laid.pop(0) if len(laid) > 1 else laid[0]
        return laid

    def sent(self, method: str) -> list[tuple[str, Any]]:
        """What was sent by a method: path and body."""
        return [(path, body) for way, path, _, body in self.requests if way == method]

    def client(self) -> Client:
        configuration = Configuration()
        configuration.host = self.address
        configuration.api_key = {"authorization": "Bearer secret"}
        return Client(configuration)


CORE = {
    "resources": [
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
        {"name": "nodes", "kind": "Node", "namespaced": False},
        {"name": "pods", "kind": "Pod", "namespaced": True},
        {"name": "pods/exec", "kind": "PodExecOptions", "namespaced": True},
        {"name": "services", "kind": "Service", "namespaced": True},
    ]
}
NETWORKING = {
    "resources": [{"name": "networkpolicies", "kind": "NetworkPolicy", "namespaced": True}]
}


class StoringApi(ScriptedApi):
    """Keeps what it is sent, and runs every pod at once; what is laid down comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.answers["GET", "/api/v1"] = (200, CORE)
        self.answers["GET", "/apis/networking.k8s.io/v1"] = (200, NETWORKING)
        self.stored: dict[str, Any] = {}
        self._addresses = itertools.count(1)

    def answer(self, method: str, url: str, body: Any) -> Answer:
        path, query = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query))
        if (method, path) in self.answers:
            return super().answer(method, url, body)
        self.requests.append((method, path, query, body))
        if method == "POST":
            return self._store(f"{path}/{body['metadata']['name']}", body)
        if method == "GET" and path.rpartition("/")[2] in _PLURALS:
            wanted = dict(
                word.split("=") for word in query.get("labelSelector", "").split(",") if word
            )
            found = [item for at, item in self.stored.items() if at.rpartition("/")[0] == path]
            return 200, {"items": [item for item in found if _bears(item, wanted)]}
        if path not in self.stored:
            return 404, {"reason": "NotFound", "message": f"{path} not found"}
        return 200, self.stored.pop(path) if method == "DELETE" else self.stored[path]

    def _store(self, path: str, body: Any) -> Answer:
        if path in self.stored:
            return 409, {"reason": "AlreadyExists", "message": f"{path} already exists"}
        number = next(self._addresses)
        ready = [{"type": "Ready", "status": "True"}]
        status = {
            "phase": "Running",
            "podIPs": [{"ip": str(_FIRST_ADDRESS + number)}],
            "conditions": ready,
        }
        known = {"metadata": body["metadata"] | {"uid": str(number)}}
        self.stored[path] = body | known | ({"status": status} if body["kind"] == "Pod" else {})
        return 201, self.stored[path]

    def names(self, plural: str) -> list[str]:
        """The names of all that is stored of a kind."""
        return sorted(
            at.rpartition("/")[2]
            for at in self.stored
            if at.rpartition("/")[0].rpartition("/")[2] == plural
        )


_PLURALS = ("events", "namespaces", "nodes", "pods", "services", "networkpolicies")


def _bears(item: Any, labels: dict[str, str]) -> bool:
    return labels.items() <= (item["metadata"].get("labels") or {}).items()


A = TypeVar("A", bound=ScriptedApi)


@contextmanager
def serving(api: A) -> Iterator[A]:
    """The server on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            code, answer = api.answer(self.command, self.path, body)
            said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_words: object) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
