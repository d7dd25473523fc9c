from __future__ import annotations

import json

import pytest

from netpol_conformance.clusters.base import (
    ClusterError,
    NotReadyError,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.api.answers import ApiError, meaning, unserved
from netpol_conformance.model.decode import ManifestError, decode

SERVER = "the API server at https://example"


def told(code: int, **status: object) -> Exception:
    return meaning(ApiError.of(code, json.dumps(status).encode()), SERVER)


def test_an_invalid_object_is_refused_in_kubectls_words() -> None:
    manifest = """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: test}
        spec: {podSelector: {}, ingress: [{ports: [{protocol: tcp, port: 0}]}]}
    """
    with pytest.raises(ManifestError) as raised:
        decode(manifest)
    causes = [
        {"field": problem.field, "message": problem.cause} for problem in raised.value.problems
    ]
    assert len(causes) == 2
    details = {"kind": "NetworkPolicy", "name": "test", "causes": causes}
    error = told(422, reason="Invalid", message="...", details=details)
    assert isinstance(error, RefusedError)
    assert str(error) == str(raised.value)
    details["causes"] = causes[:1]
    one = told(422, reason="Invalid", message="...", details=details)
    assert (
        str(one)
        == f'The NetworkPolicy "test" is invalid: {causes[0]["field"]}: ' + (causes[0]["message"])
    )


def test_other_refusals_are_quoted() -> None:
    message = 'NetworkPolicy in version "v1" cannot be handled as a NetworkPolicy: strict decoding'
    error = told(400, reason="BadRequest", message=message)
    assert isinstance(error, RefusedError)
    assert str(error) == f"Error from server (BadRequest): {message}"


def test_a_kind_that_is_not_served_is_refused_as_the_embedded_cluster_does() -> None:
    manifest = {
        "apiVersion": "extensions/v1beta1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "test"},
    }
    with pytest.raises(ManifestError) as raised:
        decode(json.dumps(manifest))
    tail = 'no matches for kind "NetworkPolicy" in version "extensions/v1beta1"'
    assert tail in str(raised.value)
    assert str(unserved(manifest)).endswith(tail)


@pytest.mark.parametrize(
    ("code", "message", "parts"),
    [
        (401, "Unauthorized", ["does not accept the credentials", "renew the token"]),
        (
            403,
            (
                'pods is forbidden: User "bob" cannot create resource "pods" in API group "" '
                'in the namespace "x"'
            ),
            ['User "bob" may not create pods in the namespace "x"', "netpol-conformance rights"],
        ),
        (
            403,
            (
                'User "bob" cannot list resource "networkpolicies" in API group '
                '"networking.k8s.io" at the cluster scope'
            ),
            ["may not list networkpolicies.networking.k8s.io at the cluster scope"],
        ),
        (
            403,
            'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1',
            ["a quota stands in the way", "exceeded quota: q"],
        ),
        (403, "... because it is being terminated", ["removed by somebody else"]),
        (429, "slow down", ["failed (429 slow down)", "--jobs"]),
        (503, "starting", ["failed (503 starting)", "--jobs"]),
        (500, "etcdserver: request timed out", [SERVER, "etcdserver: request timed out"]),
    ],
)
def test_what_is_no_fault_of_the_manifests_is_the_clusters(
    code: int, message: str, parts: list[str]
) -> None:
    error = told(code, message=message)
    assert isinstance(error, ClusterError)
    for part in parts:
        assert part in str(error)


@pytest.mark.parametrize(("code", "later"), [(429, True), (503, True), (500, False), (401, False)])
def test_a_server_with_too_much_to_do_may_be_ready_later(code: int, later: bool) -> None:
    assert isinstance(told(code, message="no"), NotReadyError) == later


def test_what_pod_security_keeps_out_is_not_supported() -> None:
    error = told(403, reason="Forbidden", message='pods "a" is forbidden: violates PodSecurity "x"')
    assert isinstance(error, UnsupportedError)
    assert "violates PodSecurity" in str(error)


def test_an_admission_controllers_no_is_a_refusal() -> None:
    error = told(403, reason="Forbidden", message="admission webhook said no")
    assert isinstance(error, RefusedError)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b"\xff"])
def test_an_answer_that_is_no_status_is_quoted(body: bytes) -> None:
    error = meaning(ApiError.of(502, body), SERVER)
    assert isinstance(error, ClusterError)
    assert "502" in str(error) or "Bad gateway" in str(error)
