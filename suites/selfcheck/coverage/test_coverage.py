"""What the corpus covers: all of it, counted from what is in the scenarios."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import jsonschema
import pytest

from netpol_conformance.coverage import page, records
from netpol_conformance.coverage.claims import CHECKS, unfounded
from netpol_conformance.coverage.counting import coverage_of
from netpol_conformance.coverage.facts import facts_of, policies_in
from netpol_conformance.coverage.fields import every_field, fields_of
from netpol_conformance.model.yaml import load_all
from netpol_conformance.scenario.catalogue import LINES, RULES
from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.loader import load

from ..commands import command
from ..corpus import BY_PATH, CORPUS, NOT_COVERED_YET

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schemas" / "coverage.schema.json"


@pytest.fixture(scope="module")
def whole():
    return coverage_of(CORPUS)


def missing(coverage: records.Coverage) -> dict[str, list[str]]:
    return {section.name: [item.id for item in section.missing] for section in coverage.sections}


def test_our_corpus_covers_everything_but_what_is_known_to_be_missing(whole):
    known = {"rules": NOT_COVERED_YET, "lines": NOT_COVERED_YET}
    assert missing(whole) == {name: known.get(name, []) for name in missing(whole)}


def test_our_corpus_names_no_rule_without_reason(whole):
    assert [f"{item.scenario}: {item.rule}: {item.lacks}" for item in whole.unfounded] == []


def test_everything_is_counted(whole):
    wanted = {section.name: {item.id for item in section.items} for section in whole.sections}
    assert wanted["rules"] == RULES
    assert wanted["fields"] == set(every_field())
    assert wanted["lines"] == set(LINES)
    assert wanted["features"] == set(FEATURES)
    assert len(wanted["pairs"]) == 457
    assert set(CHECKS) <= RULES


def test_a_part_of_the_corpus_does_not_cover_everything():
    part = coverage_of([BY_PATH["regressions/hairpin.yaml"]])
    assert not part.complete
    (features,) = (section for section in part.sections if section.name == "features")
    assert (features.covered, features.total) == (1, len(FEATURES))
    lines = list(records.lines(part))
    assert lines[0] == "not covered, rules:"
    assert lines[-1] == "1 scenario"


POLICY = """\
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: some}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
  - {}
  - from:
    - podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}
      namespaceSelector: null
    - ipBlock: {cidr: "2001:db8::/64", except: []}
    ports: [{port: http, protocol: UDP}, {port: 80, endPort: 90}]
  egress: []
"""


def test_fields_are_those_that_are_set():
    (document,) = load_all(POLICY)
    rule = "spec.ingress[]"
    assert fields_of(document.data) == {
        "spec.podSelector: {}",
        "spec.policyTypes[]: Ingress",
        f"{rule}: {{}}",
        f"{rule}.from[].podSelector.matchExpressions[].key",
        f"{rule}.from[].podSelector.matchExpressions[].operator: NotIn",
        f"{rule}.from[].podSelector.matchExpressions[].values",
        f"{rule}.from[].ipBlock.cidr: IPv6",
        f"{rule}.from[].ipBlock.except",
        f"{rule}.ports[].port: name",
        f"{rule}.ports[].port: number",
        f"{rule}.ports[].protocol: UDP",
        f"{rule}.ports[].endPort",
        "spec.egress: []",
    }
    assert fields_of(document.data) <= set(every_field())


def test_policies_of_a_list_are_found():
    items = "".join("\n- " + POLICY.strip().replace("\n", "\n  ") for _ in range(2))
    assert len(list(policies_in(f"kind: List\napiVersion: v1\nitems:{items}\n"))) == 2
    assert list(policies_in("kind: Service\napiVersion: v1\n")) == []


SCENARIO = """\
title: A scenario
rules: [S1, S2]
documented: {in: Kubernetes handbook, section: Simple example}
pods: {web: {labels: {app: web}, ports: [80]}, client: {}}
steps:
- title: A step
  apply: |
    kind: NetworkPolicy
    apiVersion: networking.k8s.io/v1
    metadata: {name: some}
    spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
  expect: {"web:80": {client: blocked}}
"""


def test_what_is_in_a_scenario_founds_its_claims():
    facts = facts_of(load(SCENARIO, "x.yaml"))
    assert "spec.podSelector.matchLabels" in facts.fields
    assert {"S1", "S2"} & facts.decided
    assert list(unfounded(facts)) == []


@pytest.mark.parametrize("rule", sorted(set(CHECKS) - {"S1", "S2", "S12", "S14"}))
def test_a_claim_of_what_is_not_there_is_unfounded(rule):
    bare = load(SCENARIO, "x.yaml")
    (found,) = unfounded(facts_of(replace(bare, rules=(rule,))))
    assert found[0] == rule
    assert found[1]


def test_a_refused_policy_sets_nothing():
    refused = SCENARIO.replace("policyTypes: [Ingress]", "policyTypes: [ingress]").replace(
        '  expect: {"web:80": {client: blocked}}', "  refused: Unsupported value"
    )
    facts = facts_of(load(refused, "x.yaml"))
    assert facts.fields == frozenset()
    assert facts.policies == frozenset()


def test_the_committed_schema_is_current(whole):
    text = COMMITTED.read_text(encoding="utf-8")
    assert text == records.schema_text(), (
        "run: python -m netpol_conformance.coverage.records > schemas/coverage.schema.json"
    )
    document = json.loads(records.dumps(whole))
    jsonschema.Draft202012Validator(json.loads(text)).validate(document)
    assert records.Coverage.model_validate(document) == whole


def test_the_page_loads_nothing_and_runs_nothing(whole):
    html = page.render(whole)
    assert "script-src 'none'" in unescape(html)
    assert "<script" not in html
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", html)
    assert html.count('id="pairs"') == 1


def test_the_page_escapes_names_that_are_not_ours():
    hostile = replace(load(SCENARIO, "x.yaml"), path="</style><script>alert(1)</script>\x1b.yaml")
    html = page.render(coverage_of([hostile]))
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "Not everything is covered" in html


def test_the_command_writes_both_and_fails_for_what_is_missing(tmp_path):
    done = command("coverage", "errata", "--output", str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("not covered, rules:")
    assert {path.name for path in tmp_path.iterdir()} == {"coverage.html", "coverage.json"}


def test_the_command_prints_json():
    done = command("coverage", "errata", "--json")
    assert json.loads(done.stdout)["scenarios"] == 10
