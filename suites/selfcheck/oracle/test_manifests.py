"""What manifests mean as they are written, with the API's defaults (S60) filled in."""

from __future__ import annotations

import pytest

from netpol_conformance.model.decode import decode
from netpol_conformance.model.objects import ClusterState, Namespace, Pod
from netpol_conformance.oracle.decision import Answer, Connection
from netpol_conformance.oracle.evaluate import Oracle

WEB, CLIENT = Pod("default", "web"), Pod("default", "client")
FAR = Pod("sock-shop", "front-end")
HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
YES, NO = Answer.ALLOWED, Answer.DENIED


def oracle(spec: str, namespace: str = "default") -> Oracle:
    text = f"{HEAD}metadata: {{name: p, namespace: {namespace}}}\nspec: {spec}\n"
    spaces = (Namespace("default"), Namespace("sock-shop"))
    return Oracle(ClusterState(spaces, pods=(WEB, CLIENT, FAR)).with_objects(*decode(text)))


@pytest.mark.parametrize(
    ("spec", "explicit"),
    [
        ("{podSelector: {}}", "policyTypes: [Ingress]"),
        ("{podSelector: {}, ingress: [{}]}", "policyTypes: [Ingress]"),
        ("{podSelector: {}, policyTypes: []}", "policyTypes: [Ingress]"),
        ("{podSelector: {}, egress: []}", "policyTypes: [Ingress]"),
        ("{podSelector: {}, egress: [{}]}", "policyTypes: [Ingress, Egress]"),
    ],
)
def test_policy_types_left_out_mean_what_the_default_says(spec, explicit):
    body = spec[1:-1].replace("policyTypes: []", "")
    stated = oracle("{" + ", ".join(filter(None, (body.rstrip(", "), explicit))) + "}")
    left_out = oracle(spec)
    for source in (WEB, CLIENT, FAR):
        assert left_out.row(source, 80) == stated.row(source, 80)


ALL = "{podSelector: {}}"
OPEN_OUT = "{podSelector: {}, egress: [{}]}"
OPEN_OUT_ONLY = "{podSelector: {}, egress: [{}], policyTypes: [Egress]}"
EMPTY_FROM = "{podSelector: {}, ingress: [{from: [], ports: [{port: 80}]}]}"
NULL_LABELS = "{podSelector: {matchLabels: }, policyTypes: [Ingress]}"


@pytest.mark.parametrize(
    ("title", "spec", "namespace", "port", "answer"),
    [
        ("H1: allow-all for egress alone closes ingress", OPEN_OUT, "default", 80, NO),
        ("its neighbour, with policyTypes, closes nothing", OPEN_OUT_ONLY, "default", 80, YES),
        ("H4: a policy of another namespace opens nothing", ALL, "default", 80, NO),
        ("H4: and closes nothing", ALL, "sock-shop", 80, YES),
        ("H8: an empty from opens the port to everyone", EMPTY_FROM, "default", 80, YES),
        ("H8: but that port only", EMPTY_FROM, "default", 81, NO),
        ("S10: a null matchLabels selects every pod", NULL_LABELS, "default", 80, NO),
    ],
)
def test_the_handbooks_own_pitfalls(title, spec, namespace, port, answer):
    assert oracle(spec, namespace).answer(Connection(CLIENT, WEB, port)) is answer, title
