"""A plugin's declaration: read, or refused with every line that is wrong; and those we ship."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from netpol_conformance.app.declarations import load_declaration, read_declaration, shipped
from netpol_conformance.model.yaml import load_all
from netpol_conformance.plugins.loader import load
from netpol_conformance.plugins.schema import json_schema
from netpol_conformance.plugins.types import Times
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.loader import load as load_scenario

from ..scenario.scenario_texts import spoilt

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schemas" / "declaration.schema.json"
SCENARIO = load_scenario(
    """\
title: A scenario
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
features: [namedPorts]
pods: {web: {ports: [80]}, client: {}}
steps: [{title: A step, expect: {"web:80": {client: connected}}}]
""",
    "semantics/a.yaml",
)
SOUND = """\
implementation: a plugin
link: https://example.org/plugin
versions: ["1.2"]
configuration: [tunnels, "sctp: off"]
measured: false
called: [plug]
unsupported:
  sctp:
    reason: the kernel lacks it
    link: https://example.org/1
knownFailures:
- scenario: semantics/a.yaml
  steps: [1]
  cells: ["client -> web:80"]
  reason: a bug
  link: docs/plugins.md#a-plugin
"""


def find(name: str):
    if name != SCENARIO.path:
        raise LookupError('did you mean "semantics/a.yaml"?')
    return [SCENARIO]


def problems(old: str, new: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load(spoilt(old, new, SOUND), "mine.yaml", find)
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_declaration():
    declaration = load(SOUND, "plugins/plug-in.yaml", find)
    assert (declaration.name, declaration.called) == ("plug-in", ("plug",))
    assert (declaration.versions, declaration.configuration) == (("1.2",), ("tunnels", "sctp: off"))
    assert not declaration.measured
    (lack,), (failure,) = declaration.lacks, declaration.failures
    assert (lack.feature, lack.reason, lack.line) == ("sctp", "the kernel lacks it", 8)
    assert (failure.scenario, failure.steps, failure.cells) == (
        "semantics/a.yaml",
        (1,),
        ("client -> web:80",),
    )
    assert failure.line == 12
    assert declaration.times is None


TIMES = "enforce: {policies: 10, labels: 40, link: docs/plugins.md}\nknownFailures"


def test_times_of_its_own():
    declaration = load(SOUND.replace("knownFailures", TIMES), "mine.yaml", find)
    assert declaration.times == Times(10, 40, "docs/plugins.md")
    labels = TIMES.replace("policies: 10, ", "")
    declaration = load(SOUND.replace("knownFailures", labels), "mine.yaml", find)
    assert declaration.times == Times(None, 40, "docs/plugins.md")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  sctp:", "  sctpp:", ':8: unsupported.sctpp: no feature is called "sctpp"; did'),
        ("knownFailures", "knownFailure", ':11: knownFailure: unknown key "knownFailure"; '),
        ("  cells:", "  cell:", 'knownFailures[0].cell: unknown key "cell"; did you mean "cells"?'),
        ("    link: https://example.org/1\n", "", ":8: unsupported.sctp.link: is missing"),
        ("docs/plugins.md#a-plugin", "a-bug-tracker", "does not look right"),
        ("semantics/a", "semantics/b", 'names no scenario; did you mean "semantics/a.yaml"?'),
        ("steps: [1]", "steps: [2]", ":13: knownFailures[0].steps[0]: semantics/a.yaml"),
        ("-> web:80", "-> web:8O", 'no cell "client -> web:8O"; did you mean "client -> web:80'),
        ("  sctp:", "  namedPorts:", "needs namedPorts, which is declared as unsupported already"),
        ("[tunnels, ", "['', ", "configuration[0]: must not be empty"),
        ("measured: false", "measured: never", ":5: measured: must be true or false"),
        ("  reason: a bug\n", "  reason: ''\n", "reason: must not be empty"),
        ("a plugin\n", "a plugin\n---\n", "holds 2 YAML documents; a declaration is one"),
        ("link: https://example.org/plugin", "link: [", "mine.yaml:"),
        ("knownFailures", TIMES.replace("labels: 40, ", "labels: 0, "), ":11: enforce.labels: "),
        ("knownFailures", TIMES.replace("40", ".inf"), ":11: enforce.labels: "),
        ("knownFailures", TIMES.replace(", link: docs/plugins.md", ""), "link: is missing"),
        (
            "knownFailures",
            "enforce: {link: docs/a.md}\nknownFailures",
            ":11: enforce: says no time",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old, new, told):
    found = problems(old, new)
    assert any(told in problem for problem in found), found
    assert all(problem.startswith("mine.yaml:") for problem in found)


def test_a_scenario_is_declared_once():
    again = SOUND[SOUND.index("- scenario") :]
    with pytest.raises(ScenarioError, match=r"semantics/a.yaml is declared twice"):
        load(SOUND + again, "mine.yaml", find)


def test_the_committed_schema_is_current():
    assert json.loads(COMMITTED.read_text()) == json_schema(), (
        "run: python -m netpol_conformance.plugins.schema > schemas/declaration.schema.json"
    )


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_declaration_is_sound_and_its_links_lead_somewhere(path):
    declaration = read_declaration(path)
    assert declaration.file == f"plugins/{path.name}"
    (document,) = load_all(path.read_text())
    jsonschema.Draft202012Validator(json_schema()).validate(document.data)
    schema = "# yaml-language-server: $schema=../schemas/declaration.schema"
    assert path.read_text().startswith(schema)

    entries = [*declaration.lacks, *declaration.failures, declaration.times]
    links = [declaration.link, *(entry.link for entry in entries if entry)]
    for link in links:
        if not link.startswith("https://"):
            file, _, anchor = link.partition("#")
            headings = re.findall(r"^#+ (.*)$", (ROOT / file).read_text(), re.MULTILINE)
            slugs = {
                re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in headings
            }
            assert not anchor or anchor in slugs, link


def test_a_run_finds_the_declaration_of_its_implementation():
    assert load_declaration("", "kube-router").name == "kube-router"
    assert load_declaration("", "reference").name == "reference-enforcer"
    assert load_declaration("", "suites/mutants.py:Mutant") is None
    assert load_declaration("none", "kube-router") is None
    assert load_declaration("calico", "kube-router").name == "calico"


def test_a_declaration_that_is_not_there_is_an_error():
    with pytest.raises(ScenarioError, match=r'is called "calicoo".* mean "calico"'):
        load_declaration("calicoo", "reference")
    with pytest.raises(ScenarioError, match=r"nowhere.yaml:1: cannot be read"):
        load_declaration("nowhere.yaml", "reference")


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("regressions/hairpinn.yaml", 'did you mean "regressions/hairpin.yaml"'),
        ("regressions/hairpin", 'did you mean "regressions/hairpin.yaml"'),
        ("handbook", "names no scenario; name a file, or one of its cases"),
    ],
)
def test_scenarios_of_a_declaration_are_those_of_the_packs(scenario, told, tmp_path):
    mine = tmp_path / "mine.yaml"
    text = SOUND.replace("semantics/a.yaml", scenario)
    mine.write_text(re.sub(r"  (steps|cells): .*\n", "", text))
    with pytest.raises(ScenarioError) as caught:
        read_declaration(mine)
    assert told in str(caught.value)
