from __future__ import annotations

import pytest

from netpol_conformance import redaction
from netpol_conformance.redaction import HIDDEN, learn, redacted

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nhunter2\nhunter2\n-----END RSA PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _nothing_is_learnt(monkeypatch):
    monkeypatch.setattr(redaction, "_learnt", set())


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2",
        "{'authorization': 'Basic aHVudGVyMjpodW50ZXIy'}",
        "Proxy-Authorization: Digest hunter2",
        "it said bearer hunter2, and left",
        "Basic hunter2Hunter2=",
        f"it has {JWT} in it",
        "https://me:hunter2@api.example:6443/version",
        "https://hunter2@api.example/",
        "--token hunter2",
        "--token=hunter2 --next",
        "--registry-password 'hunter2 hunter2'",
        "sshpass -p hunter2 ssh probe.example",
        "sshpass -phunter2 ssh probe.example",
        "PGPASSWORD=hunter2 psql",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "{'GITHUB_TOKEN': 'hunter2', 'HOME': '/root'}",
        '{"password": "hunter2 hunter2", "user": "me"}',
        "client-key-data: hunter2==",
        "X-Api-Key: hunter2",
        "passphrase = hunter2",
        PEM,
        PEM[:50],
    ],
)
def test_a_secret_is_hidden(text: str) -> None:
    found = redacted(text)
    assert HIDDEN in found
    assert not any(part in found for part in ("hunter2", "aHVud", "eyJ"))


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/namespaces/npc-1/secrets?labelSelector=a%3Db: 200 in 3.1 ms",
        'secrets "pull" is forbidden: User "me" cannot get resource "secrets" in API group ""',
        "the API server at https://127.0.0.1:6443 cannot be reached",
        "basic authentication is not used; tokens are read for each request",
        "[handbook/default-deny.yaml] step 1: as expected 0.03 s after its change",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_what_was_learnt_is_hidden_wherever_it_stands():
    learn("sshpass -p 'tr0ub4dor' ssh probe.example --password true")
    assert redacted("tr0ub4dor? that is true") == f"{HIDDEN}? that is true"
