"""Decoding agrees with what a real API server answered."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_conformance.model.decode import ManifestError, decode
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import Pod
from netpol_conformance.model.yaml import load_all


def recorded(name):
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    [document] = load_all(text, source=name)
    return [pytest.param(case, id=case["title"].replace(" ", "-")) for case in document.data]


def comparable(item):
    """What a pod's author doesn't write but an API server adds tells nothing about decoding."""
    return replace(item, phase="Running") if isinstance(item, Pod) else item


@pytest.mark.parametrize("case", recorded("refused.yaml"))
def test_a_refusal_is_worded_as_recorded_and_says_which_object_field_and_line(case):
    with pytest.raises(ManifestError) as refusal:
        decode(case["manifest"])
    assert str(refusal.value).split("\n") == case["message"]
    lines = case["manifest"].count("\n")
    for problem in refusal.value.problems:
        kind = problem.object.split(" ")[0]
        assert f"kind: {kind}\n" in case["manifest"]
        assert problem.field
        assert problem.cause
        assert 1 <= problem.line <= lines
    messages = [str(problem) for problem in refusal.value.problems]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("case", recorded("accepted.yaml"))
def test_a_manifest_is_defaulted_as_recorded(case):
    [expected] = decode(case["object"], strict=False)
    assert decode(case["manifest"]) == (comparable(expected),)


@pytest.mark.parametrize("case", recorded("accepted.yaml"))
def test_json_gives_the_same_object_as_yaml(case):
    [document] = load_all(case["manifest"])
    assert decode(json.dumps(document.data)) == decode(case["manifest"])


@pytest.mark.parametrize("case", recorded("accepted.yaml"))
def test_what_is_encoded_decodes_to_the_same(case):
    objects = decode(case["manifest"])
    assert decode("\n".join(json.dumps(manifest(item)) for item in objects)) == objects
