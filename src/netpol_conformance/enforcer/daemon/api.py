"""The Kubernetes API as far as following it goes: paged lists and watches, over plain HTTP(S).

The client library that a cluster's users know keeps 36 MiB of models in memory on every node;
lists and watches of four kinds need none of them.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from netpol_conformance.enforcer.daemon.settings import Access

_log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PAGE = 250
"""Objects a page of a list: some 2 MB of pods at most are in memory at a time."""
ANSWER_SECONDS = 30.0
"""How long the API may take to begin an answer."""
WATCH_SECONDS = 300
"""How long one watch may last; the API ends it then and the next goes on where it ended."""
_SILENCE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))

Raw = Mapping[str, Any]
"""An object as the API's JSON has it."""


class ApiError(Exception):
    """The API cannot be reached or refuses to answer; the message says which, and about what."""


class ExpiredError(ApiError):
    """What was asked from is too old for the API (410 Gone): list anew."""


def in_cluster(environment: Mapping[str, str]) -> Access:
    """The access of every pod with a service account; ApiError outside of a cluster."""
    try:
        host, port = (environment[f"KUBERNETES_SERVICE_{name}"] for name in ("HOST", "PORT"))
    except KeyError as error:
        raise ApiError(
            f"{error} is not set: this is no pod of a cluster; name the API with --api URL"
        ) from None
    host = f"[{host}]" if ":" in host else host
    return Access(f"https://{host}:{port}", SERVICE_ACCOUNT / "token", SERVICE_ACCOUNT / "ca.crt")


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. All pages of a list are of the resource version ``version``."""

    items: list[Raw]
    version: str


class Api:
    """A cluster's API. Every call has a connection of its own, so threads may share this."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._tls: ssl.SSLContext | None = None

    def get(self, path: str) -> Raw:
        """The object at ``path``."""
        with self._get(path, {}) as answer:
            return _parsed(answer.read(), path)

    def pages(self, path: str) -> Iterator[Page]:
        """A list of the collection at ``path``, page by page; ExpiredError if it took too long."""
        proceed = ""
        while True:
            query = {"limit": str(PAGE), **({"continue": proceed} if proceed else {})}
            with self._get(path, query) as answer:
                page = _parsed(answer.read(), path)
            metadata = page.get("metadata", {})
            yield Page(page.get("items") or [], str(metadata.get("resourceVersion", "")))
            proceed = metadata.get("continue", "")
            if not proceed:
                return

    @contextmanager
    def watch(self, path: str, version: str) -> Iterator[Iterator[Raw]]:
        """The changes after ``version``, as ``{"type": ..., "object": ...}``, bookmarks too.

        Raises ExpiredError if the API has forgotten them, ApiError if it breaks off.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        with self._get(path, query) as answer:
            yield _changes(answer, path)

    @contextmanager
    def _get(self, path: str, query: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        began = time.monotonic()
        try:
            with closing(self._connection()) as connection:
                connection.request("GET", f"{path}?{urlencode(query)}", headers=self._headers())
                answer = connection.getresponse()
                took = 1000 * (time.monotonic() - began)
                _log.debug("GET %s: %d in %.1f ms", path, answer.status, took)
                if answer.status != HTTPStatus.OK:
                    raise _refusal(answer.status, answer.read(), path)
                if "watch" in query:
                    _wait_patiently(connection.sock)
                yield answer
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ApiError(f"{self._access.url}{path}: {reason}") from error

    def _connection(self) -> http.client.HTTPConnection:
        url = urlsplit(self._access.url)
        host = url.hostname or ""
        if url.scheme == "http":
            return http.client.HTTPConnection(host, url.port, timeout=ANSWER_SECONDS)
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._access.authority)
        return http.client.HTTPSConnection(
            host, url.port, timeout=ANSWER_SECONDS, context=self._tls
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "netpol-conformance-enforcer"}
        if self._access.token is not None:
            headers["Authorization"] = f"Bearer {self._access.token.read_text().strip()}"
        return headers


def _wait_patiently(connection: socket.socket) -> None:
    """A watch may stay silent until it times out; TCP keepalive notices a dead peer in 30 s."""
    connection.settimeout(WATCH_SECONDS + ANSWER_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _SILENCE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _changes(answer: http.client.HTTPResponse, path: str) -> Iterator[Raw]:
    while line := answer.readline():
        change = _parsed(line, path)
        if change.get("type") == "ERROR":
            status = change.get("object", {})
            raise _refusal(int(status.get("code", 0)), json.dumps(status).encode(), path)
        if "metadata" not in change.get("object", ()):
            raise ApiError(f"{path}: a change without an object")
        yield change


def _parsed(text: bytes, path: str) -> Raw:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ApiError(f"{path}: the answer is cut off or no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ApiError(f"{path}: the answer is no JSON object")
    return parsed


def _refusal(code: int, body: bytes, path: str) -> ApiError:
    try:
        reason = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        reason = body[:200].decode(errors="replace")
    kind = ExpiredError if code == HTTPStatus.GONE else ApiError
    return kind(f"{path}: {code}: {reason}")
