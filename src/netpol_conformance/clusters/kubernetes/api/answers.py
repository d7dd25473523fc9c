"""What the API server's refusals mean: whose fault they are, and in which words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from netpol_conformance.clusters.base import (
    ClusterError,
    NotReadyError,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.api.rights import GRANT

Manifest = dict[str, Any]

_LACKS_RIGHT = re.compile(
    r'(User "[^"]*") cannot (\S+) resource "([^"]+)"(?: in API group "([^"]*)")?(.*)', re.DOTALL
)
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_SERVERS_OWN, _UNAVAILABLE = 500, 503


class ApiError(Exception):
    """The API server's answer, other than success, to one request.

    ``code`` is HTTP's; ``status`` the Status object that it answered with.
    """

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        self.code = code
        self.status = status
        super().__init__(self.message)

    @classmethod
    def of(cls, code: int, body: bytes) -> ApiError:
        """From what came over HTTP, were it a proxy's page."""
        try:
            status = json.loads(body)
        except ValueError:
            status = None
        if not isinstance(status, dict):
            status = {"message": body.decode("utf-8", "replace").strip()[:500]}
        return cls(code, status)

    @property
    def message(self) -> str:
        """The server's own words."""
        return str(self.status.get("message") or f"HTTP status {self.code}")

    @property
    def reason(self) -> str:
        """The server's word for it: NotFound, AlreadyExists, Conflict, Invalid, Forbidden, ..."""
        return str(self.status.get("reason") or "Unknown")


def meaning(error: ApiError, server: str) -> ClusterError | RefusedError | UnsupportedError:
    """What to raise: RefusedError if the manifest is refused, UnsupportedError if this cluster
    lets no such pod in, ClusterError for all else.
    """
    if error.code == _FORBIDDEN and "violates PodSecurity" in error.message:
        return UnsupportedError(f"Pod Security forbids it here: {error.message}")
    fault = _fault(error, server)
    return RefusedError(as_kubectl(error)) if fault is None else fault


def _fault(error: ApiError, server: str) -> ClusterError | None:
    if error.code == _UNAUTHORIZED:
        return ClusterError(
            f"{server} does not accept the credentials (401 {error.message}): "
            "log in again, or renew the token or certificate in the kubeconfig"
        )
    if error.code == _FORBIDDEN:
        return _forbidden(error.message)
    if error.code in (_TOO_MANY, _UNAVAILABLE):
        return NotReadyError(
            f"{server} failed ({error.code} {error.message}): where it has too much to do, "
            "run fewer scenarios at once with --jobs"
        )
    if error.code >= _SERVERS_OWN:
        return ClusterError(
            f"{server} failed ({error.code} {error.message}): look at its logs, and try again"
        )
    return None


def _forbidden(message: str) -> ClusterError | None:
    """None where it is the manifest that is forbidden, by an admission controller say."""
    if lacks := _LACKS_RIGHT.search(message):
        who, verb, resource, group, where = lacks.groups()
        named = f"{resource}.{group}" if group else resource
        return ClusterError(f"{who} may not {verb} {named}{where}: have it granted: {GRANT}")
    if "exceeded quota" in message or "must specify" in message:
        return ClusterError(
            f"a quota stands in the way: {message}: raise it, or exempt namespaces labelled "
            "netpol-conformance/run"
        )
    if "is being terminated" in message:
        return ClusterError(f"the namespace was removed by somebody else meanwhile: {message}")
    return None


def as_kubectl(error: ApiError) -> str:
    """The message that kubectl shows for it."""
    if error.reason != "Invalid":
        return f"Error from server ({error.reason}): {error.message}"
    details = error.status.get("details") or {}
    causes = dict.fromkeys(_cause(cause) for cause in details.get("causes") or ())
    if not causes:
        return f"The request is invalid: {error.message}"
    intro = f'The {details.get("kind")} "{details.get("name")}" is invalid: '
    return intro + ("" if len(causes) == 1 else "\n* ") + "\n* ".join(causes)


def _cause(cause: Mapping[str, Any]) -> str:
    field, message = cause.get("field"), cause.get("message", "")
    return f"{field}: {message}" if field else str(message)


def unserved(manifest: Mapping[str, Any]) -> RefusedError:
    """What kubectl says of an object whose kind is not served under its apiVersion."""
    metadata = manifest.get("metadata") or {}
    where = f'name: "{metadata.get("name", "")}" namespace: "{metadata.get("namespace", "")}"'
    kind = f'no matches for kind "{manifest.get("kind")}" in version "{manifest.get("apiVersion")}"'
    return RefusedError(f"error: resource mapping not found for {where}: {kind}")
