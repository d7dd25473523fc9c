"""The handbook's manifests mean what their API server made of them, errors included (H1, H2)."""

import pytest

from netpol_conformance.model.decode import ManifestError, decode
from netpol_conformance.model.objects import (
    Direction,
    LabelSelector,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
)
from netpol_conformance.model.version import KubernetesVersion

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
HEADER = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: handbook\n"

TEST_NETWORK_POLICY = """\
# v1.6 and older versions should use extensions/v1beta1
# apiVersion: extensions/v1beta1
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: test-network-policy
  namespace: default
spec:
  podSelector:
    matchLabels:
      role: db
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          project: myproject
    - podSelector:
        matchLabels:
          role: frontend
    ports:
    - protocol: tcp
      port: 6379
"""


def policy(spec):
    [decoded] = decode(f"{HEADER}spec:\n  podSelector: {{}}\n{spec}")
    return decoded


@pytest.mark.parametrize(
    ("title", "spec", "types"),
    [
        ("default-deny ingress", "  policyTypes:\n  - Ingress\n", [INGRESS]),
        ("default-deny egress", "  policyTypes:\n  - Egress\n", [EGRESS]),
        ("default-deny both", "  policyTypes:\n  - Ingress\n  - Egress\n", [INGRESS, EGRESS]),
        ("allow-all ingress", "  ingress:\n  - {}\n", [INGRESS]),
        ("H1, allow-all egress closes ingress", "  egress:\n  - {}\n", [INGRESS, EGRESS]),
        ("H7, default-deny without types", "", [INGRESS]),
    ],
)
def test_policy_types(title, spec, types):
    assert [*policy(spec).policy_types] == types, title


def test_protocol_tcp_in_lower_case_is_refused():
    with pytest.raises(ManifestError) as refusal:
        decode(TEST_NETWORK_POLICY)
    assert str(refusal.value) == (
        'The NetworkPolicy "test-network-policy" is invalid: '
        'spec.ingress[0].ports[0].protocol: Unsupported value: "tcp": '
        'supported values: "TCP", "UDP", "SCTP"'
    )
    [problem] = refusal.value.problems
    assert problem.line == 21
    assert problem.object == "NetworkPolicy default/test-network-policy"
    assert problem.field == "spec.ingress[0].ports[0].protocol"
    assert problem.suggestion == "write TCP"


def test_corrected_it_is_accepted_by_the_versions_that_the_handbook_names():
    corrected = TEST_NETWORK_POLICY.replace("tcp", "TCP")
    beta = corrected.replace(
        "apiVersion: networking.k8s.io/v1\n", "apiVersion: extensions/v1beta1\n"
    )
    [modern] = decode(corrected, version=KubernetesVersion(1, 7))
    [old] = decode(beta, version=KubernetesVersion(1, 5))
    assert modern.ingress == old.ingress
    assert old.api_version == "extensions/v1beta1"
    with pytest.raises(ManifestError, match="no matches for kind"):
        decode(corrected, version=KubernetesVersion(1, 6))


def test_null_match_labels_select_every_pod():
    rules = "  ingress:\n  - from:\n    - podSelector: {}\n"
    [decoded] = decode(f"{HEADER}spec:\n  podSelector:\n    matchLabels:\n{rules}")
    assert decoded.pod_selector == LabelSelector()
    assert decoded.ingress == (PolicyRule(peers=(PolicyPeer(pod_selector=LabelSelector()),)),)


def test_empty_from_beside_ports_opens_the_port_to_all():
    spec = "  ingress:\n  - ports:\n    - port: 80\n    from: []\n"
    assert policy(spec).ingress == (PolicyRule(ports=(PolicyPort(Protocol.TCP, 80),)),)
