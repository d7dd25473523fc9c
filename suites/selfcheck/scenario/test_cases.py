"""Files of several cases: each a scenario of its own, with its own name, fields and lines."""

from __future__ import annotations

import re
from functools import partial

import pytest

from netpol_conformance.scenario.axes import AXES, all_pairs, pairs
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load, load_all

from . import scenario_texts
from .scenario_texts import CASES, faults, findings

SHARED = "All begin open."


spoilt = partial(scenario_texts.spoilt, text=CASES)


@pytest.fixture(scope="module")
def cases():
    return load_all(CASES, "semantics/some.yaml")


def test_each_case_is_a_scenario_with_a_name_of_its_own(cases):
    assert [case.path for case in cases] == ["semantics/some.yaml#tcp", "semantics/some.yaml#sctp"]
    assert {case.file for case in cases} == {"semantics/some.yaml"}
    assert {case.pack for case in cases} == {"semantics"}
    titles = ["A rule for TCP opens TCP", "A rule for SCTP opens SCTP"]
    assert [case.title for case in cases] == titles


def test_what_a_case_has_is_added_to_what_all_have(cases):
    tcp, sctp = cases
    assert (tcp.rules, sctp.rules) == (("S2", "S20"), ("S2",))
    assert (tcp.covers, sctp.covers) == (("HB6",), ("HB6", "S24"))
    assert (tcp.features, sctp.features) == ((), ("sctp",))
    assert (tcp.nodes, sctp.nodes) == (2, 1)
    assert (tcp.about, sctp.about) == (SHARED, f"{SHARED}\n\nMore than the others need.")
    assert [item.name for item in tcp.objects] == ["web", "bob"]
    assert [item.name for item in sctp.objects] == ["web", "bob", "more"]
    assert tcp.axes == {"direction": "ingress", "protocol": "TCP"}


def test_a_digest_is_of_the_case_and_what_it_shares(cases):
    digests = [case.digest for case in cases]
    assert len(set(digests)) == 2
    other = load_all(spoilt("More than the others need", "More"), "semantics/some.yaml")
    assert [case.digest == was for case, was in zip(other, digests, strict=True)] == [True, False]
    shared = load_all(spoilt("title: Rules name", "title: Rules say"), "semantics/some.yaml")
    assert not {case.digest for case in shared} & set(digests)


def test_a_file_of_cases_is_not_one_scenario():
    with pytest.raises(ScenarioError, match=r"holds 2 cases.*name one: some.yaml#tcp"):
        load(CASES, "some.yaml")


def test_lines_are_those_of_the_file(cases):
    lines = CASES.splitlines()
    for case in cases:
        for step in case.steps:
            assert step.title in lines[step.line - 1]
        assert case.title in lines[case.lines["title"] - 1]
    assert "rules: [S20]" in lines[cases[0].lines["rules"] - 1]
    assert "rules: [S2]" in lines[cases[1].lines["rules"] - 1]
    assert "more:" in lines[cases[1].lines["pods.more"] - 1]
    assert "bob:" in lines[cases[1].lines["pods.bob"] - 1]


FAULTS = [
    ("title: A rule for TCP", "titel: A rule for TCP", "cases.tcp.titel", 'mean "title"?'),
    ("  sctp:\n", "  S:\n", "cases.S", ""),
    ("    features: [sctp]", "    features: [sctb]", "cases.sctp.features[0]", 'mean "sctp"?'),
    ("more:  {ports: [80/", "more:  {ports: [80/X", "cases.sctp.pods.more.ports[0]", ""),
    ("      more:  {", "      bob:  {", "cases.sctp.pods.bob", ""),
    ("more:80/SCTP:  {", "moer:80/SCTP:  {", 'cases.sctp.steps[0].expect["moer:80/SCTP"]', ""),
    ("web:80:        {bob", "web:80:        {Bob", 'cases.sctp.steps[1].expect["web:80"].Bob', ""),
    ("ports: [{protocol: SCTP}]", "ports: [{protocol: sctp}]", "cases.sctp.steps[1].apply", "SCTP"),
    ("protocol: TCP}\n    steps", "protocol: ICMP}\n    steps", "cases.tcp.axes", ""),
    ("axes: {direction", "axes: {directoin", "cases.tcp.axes", ""),
    ("cluster: {nodes: 1}", "cluster: {nodes: 0}", "cases.sctp.cluster.nodes", ""),
    ("cluster: {nodes: 1}", 'cluster: {kubernetes: "x"}', "cases.sctp.cluster.kubernetes", ""),
]


@pytest.mark.parametrize(("old", "new", "field", "suggestion"), FAULTS, ids=[f[1] for f in FAULTS])
def test_a_fault_is_named_with_its_case_and_line(old, new, field, suggestion):
    text = spoilt(old, new)
    problem = next(item for item in faults(text) if item.field == field)
    assert problem.file == "x.yaml"
    assert suggestion in problem.suggestion
    changed = text[: text.index(new)].count("\n") + 1
    assert changed <= problem.line <= changed + new.count("\n")


def test_the_faults_of_all_cases_are_told_at_once_and_those_they_share_once():
    text = spoilt("app: web}, ports: [80, 80/UDP]", "app: 'a b'}, ports: [80, 80/UDP]")
    text = text.replace("{nodes: 1}", '{kubernetes: "x"}').replace("TCP}]}]", "tcp}]}]")
    fields = sorted(problem.field for problem in faults(text))
    assert fields == ["cases.sctp.cluster.kubernetes", "pods.web"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CASES + "steps: [{title: x, expect: {}}]\n", "stand beside steps"),
        (CASES[: CASES.index("cases:")], "steps: is missing; give steps, or cases"),
        (CASES[: CASES.index("cases:")] + "cases: {}\n", "is missing"),
        (re.sub(r"pods:\n  web.*\n  bob.*\n", "", CASES), "pods: is missing"),
    ],
)
def test_a_file_has_steps_or_cases_and_workloads(text, told):
    with pytest.raises(ScenarioError, match=re.escape(told)):
        load_all(text, "x.yaml")


class TestLint:
    def test_sound_cases(self):
        assert findings(CASES) == []

    def test_a_workload_may_be_for_some_of_the_cases(self):
        text = spoilt("  bob:  {}\n", "  bob:  {}\n  amy:  {}\n")
        assert any("pods.amy: no expectation speaks of it" in told for told in findings(text))
        used = text.replace("web:80:        {bob: blocked}", 'web:80:        {"*": blocked}')
        assert findings(used) == []

    def test_what_the_cases_share_is_wrong_once(self):
        (found,) = findings(spoilt("Kubernetes handbook", "A page"))
        assert found.startswith("x.yaml:3: documented: has no link")

    def test_double_entry_names_the_case(self):
        (found,) = findings(spoilt("{bob: blocked}", "{bob: connected}"))
        assert ": cases.tcp.steps[1].expect: bob -> web:80/UDP is stated as connected" in found

    def test_no_two_cases_have_one_title(self):
        text = spoilt("title: A rule for SCTP opens SCTP", "title: A rule for TCP opens TCP")
        assert sum("is titled" in told for told in findings(text)) == 2


class TestAxes:
    def test_pairs_of_a_place(self):
        place = {"family": "IPv6", "direction": "both", "port": "two"}
        assert list(pairs(place)) == [
            (("direction", "both"), ("port", "two")),
            (("direction", "both"), ("family", "IPv6")),
            (("port", "two"), ("family", "IPv6")),
        ]

    def test_all_pairs(self):
        every = all_pairs()
        assert len(every) == len(set(every))
        sizes = [len(values) for values in AXES.values()]
        assert len(every) == (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2
