"""An API server of few words: what a test lays down for a request is what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client import Configuration

from netpol_conformance.clusters.kubernetes.client import Client

Answer = tuple[int, object]


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


@contextmanager
def serving() -> Iterator[ScriptedApi]:
    """A scripted server on a port of its own."""
    api = ScriptedApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
