"""What the packs must cover: each line of the catalogue, and each rule, with its title."""

from __future__ import annotations

LINES: dict[str, str] = {
    "HB1": "default deny: ingress, egress, both",
    "HB2": "allow-all: ingress, egress",
    "HB3": "the isolating annotation of v1.6",
    "HB4": "test-network-policy, ingress",
    "HB5": "test-network-policy, ingress and egress with ipBlock and except",
    "HB6": "the walk-through of the simple example",
    "HB7": "prohibit access to a service: web-deny-all",
    "HB8": "only pods of an app reach its service: api-allow",
    "HB9": "disable mutual access of all pods in a namespace: default-deny",
    "HB10": "prohibit access from other namespaces: web-deny-other-namespaces",
    "HB11": "only some namespaces reach a service: web-allow-prod",
    "HB12": "allow access from outside the cluster: web-allow-external",
    "HB13": "the table of API versions",
    "H1": "allow-all for egress has no policyTypes and closes ingress",
    "H2": "the protocol in lower case is refused",
    "H3": "the prose and the manifest differ in a port and a label",
    "H4": "front-end-access is in another namespace and opens nothing",
    "H5": "a deployment's pods are labelled app, the policy selects run",
    "H6": "manifests of one name replace each other",
    "H7": "default-deny without policyTypes is for ingress only",
    "H8": "an empty from beside ports opens the port to everyone",
    "H9": "after an egress deny the name fails, not the connection",
    "S5": "a pod always reaches itself",
    "S12": "the operators of selectors, and empty values",
    "S15": "peers and ports combine within one rule only",
    "S20": "protocols: TCP by default, and all ports of one",
    "S21": "ports are the pod's, never the Service's",
    "S22": "named ports are the destination's own",
    "S23": "ranges of ports",
    "S24": "SCTP is a protocol apart",
    "S30": "an exception narrows its own block only",
    "S42": "a pod reaches itself through its own Service",
    "S51": "changes count: pods relabelled, policies deleted and created again",
    "R1": "a bug: except taken as a deny over another policy's allow",
    "R6": "a bug: endPort ignored",
    "R7": "a bug: a named port looked up on the source",
    "R8": "a bug: a named port looked up once for pods that number it differently",
    "R10": "a bug: the peers of two rules pooled",
    "R12": "a bug: a pod kept from itself behind its own Service",
    "NR1": "recipe: deny all to an app",
    "NR2": "recipe: limit to an app",
    "NR3": "recipe: allow all to an app",
    "NR4": "recipe: default-deny of a namespace",
    "NR5": "recipe: deny from other namespaces",
    "NR6": "recipe: allow from all namespaces",
    "NR7": "recipe: allow from one namespace",
    "NR8": "recipe: allow from some pods of another namespace",
    "NR9": "recipe: allow from outside",
    "NR10": "recipe: only one port of an app",
    "NR11": "recipe: several selectors",
    "NR12": "recipe: deny egress of an app",
    "NR13": "recipe: default-deny of a namespace's egress",
    "NR14": "recipe: deny egress to outside",
    "C1": "concept page: the main example",
    "C2": "concept page: several namespaces by label",
    "C3": "concept page: a range of ports",
    "C4": "concept page: a namespace by its name",
    "T1": "task page: declare network policy",
    "S70": "history: up to 1.6 the annotation alone isolates",
    "S71": "history: from 1.7 policies isolate; the old group goes with 1.16",
    "S72": "history: egress, ipBlock, SCTP, endPort come one by one",
}
"""Every line that some scenario must cover, by its id."""

RULES: frozenset[str] = frozenset(
    f"S{number}"
    for first, last in (
        (1, 8),
        (10, 15),
        (20, 25),
        (30, 32),
        (40, 43),
        (50, 51),
        (60, 63),
        (70, 72),
    )
    for number in range(first, last + 1)
)
"""The numbers of the sentences in docs/semantics.md."""

UNLINKED_DOCUMENTS = frozenset({"Kubernetes handbook"})
"""Documents that have no public address to link to."""
