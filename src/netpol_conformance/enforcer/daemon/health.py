"""The HTTP endpoints of an enforcer: /healthz, /readyz, /metrics."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from netpol_conformance.enforcer.daemon.status import Status, metrics

Answer = tuple[HTTPStatus, str]


def answer(path: str, status: Status, now: float) -> Answer | None:
    """What ``path`` is answered at the monotonic time ``now``; None where nothing is there."""
    match path.partition("?")[0]:
        case "/healthz":
            if status.stuck(now):
                return HTTPStatus.SERVICE_UNAVAILABLE, "stuck in one piece of work\n"
            return HTTPStatus.OK, "ok\n"
        case "/readyz":
            if not status.ready:
                return HTTPStatus.SERVICE_UNAVAILABLE, f"waiting for {status.waiting_for}\n"
            return HTTPStatus.OK, "ok\n"
        case "/metrics":
            return HTTPStatus.OK, metrics(status)
    return None


class HealthServer:
    """Serves ``status()`` on ``host``:``port`` (0: any free one) until the process ends.

    Raises OSError if the address is taken.
    """

    def __init__(self, status: Callable[[], Status], host: str, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 10.0

            def do_GET(self) -> None:
                found = answer(self.path, status(), time.monotonic())
                code, text = found or (HTTPStatus.NOT_FOUND, "not here\n")
                body = text.encode()
                self.send_response(code)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Being asked is no event."""

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

            def server_bind(self) -> None:
                # HTTPServer's own asks DNS for the host's name, which nobody needs.
                TCPServer.server_bind(self)
                self.server_name, self.server_port = host, self.server_address[1]

        self._server = Server((host, port), Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def start(self) -> None:
        """Answer from now on, in a thread of its own."""
        # The default asks twice a second whether to stop; nobody will.
        serve = lambda: self._server.serve_forever(poll_interval=3600)  # noqa: E731
        threading.Thread(target=serve, name="health", daemon=True).start()
