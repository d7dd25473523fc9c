"""Whatever a file holds, the loader answers with a scenario or with problems, never otherwise."""

from __future__ import annotations

import copy

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.scenario.errors import Problem, ScenarioError
from netpol_conformance.scenario.lint import lint
from netpol_conformance.scenario.loader import load
from netpol_conformance.scenario.types import Scenario

from .scenario_texts import SOUND

TREE = yaml.safe_load(SOUND)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.sampled_from(["", "/", "a/b/c", "*", "${pod/web-1}", "$", "web", "web:80", "node-1"]),
    st.sampled_from(["fd00::1", "10.0.0.1", "blocked", "unresolved", "service/web:8080"]),
    st.sampled_from(["IPv6", "1.6", "NodePort", "80/UDP"]),
    st.text(max_size=4),
    st.sampled_from([[], {}, [""], {"": ""}, {"a": {}}, [[]]]),
)


def places(tree, path=()):
    """Every path into the tree."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


PLACES = [path for path in places(TREE) if path]


def loaded(text: str) -> tuple[Scenario | None, tuple[Problem, ...]]:
    try:
        return load(text, "x.yaml"), ()
    except ScenarioError as error:
        return None, error.problems


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.booleans(), VALUES), min_size=1, max_size=2))
def test_a_changed_file_is_loaded_or_refused(changes):
    tree = copy.deepcopy(TREE)
    for path, as_key, value in changes:
        *above, last = path
        try:
            parent = tree
            for part in above:
                parent = parent[part]
            if as_key and isinstance(parent, dict):
                parent[str(value)] = parent.pop(last)
            else:
                parent[last] = value
        except (KeyError, IndexError, TypeError):
            continue  # the first change took away what the second would change
    scenario, problems = loaded(yaml.safe_dump(tree, sort_keys=False))
    assert all(problem.line >= 1 and problem.reason for problem in problems)
    assert bool(problems) == (scenario is None)
    if scenario is not None:
        lint([scenario], expectation, needed_features)


@settings(deadline=None, max_examples=100)
@given(st.text(st.sampled_from(SOUND), max_size=40), st.integers(0, len(SOUND)))
def test_inserted_text_is_loaded_or_refused(text, position):
    scenario, problems = loaded(SOUND[:position] + text + SOUND[position:])
    assert bool(problems) == (scenario is None)
