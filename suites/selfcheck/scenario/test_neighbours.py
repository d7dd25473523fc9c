"""Scenarios that stand beside others say beside which, and it is there."""

from __future__ import annotations

from dataclasses import replace

from netpol_conformance.scenario.lint import lost_neighbours
from netpol_conformance.scenario.loader import load_all

from ..corpus import CORPUS

ONE, TWO, THREE = [item for item in CORPUS if item.pack == "handbook"][:3]
FILE = """
title: Cases
rules: [S1]
documented: {in: Kubernetes handbook, section: None}
neighbourOf: handbook/web-deny-all.yaml
pods: {web: {ports: [80]}, client: {}}
cases:
  first: {title: First, steps: [{title: Open, expect: {"web:80": {client: connected}}}]}
  second:
    title: Second
    neighbourOf: handbook/api-allow.yaml
    steps: [{title: Open, expect: {"web:80": {client: connected}}}]
"""


def beside(scenario, path):
    return replace(scenario, neighbour_of=path)


def told(*scenarios):
    return [str(problem) for problem in lost_neighbours(scenarios)]


def test_the_corpus_has_no_lost_neighbours():
    assert told(*CORPUS) == []


def test_a_case_has_its_files_neighbour_unless_it_names_its_own():
    first, second = load_all(FILE, "x/cases.yaml")
    assert first.neighbour_of == "handbook/web-deny-all.yaml"
    assert second.neighbour_of == "handbook/api-allow.yaml"


def test_a_neighbour_that_is_there_is_fine():
    assert told(replace(ONE, neighbour_of=""), beside(TWO, ONE.path)) == []


def test_what_is_not_there_has_no_neighbours():
    wrong = ONE.path.replace("allow", "alow")
    (problem,) = told(replace(ONE, neighbour_of=""), beside(TWO, wrong))
    assert f'there is no scenario "{wrong}"' in problem
    assert ONE.path in problem.removeprefix(wrong)


def test_neighbours_do_not_stand_beside_neighbours():
    (problem,) = told(replace(ONE, neighbour_of=""), beside(TWO, ONE.path), beside(THREE, TWO.path))
    assert f"{TWO.path} is a neighbour itself" in problem
    assert f"name the same as it: {ONE.path}" in problem


def test_nobody_stands_beside_himself():
    (problem,) = told(beside(ONE, ONE.path))
    assert "names the scenario itself" in problem
