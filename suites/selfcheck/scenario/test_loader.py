"""The loader: what a sound file becomes, and what is said of an unsound one."""

from __future__ import annotations

import pytest

from netpol_conformance.model.objects import (
    ContainerPort,
    Namespace,
    ObjectKey,
    Pod,
    Protocol,
    Service,
    ServicePort,
    SourceKind,
)
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import CellKey, Destination, Expectation, SourceRef, Via

from .scenario_texts import SOUND, faults, spoilt

CONNECTED, BLOCKED = Expectation.CONNECTED, Expectation.BLOCKED


def pod(name: str, namespace: str = "default") -> SourceRef:
    return SourceRef(SourceKind.POD, namespace, name)


@pytest.fixture(scope="module")
def sound():
    return load(SOUND, "handbook/sound.yaml")


def test_header(sound):
    assert sound.path == "handbook/sound.yaml"
    assert sound.pack == "handbook"
    assert sound.title == "Only friend reaches web"
    assert (sound.rules, sound.covers, sound.features) == (("S2",), ("HB6",), ("ipv6",))
    assert (sound.nodes, sound.families, sound.version) == (3, (4, 6), KubernetesVersion(1, 34))
    assert sound.documented.where == "Kubernetes handbook"


def test_a_version_that_the_file_asks_for_is_its_own(sound):
    assert sound.version_pinned
    assert not load(spoilt(', kubernetes: "1.34"}', "}"), "x.yaml").version_pinned


def test_short_forms_become_whole_objects(sound):
    objects = {item.key: item for item in sound.objects}
    labels = {"team": "blue", "kubernetes.io/metadata.name": "other"}
    assert objects[ObjectKey("Namespace", "", "other")] == Namespace("other", labels)
    replica = objects[ObjectKey("Pod", "default", "web-2")]
    assert replica.ports == (ContainerPort(80), ContainerPort(53, Protocol.UDP, "dns"))
    service = objects[ObjectKey("Service", "default", "web")]
    assert service == Service("default", "web", {"app": "web"}, (ServicePort(8080, 80),))


def test_pods_take_turns_on_the_nodes(sound):
    nodes = {item.name: item.node for item in sound.objects if isinstance(item, Pod)}
    assert nodes == {"web-1": "node-1", "web-2": "node-2", "friend": "node-3", "app": "node-3"}


def test_an_nginx_pod_serves_port_80():
    scenario = load(spoilt("friend:     {", "friend:     {image: nginx, "), "x.yaml")
    friend = next(item for item in scenario.objects if item.name == "friend")
    assert friend.ports == (ContainerPort(80),)


def test_sources_and_destinations_span_the_matrix(sound):
    sources = ["web-1", "web-2", "friend", "other/app", "outside/office"]
    assert [str(source) for source in sound.sources] == sources
    names = [str(destination) for destination in sound.destinations]
    assert names[:3] == ["service/web:8080", "web-1:53/UDP", "web-2:53/UDP"]
    assert "other/app:9000/IPv6" in names
    assert len(names) == len(set(names))


def test_everyone_else_is_all_but_the_named_and_the_pod_itself(sound):
    expected = dict(sound.steps[1].expected)
    web1 = Destination(Via.POD, "default", "web-1", 80)
    assert {cell.source: word for cell, word in expected.items() if cell.destination == web1} == {
        pod("friend"): CONNECTED,
        pod("web-2"): BLOCKED,
        pod("app", "other"): BLOCKED,
        SourceRef(SourceKind.OUTSIDE, "", "office"): BLOCKED,
    }


def test_each_expectation_knows_its_line(sound):
    step = sound.steps[1]
    lines = SOUND.splitlines()
    assert len(step.expected_lines) == len(step.expected)
    assert all("web:80" in lines[line - 1] for line in step.expected_lines)
    assert "Only friend does" in lines[step.line - 1]


def test_a_group_of_replicas_means_each_other_not_itself():
    text = spoilt('web:80: {friend: connected, "*": blocked}', "web:80: {web: blocked}")
    cells = [str(cell) for cell, _ in load(text, "x.yaml").steps[1].expected]
    assert cells == ["web-2 -> web-1:80", "web-1 -> web-2:80"]


def test_a_pod_named_itself_is_meant():
    text = spoilt('web:80: {friend: connected, "*": blocked}', "web-1:80: {web-1: connected}")
    ((cell, word),) = load(text, "x.yaml").steps[1].expected
    assert cell == CellKey(pod("web-1"), Destination(Via.POD, "default", "web-1", 80))
    assert word is CONNECTED
    assert load(spoilt('web:53/UDP: {"*"', 'web-1:80: {web-1: connected, "*"'), "x.yaml")


FAULTS = [
    ("title: Only", "titel: Only", 'unknown key "titel"', 'did you mean "title"?'),
    ("labels: {app: web}", "lables: {app: web}", 'unknown key "lables"', 'did you mean "labels"?'),
    ("targetPort", "targetport", 'unknown key "targetport"', 'did you mean "targetPort"?'),
    ("rules: [S2]", "rules: [two]", '"two"', ""),
    ("rules: [S2]", "rules: []", "must not be empty", ""),
    ("[ipv6]", "[ipv66]", "no feature", 'mean "ipv6"?'),
    ('kubernetes: "1.34"', "kubernetes: 1.34", "must be a string", 'in quotes: "1.34"'),
    ('kubernetes: "1.34"', 'kubernetes: "new"', "not a Kubernetes version", ""),
    ("dns=53/UDP", "dns=53/udp", '"udp" is not a protocol', ""),
    ("[80, dns", "[70000, dns", '"70000" is not a port', ""),
    ("node: node-3", "node: node-4", 'no node "node-4"', 'did you mean "node-'),
    ("other/app:  {p", "othre/app:  {p", '"othre" does not exist', 'did you mean "other"?'),
    ("role: friend}", "role: 'a b'}", "metadata.labels", ""),
    ("friend:     {labels: {role: friend}}", "friend: {service: {port: 80}}", "labels", ""),
    ("friend:     {", "web-2:      {", "second Pod default/web-2", ""),
    ("  other: {labels", "  service: {labels", "meaning of its own", ""),
    ("  office: {", "  Office: {", '"Office" does not look right', ""),
    ("friend:     {", "a/b/friend: {", '"a/b/friend" does not look right', ""),
    ("172.17.1.5", "172.17.1.500", "not an IP address", ""),
    ("172.17.1.5", "10.244.1.2", "outside the cluster", "192.0.2.0/24"),
    ("172.17.1.5", "127.0.0.1", "outside the cluster", "192.0.2.0/24"),
    ("172.17.1.5", "172.17.1.5, addresses: [172.17.1.6]", "two addresses of one family", ""),
    ("  office: {", "  home: {address: 172.17.1.5}\n  office: {", "home has the address", ""),
    ("[IPv4, IPv6]", "[IPv4, IPv4]", "names a family twice", ""),
    ("web:53/UDP: {", "nodeport/web:8080@node-1: {", "has no nodeport", ""),
    ("web:53/UDP: {", "loadbalancer/web:8080: {", "type is not LoadBalancer", ""),
    ("friend: connected, other/app", "fiend: connected, other/app", "no pod", '"friend"?'),
    ("friend: connected, other/app", "friend: conected, other/app", "words", '"connected"?'),
    ("friend: connected, other/app", "friend: unspecifed, other/app", "words", "unspecified"),
    ("service/web:8080: {", "service/wbe:8080: {", "no Service", '"service/web"?'),
    ("service/web:8080: {", "service/web:80: {", "has no port 80/TCP; it has 8080/TCP", ""),
    ("web:53/UDP: {", "web:54/UDP: {", "serves no port 54/UDP; it has 80/TCP, 53/UDP", ""),
    ("web:53/UDP: {", "web: {", "is not a destination", ""),
    ("web:53/UDP: {", "nodeport/web:8080: {", "@node-1", ""),
    ("web:53/UDP: {", "outside/ofice:443: {", "outside", '"outside/office"?'),
    ("{friend: connected, other/app: connected}", "{outside/office: blocked}", "from pods", ""),
    ('web:80: {friend: connected, "*": blocked}', "web:80: {friend: unresolved}", "name", ""),
    ("other/app: connected}", "outside/office: connected}", "from pods", ""),
    ('web:53/UDP: {"*"', 'other/app:9000/IPv6: {outside/office: connected, "*"', "IPv6", ""),
    ("[networkpolicy/only-friend]", "[networkpolicy/only-fiend]", "there is no", "only-friend"),
    ("[networkpolicy/only-friend]", "[policy/only-friend]", "names no object", ""),
    ("kind: NetworkPolicy", "kind: NetworkPolcy", "no matches for kind", "NetworkPolicy"),
    ("role: friend}\n    expect", "role: ${pod/frend}}\n    expect", "no address", "pod/friend"),
    ("    delete: [networkpolicy/only-friend]\n", "    refused: nonsense\n", "nothing is", ""),
    ("    expect:\n      web:80: {friend", "    expect: {}\n    x: {friend", "unknown key", ""),
    ('    expect:\n      web:80: {"*": connected}\n', "", "states nothing", ""),
    ("title: Only", "  title: Only", "", ""),
    ("rules: [S2]\n", "rules: [S2]\nrules: [S2]\n", "already set", ""),
]


@pytest.mark.parametrize(("old", "new", "reason", "suggestion"), FAULTS, ids=[f[1] for f in FAULTS])
def test_a_fault_is_named_with_its_line(old, new, reason, suggestion):
    text = spoilt(old, new)
    problem = next(item for item in faults(text) if reason in item.reason)
    assert suggestion in problem.suggestion
    assert problem.file == "x.yaml"
    assert str(problem).startswith(f"x.yaml:{problem.line}: ")
    changed = text[: text.index(new)].count("\n") + 1
    assert changed <= problem.line <= changed + new.count("\n") + 1 or "states" in reason


def test_all_faults_are_told_at_once():
    text = spoilt("title: Only", "titel: Only").replace("rules: [S2]", "rules: []")
    assert {problem.field for problem in faults(text)} == {"titel", "title", "rules"}


def test_a_bad_manifest_is_pointed_at_inside_the_file():
    text = spoilt("matchLabels: {app: web}", "matchLabel: {app: web}")
    (problem,) = faults(text)
    assert "matchLabel:" in text.splitlines()[problem.line - 1]
    assert problem.field == "steps[1].apply"
    assert "spec.podSelector.matchLabel: unknown field" in problem.reason
    assert problem.suggestion == 'did you mean "matchLabels"?'


REFUSED = spoilt(
    "matchLabels: {role: friend}\n",
    'matchLabels: {role: friend}\n          ports: [{protocol: tcp}]\n    refused: "tcp"\n',
).replace('web:80: {friend: connected, "*": blocked}', 'web:80: {"*": connected}')


def test_a_refused_manifest_is_not_applied():
    text = REFUSED.replace("    delete: [networkpolicy/only-friend]\n", "")
    assert load(text, "x.yaml").steps[1].refused == "tcp"
    with pytest.raises(ScenarioError, match="there is no NetworkPolicy default/only-friend"):
        load(REFUSED, "x.yaml")


def test_a_refusal_must_be_the_one_expected():
    with pytest.raises(ScenarioError, match="the API would say something else"):
        load(REFUSED.replace('refused: "tcp"', "refused: something"), "x.yaml")
    with pytest.raises(ScenarioError, match="the API would accept these manifests"):
        load(REFUSED.replace("protocol: tcp", "protocol: TCP"), "x.yaml")


@pytest.mark.parametrize("text", ["", "[]", "just words", "a: 1\n---\nb: 2\n", "{", "\x00", "3"])
def test_what_is_no_scenario_at_all(text):
    assert faults(text)
