"""The rules of docs/semantics.md, each as one short sentence with a page to read on."""

from __future__ import annotations

from typing import NamedTuple

_CONCEPT = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
_REFERENCE = (
    "https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/"
)
_LABELS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
_SERVICES = "https://kubernetes.io/docs/concepts/services-networking/service/"
_EXTERNAL = (
    "https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/"
)
_DNS = "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/"
_VALIDATION = "https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation"
_DEPRECATIONS = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/"
_HISTORY = "docs/semantics.md#history-the-handbooks-version-table"

_ISOLATION = _CONCEPT + "#the-two-sorts-of-pod-isolation"
_RESOURCE = _CONCEPT + "#networkpolicy-resource"
_SELECTORS = _CONCEPT + "#behavior-of-to-and-from-selectors"
_FILTERING = _CONCEPT + "#network-traffic-filtering"
_SPEC = _REFERENCE + "#NetworkPolicySpec"


class Sentence(NamedTuple):
    """A rule in our words, and where it is documented: a web page, or a place in docs/."""

    text: str
    link: str


SENTENCES: dict[str, Sentence] = {
    "S1": Sentence(
        "A pod is open in a direction until a policy of its namespace selects it for that "
        "direction; from then on it is isolated.",
        _ISOLATION,
    ),
    "S2": Sentence(
        "An isolated pod has only the connections that a rule of some policy selecting it "
        "allows; policies only add to each other.",
        _ISOLATION,
    ),
    "S3": Sentence(
        "A connection needs both ends: the source's egress and the destination's ingress.",
        _ISOLATION,
    ),
    "S4": Sentence("Replies of an allowed connection are allowed.", _ISOLATION),
    "S5": Sentence("A pod always reaches itself.", _CONCEPT),
    "S6": Sentence("A pod and the node it runs on always reach each other.", _CONCEPT),
    "S7": Sentence(
        "What policies mean for pods on their node's network is unspecified.",
        _CONCEPT + "#networkpolicy-and-hostnetwork-pods",
    ),
    "S8": Sentence(
        "Whether a change takes effect on existing connections is unspecified; one that denies "
        "nothing of them must not cut them.",
        _CONCEPT + "#pod-lifecycle",
    ),
    "S10": Sentence("An empty podSelector selects every pod of the policy's namespace.", _RESOURCE),
    "S11": Sentence(
        "A podSelector alone means pods of the policy's namespace; with a namespaceSelector in "
        "the same item, pods of the matching namespaces; items are alternatives.",
        _SELECTORS,
    ),
    "S12": Sentence(
        "All requirements of a selector must hold; NotIn and DoesNotExist hold where the label "
        "is absent.",
        _LABELS + "#label-selectors",
    ),
    "S13": Sentence(
        "Every namespace carries the label kubernetes.io/metadata.name with its own name.",
        _CONCEPT + "#targeting-a-namespace-by-its-name",
    ),
    "S14": Sentence(
        "A rule that names no peer admits every peer, one that names no port every port; a "
        "policy without rules allows nothing.",
        _SPEC,
    ),
    "S15": Sentence("A rule's peers combine with that same rule's ports only.", _RESOURCE),
    "S20": Sentence(
        "A port item is for one protocol, TCP unless it says otherwise; without a port it means "
        "every port of that protocol.",
        _SPEC,
    ),
    "S21": Sentence("Ports are those of the pod behind a Service, not the Service's own.", _SPEC),
    "S22": Sentence(
        "A named port is looked up on the destination pod, by name and protocol; a name that it "
        "lacks opens nothing on it.",
        _SPEC,
    ),
    "S23": Sentence(
        "port and endPort make a range, both ends included.",
        _CONCEPT + "#targeting-a-range-of-ports",
    ),
    "S24": Sentence("SCTP is judged like any protocol where it is supported.", _FILTERING),
    "S25": Sentence("For ICMP and other protocols policies are unspecified.", _FILTERING),
    "S30": Sentence(
        "An ipBlock is its cidr less its exceptions; these take nothing from any other item.",
        _SPEC,
    ),
    "S31": Sentence("An ipBlock is meant for addresses outside the cluster.", _SELECTORS),
    "S32": Sentence("A cidr with host bits set means its network.", "docs/semantics.md#ipblock"),
    "S40": Sentence(
        "Through a Service, policy is about the pod chosen and its target port.", _SERVICES
    ),
    "S41": Sentence(
        "externalTrafficPolicy decides whether a pod sees the client's or a node's address.",
        _EXTERNAL + "#preserving-the-client-source-ip",
    ),
    "S42": Sentence("A pod that reaches itself through its Service reaches itself.", _CONCEPT),
    "S43": Sentence("Looking up a name is traffic too, to the cluster's DNS.", _DNS),
    "S44": Sentence(
        "A hostPort and a Service's externalIPs lead to a pod as a node port does: policy is the "
        "pod's and its port's.",
        _SERVICES + "#external-ips",
    ),
    "S50": Sentence(
        "Policies take effect some time after they are created.", _CONCEPT + "#pod-lifecycle"
    ),
    "S51": Sentence(
        "Labels, policies and addresses count as they are now; a finished pod has no address.",
        _CONCEPT + "#pod-lifecycle",
    ),
    "S52": Sentence(
        "A pod that is being deleted is a pod until its containers have ended.",
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    ),
    "S60": Sentence(
        "Without policyTypes a policy is for ingress, and for egress if it has an egress rule; "
        "rules of a direction left out have no effect.",
        _RESOURCE,
    ),
    "S61": Sentence("Protocols, ports and ranges are validated by the API.", _SPEC),
    "S62": Sentence("A peer is an ipBlock, or one or both selectors.", _SPEC),
    "S63": Sentence("Unknown fields are rejected.", _VALIDATION),
    "S70": Sentence(
        "Up to Kubernetes 1.6 a namespace's DefaultDeny annotation, and nothing else, isolates "
        "its pods, and for ingress only.",
        _HISTORY,
    ),
    "S71": Sentence(
        "Since Kubernetes 1.7 policies isolate the pods they select, and the annotation means "
        "nothing.",
        _DEPRECATIONS + "#networkpolicy-v116",
    ),
    "S72": Sentence("Kubernetes 1.8 brought egress and ipBlock.", _HISTORY),
}
"""Every rule by its S-number."""
