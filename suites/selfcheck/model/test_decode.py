"""Documents, lists and dispatch; problems and their places; reading live objects."""

import json
import pickle
from ipaddress import ip_address, ip_network

import pytest

from netpol_conformance.model.decode import (
    ManifestError,
    decode,
    decode_object,
    iter_decode,
)
from netpol_conformance.model.objects import ContainerPort, Namespace, Node, Pod, Protocol, Service

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: x\n"
ITEMS = "Go struct field List.items of type []runtime.RawExtension"
METADATA = "Go struct field Pod.metadata of type v1.ObjectMeta"
UNREADABLE = "json: cannot unmarshal"
NO_YAML = "error converting YAML to JSON: yaml:"
TWICE = "already set in map"
NO_MAPPING = "a manifest is a mapping with apiVersion, kind, metadata and spec"
IN_QUOTES = 'put it in quotes: "1.5"'
A_LIST = 'make it a list: put "- " before it'
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n"


def problems(text, **options):
    with pytest.raises(ManifestError) as error:
        decode(text, **options)
    return error.value.problems


def names(text):
    return [item.name for item in decode(text)]


def manifest(kind, name="x", **parts):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **parts}


def test_several_documents_in_order_and_empty_ones_skipped():
    text = f"# first\n---\n{NAMESPACE.format('a')}---\n---\n{NAMESPACE.format('b')}"
    assert names(text) == ["a", "b"]
    assert decode("") == ()
    assert decode("---\n# nothing\n---\n") == ()


def test_what_stands_before_a_refused_object_is_yielded():
    text = f"{NAMESPACE.format('a')}---\n{NAMESPACE.format('B_')}---\n{NAMESPACE.format('c')}"
    decoded = iter_decode(text)
    assert next(decoded).name == "a"
    with pytest.raises(ManifestError, match="B_"):
        next(decoded)


@pytest.mark.parametrize("kind", ["List", "NamespaceList"])
def test_lists(kind):
    items = [manifest("Namespace", name) for name in "ab"]
    data = {"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": "1"}, "items": items}
    assert names(json.dumps(data)) == ["a", "b"]
    assert decode(json.dumps({**data, "items": None})) == ()


def test_items_of_a_list_of_one_kind_need_not_repeat_it():
    text = "apiVersion: v1\nkind: NamespaceList\nitems:\n- metadata: {name: a}\n"
    assert names(text) == ["a"]
    [first, second] = problems("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n")
    assert (first.line, first.cause) == (4, "apiVersion not set")
    assert (second.line, second.cause) == (4, "kind not set")


def test_problems_inside_a_list_have_the_line_of_the_text():
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n"
        "  metadata:\n    labels: {a: b}\n    name: X\n"
    )
    [problem] = problems(text)
    assert (problem.line, problem.object, problem.field) == (8, "Namespace X", "metadata.name")


def test_problems_of_labels_have_the_line_of_the_label():
    text = POLICY + "  labels:\n    good: a\n    bad: b c\n  annotations:\n    a: b\n    c d: e\n"
    label, annotation = problems(text)
    assert (label.line, label.field) == (7, "metadata.labels")
    assert (annotation.line, annotation.field) == (10, "metadata.annotations")


def test_one_cause_is_told_once_and_where_it_stands_first():
    [problem] = problems(POLICY + "  labels:\n    a: b c\n    b: b c\n")
    assert problem.line == 6


def test_default_namespace():
    [default] = decode(POLICY)
    [other] = decode(POLICY, default_namespace="other")
    [named] = decode(POLICY + "  namespace: named\n", default_namespace="other")
    assert [default.namespace, other.namespace, named.namespace] == ["default", "other", "named"]


def test_a_namespace_of_a_cluster_scoped_object_is_dropped():
    assert decode(NAMESPACE.format("a") + "  namespace: b\n") == decode(NAMESPACE.format("a"))


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("a: 1\n", 1, "apiVersion not set"),
        ("\nkind: Pod\n", 2, "apiVersion not set"),
        ("apiVersion: v1\nkind: 3\n", 2, "kind isn't string type"),
        ("- a\n", 1, NO_MAPPING),
        ("text", 1, NO_MAPPING),
        ("apiVersion: v1\nkind: List\nitems: {}\n", 3, f"{UNREADABLE} object into {ITEMS}"),
        ("apiVersion: v1\nkind: Pod\nmetadata: []\n", 3, f"{UNREADABLE} array into {METADATA}"),
        ("a: 1\na: 2\n", 2, f'{NO_YAML} line 2: key "a" {TWICE}'),
        (POLICY + "  generateName: y\n  name: z\n", 6, f'{NO_YAML} line 6: key "name" {TWICE}'),
    ],
)
def test_texts_that_hold_no_manifest(text, line, cause):
    first = problems(text)[0]
    assert (first.line, first.cause) == (line, cause)


def test_a_generated_name_is_refused():
    text = POLICY.replace("name: x", "generateName: x-")
    [problem] = problems(text)
    assert (problem.line, problem.field) == (3, "metadata.name")
    assert problem.cause.startswith("Required value: generateName can't be used here")


def test_all_wrong_types_are_problems_though_the_message_has_only_the_first():
    text = POLICY + "spec:\n  policyTypes: Ingress\n  ingress: {}\n"
    with pytest.raises(ManifestError) as error:
        decode(text)
    assert [problem.line for problem in error.value.problems] == [7, 6]
    assert str(error.value).endswith("NetworkPolicySpec.spec.ingress of type "
                                     "[]v1.NetworkPolicyIngressRule")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "field", "suggestion"),
    [
        (POLICY + "spec:\n  ingres: []\n", "spec.ingres", 'did you mean "ingress"?'),
        (POLICY + "spec:\n  podselector: {}\n", "spec.podselector", 'did you mean "podSelector"?'),
        (POLICY + "extra: 1\n", "extra", ""),
        (POLICY.replace("Policy", "Police"), "kind", 'did you mean "NetworkPolicy"?'),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
            "kind",
            "the kinds read here are Namespace, Node, Pod, Service, NetworkPolicy",
        ),
        (
            POLICY + "spec: {ingress: [{ports: [{port: '80'}]}]}\n",
            "spec.ingress[0].ports[0].port",
            "write the number without quotes: 80",
        ),
        (POLICY + "  labels: {a: 1.5}\n", "metadata.labels.a", IN_QUOTES),
        (POLICY + "  labels: {a: yes}\n", "metadata.labels.a", "put it in quotes"),
        (POLICY + "spec: {policyTypes: ingress}\n", "spec.policyTypes", A_LIST),
        (POLICY + "spec: {policyTypes: [ingress]}\n", "spec.policyTypes[0]", "write Ingress"),
        (
            POLICY + "spec: {podSelector: {matchExpressions: [{key: a, operator: in}]}}\n",
            "spec.podSelector.matchExpressions[0].operator",
            "write one of In, NotIn, Exists, DoesNotExist",
        ),
        (
            POD + "spec: {containers: [{name: a, image: b, ports: [{containerPort: '80'}]}]}\n",
            "spec.containers[0].ports[0].containerPort",
            "write it without quotes: 80",
        ),
    ],
)
def test_suggestions(text, field, suggestion):
    [problem] = problems(text)
    assert (problem.field, problem.suggestion) == (field, suggestion)


def test_too_long_annotations():
    [problem] = problems(POLICY + f"  annotations: {{a: {'b' * 256 * 1024}}}\n")
    assert str(problem) == "metadata.annotations: Too long: may not be more than 262144 bytes"


def test_an_external_name_service_is_refused_in_a_manifest_and_empty_when_live():
    spec = {"type": "ExternalName", "externalName": "a.b", "selector": {"a": "b"}}
    data = manifest("Service", spec=spec)
    with pytest.raises(ManifestError, match="ExternalName leads to no pod"):
        decode_object(data)
    live = decode_object(data, strict=False)
    assert live == Service("default", "x", headless=True)


def test_live_objects_may_have_fields_that_nobody_here_knows():
    spec = {"containers": [{"name": "a", "image": "b", "later": 1}], "newer": {}}
    status = {"phase": "Failed", "podIP": "10.0.0.1", "podIPs": None}
    data = manifest("Pod", spec=spec, status=status)
    failed = Pod("default", "x", image="b", phase="Failed", ips=(ip_address("10.0.0.1"),))
    assert decode_object(data, strict=False) == failed
    with pytest.raises(ManifestError, match=r'unknown field "spec.containers\[0\].later"'):
        decode_object(data)


def test_live_objects_may_have_names_that_a_later_version_allows():
    data = manifest("Service", "1st", spec={"ports": [{"port": 80}]})
    assert decode_object(data, strict=False).name == "1st"
    with pytest.raises(ManifestError, match="DNS-1035"):
        decode_object(data)


def test_problems_of_parsed_manifests_have_no_line():
    with pytest.raises(ManifestError) as error:
        decode_object(manifest("Namespace", "X"))
    assert error.value.problems[0].line == 0


def test_pods_keep_what_policies_and_services_see():
    text = POD + (
        "spec:\n  nodeName: node-1\n  hostNetwork: true\n  containers:\n"
        "  - {name: a, image: nginx, ports: [{containerPort: 80, name: http}]}\n"
        "  - {name: b, image: busybox, ports: [{containerPort: 53, protocol: UDP}]}\n"
        "  initContainers:\n"
        "  - {name: c, image: i, restartPolicy: Always, ports: [{containerPort: 1}]}\n"
        "  - {name: d, image: i, ports: [{containerPort: 2}]}\n"
    )
    [pod] = decode(text)
    http = ContainerPort(80, Protocol.TCP, "http")
    ports = (http, ContainerPort(53, Protocol.UDP), ContainerPort(1))
    seen = Pod("default", "x", ports=ports, image="nginx", node="node-1", host_network=True)
    assert pod == seen


def test_nodes_have_their_own_addresses_and_no_names():
    told = (
        ("InternalIP", "172.18.0.2"),
        ("Hostname", "n"),
        ("ExternalIP", "172.18.0.2"),
        ("InternalIP", "fd00::2"),
    )
    status = {"addresses": [{"type": type_, "address": text} for type_, text in told]}
    node = decode_object(manifest("Node", spec={"podCIDR": "10.244.1.0/24"}, status=status))
    ips = (ip_address("172.18.0.2"), ip_address("fd00::2"))
    assert node == Node("x", ips, (ip_network("10.244.1.0/24"),))


@pytest.mark.parametrize(
    ("kind", "status", "field"),
    [
        ("Pod", {"podIP": "x"}, "podIP"),
        ("Pod", {"podIPs": [{"ip": "10.0.0"}]}, "podIPs[0].ip"),
        ("Node", {"addresses": [{"type": "InternalIP", "address": "x"}]}, "addresses[0].address"),
        ("Service", {"loadBalancer": {"ingress": [{"ip": "x"}]}}, "loadBalancer.ingress[0].ip"),
    ],
)
def test_addresses_in_a_status_are_checked(kind, status, field):
    specs = {
        "Pod": {"containers": [{"name": "a", "image": "b"}]},
        "Service": {"ports": [{"port": 80}]},
    }
    data = manifest(kind, spec=specs.get(kind, {}), status=status)
    assert [problem.field for problem in problems(json.dumps(data))] == [f"status.{field}"]


def test_a_load_balancer_is_where_its_status_says_before_where_its_spec_wishes():
    spec = {"type": "LoadBalancer", "loadBalancerIP": "10.0.0.1", "ports": [{"port": 80}]}
    data = manifest("Service", spec=spec)
    assert [str(ip) for ip in decode_object(data).load_balancer_ips] == ["10.0.0.1"]
    data["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}, {"hostname": "h"}]}}
    assert [str(ip) for ip in decode_object(data).load_balancer_ips] == ["10.0.0.2"]


def test_errors_survive_the_way_between_processes():
    with pytest.raises(ManifestError) as error:
        decode(NAMESPACE.format("X"))
    copy = pickle.loads(pickle.dumps(error.value))
    assert (str(copy), copy.problems) == (str(error.value), error.value.problems)
    assert decode(NAMESPACE.format("a"))[0] == Namespace("a", {"kubernetes.io/metadata.name": "a"})
