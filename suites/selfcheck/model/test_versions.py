"""What each Kubernetes version serves and knows (S13, S70-S72)."""

import pytest

from netpol_conformance.model.decode import ManifestError, decode, decode_object
from netpol_conformance.model.objects import Direction, Namespace, PolicyPort, Protocol
from netpol_conformance.model.version import LATEST, OLDEST, KubernetesVersion

V = KubernetesVersion


def manifest(api_version="networking.k8s.io/v1", **spec):
    return {
        "apiVersion": api_version,
        "kind": "NetworkPolicy",
        "metadata": {"name": "x"},
        "spec": spec,
    }


def refusal(version, **spec):
    with pytest.raises(ManifestError) as error:
        decode_object(manifest(**spec), version=version)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.34", LATEST), ("v1.5", OLDEST), ("v1.21.3-eks-1", V(1, 21)), ("1.30+", V(1, 30))],
)
def test_versions_are_read(text, expected):
    assert KubernetesVersion.parse(text) == expected


@pytest.mark.parametrize("text", ["", "1", "one", "1.x", "v", "1.34x", "-1.5", "1.4", "0.9"])
def test_other_versions_are_refused(text):
    with pytest.raises(ValueError, match=r"write it like 1\.34|choose from 1\.5 to 1\.34"):
        KubernetesVersion.parse(text)


@pytest.mark.parametrize(
    ("version", "served"),
    [
        (V(1, 5), {"extensions/v1beta1"}),
        (V(1, 6), {"extensions/v1beta1"}),
        (V(1, 7), {"networking.k8s.io/v1", "extensions/v1beta1"}),
        (V(1, 15), {"networking.k8s.io/v1", "extensions/v1beta1"}),
        (V(1, 16), {"networking.k8s.io/v1"}),
        (LATEST, {"networking.k8s.io/v1"}),
    ],
)
def test_api_versions_served(version, served):
    for api_version in ("networking.k8s.io/v1", "extensions/v1beta1"):
        if api_version in served:
            assert decode_object(manifest(api_version), version=version).api_version == api_version
            continue
        with pytest.raises(ManifestError) as error:
            decode_object(manifest(api_version), version=version)
        [problem] = error.value.problems
        assert problem.cause == f'no matches for kind "NetworkPolicy" in version "{api_version}"'
        [only] = served
        assert problem.suggestion == f"Kubernetes {version} serves NetworkPolicy as {only}"


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("spec.egress", {"egress": [{}]}),
        ("spec.policyTypes", {"policyTypes": ["Ingress"]}),
        (
            "spec.ingress[0].from[0].ipBlock",
            {"ingress": [{"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
        ),
    ],
)
def test_fields_of_1_8_are_unknown_before(field, spec):
    assert f'strict decoding error: unknown field "{field}"' in refusal(V(1, 7), **spec)
    dropped = decode_object(manifest(**spec), version=V(1, 7), strict=False)
    assert dropped.policy_types == (Direction.INGRESS,)
    assert dropped.egress == ()


def test_both_selectors_in_one_peer_from_1_11():
    spec = {"ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}]}
    decode_object(manifest(**spec), version=V(1, 11))
    assert refusal(V(1, 10), **spec).endswith(
        "spec.ingress[0].from[0]: Forbidden: may not specify more than 1 from type"
    )


def test_sctp_from_1_19():
    spec = {"ingress": [{"ports": [{"protocol": "SCTP"}]}]}
    decoded = decode_object(manifest(**spec), version=V(1, 19))
    assert decoded.ingress[0].ports[0].protocol is Protocol.SCTP
    assert refusal(V(1, 18), **spec).endswith(
        'Unsupported value: "SCTP": supported values: "TCP", "UDP"'
    )


def test_end_port_is_unknown_then_dropped_then_kept():
    spec = {"ingress": [{"ports": [{"port": 80, "endPort": 90}]}]}
    assert "unknown field" in refusal(V(1, 20), **spec)
    ends = [
        decode_object(manifest(**spec), version=version).ingress[0].ports[0]
        for version in (V(1, 21), V(1, 22), V(1, 25))
    ]
    tcp = Protocol.TCP
    assert ends == [PolicyPort(tcp, 80), PolicyPort(tcp, 80, 90), PolicyPort(tcp, 80, 90)]


def test_an_empty_status_was_a_field_for_a_while():
    text = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nstatus: {}\n"
    )
    assert decode(text, version=V(1, 24))
    for version in (V(1, 23), V(1, 28)):
        with pytest.raises(ManifestError, match="unknown field"):
            decode(text, version=version)


def test_namespaces_carry_their_name_from_1_21():
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: b}}\n"
    named = {"a": "b", "kubernetes.io/metadata.name": "x"}
    assert decode(text, version=V(1, 21)) == (Namespace("x", named),)
    assert decode(text, version=V(1, 20)) == (Namespace("x", {"a": "b"}),)
