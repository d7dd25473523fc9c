"""A channel to the agent in a pod: one exec in its container ``probe``, held open.

An exec costs the API server, the kubelet and the runtime about 0.15 CPU-seconds, so there is one
for each pod, not for each probe.
"""

from __future__ import annotations

import contextlib
import logging
import time
from urllib.parse import urlencode

from kubernetes.stream.ws_client import ERROR_CHANNEL, WSClient
from websocket import WebSocketException

from netpol_conformance.clusters.kubernetes.agents.streams import StreamError
from netpol_conformance.clusters.kubernetes.api.client import PODS, Client
from netpol_conformance.clusters.kubernetes.objects.pods import AGENT, PROBE_CONTAINER

_log = logging.getLogger(__name__)

_ENDED = (WebSocketException, OSError, ValueError, AttributeError, TypeError)
"""What using a stream raises that has ended: another thread may be closing it, its socket None."""

_PROTOCOL = "v4.channel.k8s.io"


class ExecChannel:
    """Lines to and from the agent that it starts in the pod."""

    def __init__(self, client: Client, namespace: str, pod: str) -> None:
        """Raises StreamError if the pod cannot be entered."""
        self._pod = f"{namespace}/{pod}"
        query = [
            ("container", PROBE_CONTAINER),
            *(("command", word) for word in AGENT),
            *((stream, "true") for stream in ("stdin", "stdout", "stderr")),
        ]
        host = client.configuration.host.replace("http", "ws", 1).rstrip("/")
        url = f"{host}{PODS.url(namespace, pod, 'exec')}?{urlencode(query)}"
        headers = {"sec-websocket-protocol": _PROTOCOL, **client.authorization()}
        began = time.monotonic()
        try:
            self._socket = WSClient(client.configuration, url, headers, capture_all=False)
        except (WebSocketException, OSError) as error:
            raise StreamError(f"cannot enter pod {self._pod}: {_shortened(error)}") from error
        _log.debug("exec in pod %s: begun in %.1f ms", self._pod, 1000 * (time.monotonic() - began))

    def write(self, line: str) -> None:
        """Send one line to the agent's standard input."""
        try:
            self._socket.write_stdin(line)
        except _ENDED as error:
            raise StreamError(self._ended(str(error))) from error

    def read(self, timeout: float) -> str:
        """The next line of the agent's standard output."""
        deadline = time.monotonic() + timeout
        try:
            line: str = self._socket.readline_stdout(timeout=max(0.0, timeout))
        except _ENDED as error:
            raise StreamError(self._ended(str(error))) from error
        if line:
            return line
        if self._socket.is_open() and time.monotonic() >= deadline:
            raise StreamError(f"no answer of the agent in {self._pod} in {timeout:.1f} s")
        raise StreamError(self._ended(""))

    def close(self) -> None:
        """End the stream; the agent ends with its input."""
        with contextlib.suppress(WebSocketException, OSError, AttributeError):
            self._socket.close()

    def _ended(self, reason: str) -> str:
        """Why there is no more to read, in the agent's own words or the kubelet's."""
        said = reason
        with contextlib.suppress(*_ENDED):
            words = (self._socket.read_stderr(), self._socket.read_channel(ERROR_CHANNEL), reason)
            said = "; ".join(filter(None, (word.strip() for word in words)))
        return f"the stream to the agent in {self._pod} ended: {said or 'nothing was said'}"


def _shortened(error: BaseException) -> str:
    """The kubelet's own words where it gave any, else the connection's."""
    body = getattr(error, "resp_body", None)
    words = body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
    return " ".join((words or str(error)).split())[:500]
