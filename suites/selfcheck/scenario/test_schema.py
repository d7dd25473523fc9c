"""The JSON Schema: current, and of one mind with the loader about what a scenario looks like."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from netpol_conformance.model.yaml import load_all
from netpol_conformance.scenario.schema import json_schema

from .scenario_texts import SOUND, spoilt

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schemas" / "scenario.schema.json"
FILES = sorted((ROOT / "scenarios").rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_current():
    assert json.loads(COMMITTED.read_text()) == json_schema(), (
        "run: python -m netpol_conformance.scenario.schema > schemas/scenario.schema.json"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_scenario_is_valid_and_tells_editors_of_the_schema(validator, path):
    text = path.read_text()
    (document,) = load_all(text)
    validator.validate(document.data)
    _, _, reference = text.splitlines()[0].partition("$schema=")
    assert (path.parent / reference).resolve() == COMMITTED.resolve()


def test_sound_is_valid(validator):
    (document,) = load_all(SOUND)
    validator.validate(document.data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Only", "titel: Only"),
        ("labels: {app: web}", "lables: {app: web}"),
        ("rules: [S2]", "rules: []"),
        ('kubernetes: "1.34"', "kubernetes: 1.34"),
        ("dns=53/UDP", "dns=53/udp"),
        ("  office: {", "  Office: {"),
        ("friend: connected, other/app", "friend: conected, other/app"),
    ],
)
def test_what_the_loader_calls_malformed_an_editor_does_too(validator, old, new):
    (document,) = load_all(spoilt(old, new))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document.data)


def test_every_field_is_described():
    schema = json_schema()
    for part in ("StepPart", "ClusterPart", "OutsidePart"):
        fields = schema["$defs"][part]["properties"]
        assert all("description" in field for field in fields.values()), part
