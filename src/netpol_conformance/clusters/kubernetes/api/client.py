"""The API server's client: plain objects in and out, every failure in words.

Nothing here knows what a kind is beyond what the server says of it (discovery), so that whatever
a scenario applies reaches the server as it is written. The package ``kubernetes`` finds the
server, its certificates and the user's credentials, however the kubeconfig provides these.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client as kubernetes
from kubernetes import config
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.api.answers import ApiError, Manifest, meaning, unserved
from netpol_conformance.clusters.kubernetes.api.meter import Meter
from netpol_conformance.redaction import learn

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to the API server."""
ANSWER_TIMEOUT = 60.0
"""Seconds for an answer of the API server."""
_CONNECTIONS = 16
_RETRIES = Retry(
    total=None,
    connect=4,
    read=4,
    redirect=4,
    other=4,
    status=10,
    backoff_factor=0.2,
    backoff_max=5.0,
    status_forcelist=(429, 502, 503, 504),
    raise_on_status=False,
)
"""A server that answers is asked again for half a minute, or when it says (Retry-After)."""
_RETRIES_OF_CHANGES = _RETRIES.new(allowed_methods=None, read=0, other=0, status_forcelist=(429,))
"""Of requests that must not be carried out twice: 429 says that it was not."""
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_NOT_FOUND = 404
_STRICT = {"fieldValidation": "Strict"}


@dataclass(frozen=True, slots=True)
class Resource:
    """How the server serves a kind: ``path`` is its API group's, ``plural`` its name in URLs."""

    path: str
    plural: str
    namespaced: bool

    @property
    def full_name(self) -> str:
        """``pods``, ``networkpolicies.networking.k8s.io``: as the server calls it in messages."""
        _, _, group = self.path.removeprefix("/apis").rpartition("/")[0].rpartition("/")
        return f"{self.plural}.{group}" if self.path.startswith("/apis") else self.plural

    def url(self, namespace: str = "", name: str = "", sub: str = "") -> str:
        """The path of all objects (of a namespace), of one, or of one's subresource."""
        words = [self.path]
        if self.namespaced and namespace:
            words += ["namespaces", quote(namespace, safe="")]
        words.append(self.plural)
        words += [quote(word, safe="") for word in (name, sub) if word]
        return "/".join(words)


NAMESPACES = Resource("/api/v1", "namespaces", namespaced=False)
NODES = Resource("/api/v1", "nodes", namespaced=False)
PODS = Resource("/api/v1", "pods", namespaced=True)
SECRETS = Resource("/api/v1", "secrets", namespaced=True)
SERVICES = Resource("/api/v1", "services", namespaced=True)
EVENTS = Resource("/api/v1", "events", namespaced=True)
POLICIES = Resource("/apis/networking.k8s.io/v1", "networkpolicies", namespaced=True)
ENDPOINT_SLICES = Resource("/apis/discovery.k8s.io/v1", "endpointslices", namespaced=True)
ACCESS_REVIEWS = Resource(
    "/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False
)


class Client:
    """One API server as one user. Its methods may be called from any thread.

    All raise ClusterError for what is the machine's fault, and ApiError for the server's refusals,
    which ``in_words`` turns into what they mean. ``meter`` measures how fast the cluster is.
    """

    def __init__(self, configuration: kubernetes.Configuration) -> None:
        self.configuration = configuration
        self.server = f"the API server at {configuration.host}"
        self.meter = Meter()
        configuration.connection_pool_maxsize = _CONNECTIONS
        self._http: urllib3.PoolManager = kubernetes.ApiClient(
            configuration
        ).rest_client.pool_manager
        self._served: dict[str, dict[str, Resource]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def in_words(self, text: Callable[[str], str] = str) -> Iterator[None]:
        """Have a refusal of the server's in this block raised as what it means: see ``meaning``;
        its message is passed through ``text``.
        """
        try:
            yield
        except ApiError as error:
            raised = meaning(error, self.server)
            raise type(raised)(text(str(raised))) from error

    # -- objects ---------------------------------------------------------------------------------

    def get(self, resource: Resource, name: str, namespace: str = "") -> Manifest | None:
        """The object, or None if there is none."""
        return self._if_found("GET", resource.url(namespace, name))

    def items(self, resource: Resource, namespace: str = "", **query: str) -> list[Manifest]:
        """All objects (of the namespace) that match the query: ``labelSelector`` and the like."""
        found = self.send("GET", resource.url(namespace), query=query)
        items: list[Manifest] = found["items"]
        return items

    def create(self, resource: Resource, manifest: Manifest, namespace: str = "") -> Manifest:
        """Create the object, its fields strictly checked by the server."""
        return self.send("POST", resource.url(namespace), manifest, query=_STRICT)

    def replace(
        self, resource: Resource, manifest: Manifest, name: str, namespace: str = ""
    ) -> Manifest:
        """Put ``manifest`` in the place of the object that is there."""
        return self.send("PUT", resource.url(namespace, name), manifest, query=_STRICT)

    def patch(
        self, resource: Resource, patch: Manifest, name: str, namespace: str = "", sub: str = ""
    ) -> Manifest:
        """Change the object (or its subresource) by a JSON merge patch; a None removes."""
        return self.send("PATCH", resource.url(namespace, name, sub), patch)

    def delete(self, resource: Resource, name: str, namespace: str = "") -> bool:
        """Begin to delete the object; whether there was one."""
        options = {"propagationPolicy": "Background"}
        return self._if_found("DELETE", resource.url(namespace, name), options) is not None

    def _if_found(self, method: str, path: str, body: Manifest | None = None) -> Manifest | None:
        try:
            return self.send(method, path, body)
        except ApiError as error:
            if error.code == _NOT_FOUND:
                return None
            raise

    def resource(self, manifest: Mapping[str, Any]) -> Resource:
        """How the manifest's kind is served; raises RefusedError if it is not."""
        version, kind = manifest.get("apiVersion"), manifest.get("kind")
        found = self._serving(version).get(kind) if isinstance(kind, str) else None
        if found is None:
            raise unserved(manifest)
        return found

    def _serving(self, version: object) -> dict[str, Resource]:
        """The kinds served under an ``apiVersion``; empty if it is not served at all."""
        if not isinstance(version, str) or not version:
            return {}
        with self._lock:
            if version not in self._served:
                self._served[version] = self._discover(version)
            return self._served[version]

    def _discover(self, version: str) -> dict[str, Resource]:
        path = f"/apis/{quote(version)}" if "/" in version else f"/api/{quote(version)}"
        with self.in_words():
            found = self._if_found("GET", path) or {"resources": []}
        return {
            item["kind"]: Resource(path, item["name"], item["namespaced"])
            for item in found["resources"]
            if "/" not in item["name"]
        }

    # -- HTTP ------------------------------------------------------------------------------------

    def version(self) -> str:
        """The server's version: ``v1.34.4``."""
        with self.in_words():
            return str(self.send("GET", "/version")["gitVersion"])

    def authorization(self) -> dict[str, str]:
        """The header that says who asks, if a header does; tokens that expire are renewed."""
        settings = self.configuration.auth_settings().values()
        headers = {auth["key"]: auth["value"] for auth in settings if auth["in"] == "header"}
        for key, value in headers.items():
            learn(f"{key}: {value}")
        return headers

    def send(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        """One request; raises ApiError for an answer that is no success."""
        asked = path + (f"?{urlencode(query)}" if query else "")
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        began = time.monotonic()
        try:
            answer = self._http.request(
                method,
                self.configuration.host.rstrip("/") + asked,
                body=None if body is None else json.dumps(body).encode(),
                headers={
                    "Accept": "application/json",
                    "Content-Type": kind,
                    "User-Agent": "netpol-conformance",
                    **self.authorization(),
                },
                timeout=Timeout(connect=CONNECT_TIMEOUT, read=ANSWER_TIMEOUT),
                retries=_RETRIES if method in _REPEATABLE else _RETRIES_OF_CHANGES,
            )
        except HTTPError as error:
            _log.debug("%s %s: no answer: %s", method, asked, _cause(error))
            raise ClusterError(
                f"{self.server} cannot be reached ({_cause(error)}): is the cluster up, and does "
                "the kubeconfig's context name it?"
            ) from error
        except config.ConfigException as error:
            raise ClusterError(f"no credentials for {self.server}: {error}") from error
        took = time.monotonic() - began
        before = answer.retries.history if answer.retries else ()
        self.meter.answered(took, [answer.status, *(each.status or 0 for each in before)])
        _log.debug("%s %s: %d in %.1f ms", method, asked, answer.status, 1000 * took)
        if not 200 <= answer.status < 300:
            raise ApiError.of(answer.status, answer.data)
        found: Manifest = json.loads(answer.data)
        return found

    def close(self) -> None:
        """Close its connections."""
        self._http.clear()


def connect(kubeconfig: str = "", context: str = "") -> Client:
    """A client for the kubeconfig's context: the file named, else as kubectl finds it, else the
    service account of the pod that this runs in. Raises ClusterError; asks nothing of the server.
    """
    configuration = kubernetes.Configuration()
    try:
        if not kubeconfig and not context and _in_cluster():
            config.load_incluster_config(configuration)
        else:
            config.load_kube_config(
                config_file=kubeconfig or None,
                context=context or None,
                client_configuration=configuration,
            )
    # The loader raises whatever a file that is no kubeconfig leads it to.
    except Exception as error:
        words = " ".join(str(error).split())
        raise ClusterError(
            f"cannot use the kubeconfig{f' {kubeconfig}' if kubeconfig else ''}: {words}: "
            "name a file with --kubeconfig and a context in it with --context"
        ) from error
    return Client(configuration)


def _in_cluster() -> bool:
    """Whether this runs in a pod, and there is no kubeconfig that should come first."""
    default = Path(os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep)[0]).expanduser()
    return not default.exists() and "KUBERNETES_SERVICE_HOST" in os.environ


def _cause(error: BaseException) -> str:
    """The last word on what went wrong, of errors wrapped in errors."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _cause(reason)
    return str(reason or error)
