"""A Kubernetes API as far as lists and watches go, on a port of the loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATHS = {
    "Node": "/api/v1/nodes",
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/pods",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
}

Raw = dict[str, Any]


class FakeApi:
    """Objects, and the history of their changes as far as it is not forgotten."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[str] = []
        self.forgotten = 0
        self.refuses = 0
        self.withholds = ""
        self._changed = threading.Condition()
        self._version = 1
        self.generation = 0
        self._objects: dict[str, dict[str, Raw]] = {path: {} for path in PATHS.values()}
        self._history: dict[str, list[tuple[int, str, Raw]]] = {path: [] for path in PATHS.values()}
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    # What a test does

    @contextmanager
    def serving(self) -> Iterator[FakeApi]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        self._server = _Server(
            ("127.0.0.1", self._port), type("Handler", (_Handler,), {"api": self})
        )
        self._port = self._server.server_port
        serve = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        serve.start()

    def stop(self) -> None:
        """Be unreachable: open watches break off, and nobody listens."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.end_watches()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def put(self, *items: Raw) -> None:
        for item in items:
            path, key = PATHS[item["kind"]], _key(item)
            with self._changed:
                type_ = "MODIFIED" if key in self._objects[path] else "ADDED"
                self._note(path, type_, item)
                self._objects[path][key] = self._history[path][-1][2]

    def remove(self, item: Raw) -> None:
        path = PATHS[item["kind"]]
        with self._changed:
            self._note(path, "DELETED", self._objects[path].pop(_key(item)))

    def bookmark(self, kind: str) -> None:
        with self._changed:
            self._note(PATHS[kind], "BOOKMARK", {"kind": kind, "metadata": {}})

    def forget(self) -> None:
        """Every version until now is too old to be asked from."""
        with self._changed:
            self._version += 1
            self.forgotten = self._version
            for history in self._history.values():
                history.clear()

    def end_watches(self) -> None:
        with self._changed:
            self.generation += 1
            self._changed.notify_all()

    # What it answers

    def find(self, path: str, key: str) -> Raw | None:
        return self._objects.get(path, {}).get(key)

    def list(self, path: str, limit: int, start: int) -> Raw:
        with self._changed:
            items = list(self._objects[path].values())
            metadata = {"resourceVersion": str(self._version)}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
        # As the API does, items of a list do not say what they are.
        bare = [
            {k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items
        ]
        return {"metadata": metadata, "items": bare[start : start + limit]}

    def changes(self, path: str, after: int, generation: int) -> Iterator[Raw]:
        while True:
            with self._changed:
                if after < self.forgotten:
                    status = {"metadata": {}, "code": 410, "message": "too old resource version"}
                    yield {"type": "ERROR", "object": status}
                    return
                new = [entry for entry in self._history[path] if entry[0] > after]
                if not new and generation == self.generation and self._server is not None:
                    self._changed.wait()
                    continue
            for version, type_, item in new:
                after = version
                yield {"type": type_, "object": item}
            if generation != self.generation or self._server is None:
                return

    def _note(self, path: str, type_: str, item: Raw) -> None:
        self._version += 1
        stamped = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._version)}}
        self._history[path].append((self._version, type_, stamped))
        self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.api.requests.append(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if self.api.refuses or self.api.withholds == url.path:
            self._answer({"message": "forbidden: nobody may"}, self.api.refuses or 403)
        elif query.get("watch"):
            self._watch(url.path, int(query["resourceVersion"]))
        elif url.path in PATHS.values():
            limit, start = int(query["limit"]), int(query.get("continue", "0"))
            self._answer(self.api.list(url.path, limit, start))
        else:
            self._answer_one(url.path)

    def log_message(self, *_: object) -> None:
        pass

    def _answer_one(self, path: str) -> None:
        collection, _, name = path.rpartition("/")
        item = self.api.find(collection, name)
        if item is None:
            self._answer({"message": f'"{name}" not found'}, 404)
        else:
            self._answer(item)

    def _answer(self, value: Raw, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, path: str, after: int) -> None:
        generation = self.api.generation  # as of when the watcher learns that it watches
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            for change in self.api.changes(path, after, generation):
                line = json.dumps(change).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the watcher is gone


def _key(item: Raw) -> str:
    metadata = item["metadata"]
    return "/".join(filter(None, [metadata.get("namespace", ""), metadata["name"]]))
